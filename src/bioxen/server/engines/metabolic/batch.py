"""Many variants of one problem, each solved as if it were asked for alone."""

from __future__ import annotations

import numpy as np

from bioxen.errors import BioXenException
from bioxen.protocol.metabolic import BatchColumns, BatchRequest, Certificate, MetabolicStatus, Variant
from bioxen.server.engines.metabolic.findings import Findings, solved_by
from bioxen.server.engines.metabolic.network import Network, Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_reactions
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum, worst


def batch(request: BatchRequest, program: Program) -> Findings:
    """Return the outcomes of the variants in columns."""
    network = program.network
    reported = _reported(request, network)
    problem = build_problem(request, network)
    base = program.optimise(problem)
    columns = _Columns(len(request.variants), reported)
    for number, variant in enumerate(request.variants):
        columns.solve(number, program, _variant_problem(request, variant, number, network))
    solved = not isinstance(base, NoOptimum)
    optimal = columns.status.count("optimal")
    return Findings(
        problem=problem,
        status=base.status if isinstance(base, NoOptimum) else "optimal",
        message=f"{len(request.variants)} variants, {optimal} of them optimal.",
        optimal_objective=None if isinstance(base, NoOptimum) else problem.objective_value(base.value),
        batch=columns.message(network),
        certificate=worst(columns.certificates) if solved and columns.certificates else None,
        settings={} if isinstance(base, NoOptimum) else solved_by(base),
    )


def _reported(request: BatchRequest, network: Network) -> list[int]:
    if request.report == "objective":
        return []
    names = network.reactions if request.reactions is None else request.reactions
    return find_reactions(names, network, "reactions")


def _variant_problem(request: BatchRequest, variant: Variant, number: int, network: Network) -> Problem:
    """Return the problem of one variant; an error names the variant it is in.

    Raises:
        BioXenException: as `build_problem`.
    """
    alone = request.model_copy(
        update={
            "gene_knockouts": [*request.gene_knockouts, *variant.gene_knockouts],
            "reaction_knockouts": [*request.reaction_knockouts, *variant.reaction_knockouts],
            "medium": request.medium if variant.medium is None else variant.medium,
            "constraints": {**request.constraints, **variant.constraints},
            "objective": request.objective if variant.objective is None else variant.objective,
            "objective_direction": variant.objective_direction or request.objective_direction,
        }
    )
    try:
        return build_problem(alone, network)
    except BioXenException as error:
        error.details["place"] = f"variants.{number}.{error.place}"
        raise


class _Columns:
    """The columns as they fill."""

    def __init__(self, count: int, reported: list[int]) -> None:
        self.status: list[MetabolicStatus] = []
        self.certificates: list[Certificate] = []
        self._reported = reported
        self._objective: list[float | None] = []
        self._fluxes: Vector = np.full((count, len(reported)), np.nan)

    def solve(self, number: int, program: Program, problem: Problem) -> None:
        """Add one variant."""
        outcome = program.optimise(problem)
        if isinstance(outcome, NoOptimum):
            self.status.append(outcome.status)
            self._objective.append(None)
            return
        self.status.append("optimal")
        self.certificates.append(outcome.certificate)
        self._objective.append(problem.objective_value(outcome.value))
        self._fluxes[number] = outcome.x[self._reported] + 0.0

    def message(self, network: Network) -> BatchColumns:
        """Return the columns."""
        fluxes = {
            network.reactions[reaction]: [None if np.isnan(value) else value for value in column]
            for reaction, column in zip(self._reported, self._fluxes.T.tolist(), strict=True)
        }
        return BatchColumns(status=self.status, objective=self._objective, fluxes=fluxes or None)
