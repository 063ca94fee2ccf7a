"""One variant of a batch as the request, or the problem, that it would be alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bioxen.errors import BioXenException
from bioxen.protocol.metabolic import BatchRequest, FbaRequest, MetabolicRequest, Variant
from bioxen.server.engines.metabolic.network import Network
from bioxen.server.engines.metabolic.problem import Problem, build_problem


def request_of(request: BatchRequest, number: int) -> MetabolicRequest:
    """Return what asks for the variant `number` alone, without its model."""
    variant = request.variants[number]
    return (request.analysis or FbaRequest()).model_copy(
        update={
            "gene_knockouts": [*request.gene_knockouts, *variant.gene_knockouts],
            "reaction_knockouts": [*request.reaction_knockouts, *variant.reaction_knockouts],
            "medium": request.medium if variant.medium is None else variant.medium,
            "constraints": {**request.constraints, **variant.constraints},
            "objective": request.objective if variant.objective is None else variant.objective,
            "objective_direction": variant.objective_direction or request.objective_direction,
        }
    )


def problem_of(request: BatchRequest, number: int, network: Network) -> Problem:
    """Return the problem of the variant `number`; raises as `build_problem`, the variant in the place."""
    with blamed(number):
        return build_problem(request_of(request, number), network)


@contextmanager
def blamed(number: int) -> Iterator[None]:
    """Put the variant, or the analysis they share, into the place of an error."""
    try:
        yield
    except BioXenException as error:
        if error.place:
            of_variant = error.place.partition(".")[0] in Variant.model_fields
            error.details["place"] = (
                f"variants.{number}.{error.place}" if of_variant else f"analysis.{error.place}"
            )
        raise
