"""From a model's text to a `Network`.

This file and `gapfilling` import COBRApy, and are imported where a text is read or a gap is filled: with all
that it brings it takes 1.3 s and 160 MB, which a worker that finds its models in the store never needs.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import cobra
import numpy as np
from cobra.util.solver import linear_reaction_coefficients
from scipy import sparse

from bioxen.errors import ConfigurationError, InvalidModelError
from bioxen.protocol.units import INFINITE_FLUX
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.metabolic.gpr import GeneRules, compile_rule
from bioxen.server.engines.metabolic.network import Network, Vector
from bioxen.server.engines.metabolic.sbml import with_numbers

"""HiGHS takes any bound from here on for no bound."""

_log = logging.getLogger("bioxen.metabolic")
_REACTION_KEYS = {
    "id",
    "name",
    "metabolites",
    "lower_bound",
    "upper_bound",
    "gene_reaction_rule",
    "objective_coefficient",
    "annotation",
}


def read_network(source: ModelSource) -> Network:
    """Return the network that `source` describes.

    Raises:
        InvalidModelError: the text is malformed, or not a model for flux balance analysis.
    """
    if source.format == "antimony":
        raise InvalidModelError(
            "the metabolic engine does not run Antimony",
            details={
                "remedy": "Send SBML with flux bounds (fbc) or COBRA JSON, or ask for a kinetic process."
            },
        )
    text = with_numbers(source.text) if source.format == "sbml" else source.text
    with _quiet() as remarks:
        try:
            model = _read_sbml(text) if source.format == "sbml" else _read_json(text)
            network = _network(model)
        except InvalidModelError:
            raise
        except Exception as error:  # COBRApy raises whatever its parts raise
            raise _unreadable(error) from error
    _check_remarks(remarks)
    _check_numbers(network)
    return network


def text_of(model: Any) -> str:
    """Return a `cobra.Model` as COBRA JSON.

    Raises:
        ConfigurationError: it is no `cobra.Model`.
    """
    if not isinstance(model, cobra.Model):
        raise ConfigurationError(
            f"{type(model).__name__} is no cobra.Model.",
            details={"place": "model", "remedy": "Give a cobra.Model, or the path of a model file."},
        )
    return str(cobra.io.to_json(model))


def _read_sbml(text: str) -> Any:
    return cobra.io.read_sbml_model(io.StringIO(text))  # a str could be taken for a path


def _read_json(text: str) -> Any:
    content = json.loads(text.lstrip("\ufeff"))
    # COBRApy sets every key of a reaction as an attribute, whatever its name.
    reactions = [
        {key: reaction[key] for key in reaction if key in _REACTION_KEYS} for reaction in content["reactions"]
    ]
    return cobra.io.model_from_dict({**content, "reactions": reactions})


def _network(model: Any) -> Network:
    if not model.reactions:
        raise InvalidModelError(
            "the model has no reactions", details={"remedy": "Send a model with reactions."}
        )
    genes = tuple(gene.id for gene in model.genes)
    gene_index = {gene: number for number, gene in enumerate(genes)}
    objective = np.zeros(len(model.reactions))
    for reaction, coefficient in linear_reaction_coefficients(model).items():
        objective[model.reactions.index(reaction)] = coefficient
    return Network(
        reactions=tuple(reaction.id for reaction in model.reactions),
        metabolites=tuple(metabolite.id for metabolite in model.metabolites),
        genes=genes,
        stoichiometry=_stoichiometry(model),
        lower=_bounds([reaction.lower_bound for reaction in model.reactions]),
        upper=_bounds([reaction.upper_bound for reaction in model.reactions]),
        objective=objective,
        direction="min" if model.objective_direction == "min" else "max",
        rules=GeneRules([compile_rule(reaction.gpr.body, gene_index) for reaction in model.reactions]),
        exchanges=tuple(model.reactions.index(reaction) for reaction in _exchanges(model)),
        carbons=np.array([_carbons(metabolite) for metabolite in model.metabolites], dtype=float),
        weights=np.array([_weight(metabolite) for metabolite in model.metabolites], dtype=float),
    )


def _carbons(metabolite: Any) -> float:
    return float((metabolite.elements or {}).get("C", 0.0))


def _weight(metabolite: Any) -> float:
    """Return the molar mass; NaN without a formula, or with one that holds more than elements."""
    weight = metabolite.formula_weight if metabolite.elements else None  # None for a residue such as R or X
    return np.nan if weight is None else float(weight)


def _stoichiometry(model: Any) -> sparse.csc_array:
    row_of = {metabolite: row for row, metabolite in enumerate(model.metabolites)}
    entries = [
        (row_of[metabolite], column, float(coefficient))
        for column, reaction in enumerate(model.reactions)
        for metabolite, coefficient in reaction.metabolites.items()
    ]
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    matrix = sparse.csc_array(
        (np.array(values, dtype=float), (np.array(rows, dtype=np.int32), np.array(columns, dtype=np.int32))),
        shape=(len(model.metabolites), len(model.reactions)),
    )
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def _bounds(values: list[float]) -> Vector:
    bounds = np.array(values, dtype=float)
    return np.where(np.abs(bounds) >= INFINITE_FLUX, np.copysign(np.inf, bounds), bounds)


def _exchanges(model: Any) -> list[Any]:
    """Return COBRApy's exchanges, or all boundary reactions where it finds no outer compartment."""
    try:
        return list(model.exchanges)
    except RuntimeError:
        return list(model.boundary)


@contextlib.contextmanager
def _quiet() -> Iterator[list[str]]:
    """Collect what COBRApy has to say, instead of letting it print and warn."""
    remarks: list[str] = []
    handler = _Collector(remarks)
    logger = logging.getLogger("cobra")
    propagate, level = logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield remarks
        remarks += [str(warning.message) for warning in caught]
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        logger.setLevel(level)


class _Collector(logging.Handler):
    """Keeps the text of each record."""

    def __init__(self, remarks: list[str]) -> None:
        super().__init__()
        self.remarks = remarks

    def emit(self, record: logging.LogRecord) -> None:
        self.remarks.append(record.getMessage())


def _unreadable(error: Exception) -> InvalidModelError:
    cause = error.__cause__ or error  # COBRApy wraps the reason into general advice
    return InvalidModelError(
        f"COBRApy cannot read the model: {type(cause).__name__}: {cause}",
        details={"remedy": "Check the model with cobra.io.validate_sbml_model."},
    )


def _check_remarks(remarks: list[str]) -> None:
    """Refuse a gene rule that COBRApy gave up on and left empty; log the rest."""
    for remark in remarks:
        if remark.startswith("Malformed gene_reaction_rule"):
            raise InvalidModelError(
                remark,
                details={"place": "gene_reaction_rule", "remedy": "Use gene ids, and, or, and parentheses."},
            )
        _log.info("COBRApy: %s", remark)


def _check_numbers(network: Network) -> None:
    """Refuse numbers that solvers read differently or not at all."""
    for column, name in enumerate(network.reactions):
        lower, upper = network.lower[column], network.upper[column]
        if not lower <= upper or lower == np.inf or upper == -np.inf:  # also false for NaN
            raise InvalidModelError(
                f"reaction {name} has the bounds [{lower:g}, {upper:g}]",
                details={"place": name, "remedy": "Give numbers with lower ≤ upper."},
            )
    for place, numbers in (("stoichiometry", network.stoichiometry.data), ("objective", network.objective)):
        if not np.isfinite(numbers).all():
            raise InvalidModelError(
                f"a coefficient of the {place} is not a number",
                details={"place": place, "remedy": "Give every coefficient as a number."},
            )
