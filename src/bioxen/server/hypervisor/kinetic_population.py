"""A kinetic process on many cells: the batch of their parameters, starts and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from bioxen.errors import ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.bulk import PopulationRun
from bioxen.protocol.kinetic import (
    KineticBatchRequest,
    KineticRequest,
    KineticVariant,
    MembersMethod,
    SteadyStateRequest,
    StochasticRequest,
    TauLeapingRequest,
    TimeCourseRequest,
    VariantAnalysis,
)
from bioxen.protocol.processes import Process
from bioxen.protocol.request import ComputeRequest

METHODS: dict[type[ComputeRequest], MembersMethod] = {
    TimeCourseRequest: "ode",
    StochasticRequest: "ssa",
    TauLeapingRequest: "tau_leaping",
    SteadyStateRequest: "steady_state",
}
"""Requests of one cell → how the members of a batch are simulated."""
RUNNABLE: tuple[type[ComputeRequest], ...] = tuple(dict.fromkeys((*METHODS, *get_args(VariantAnalysis))))
"""Requests that a population can run: simulations, and what a batch can analyse of every variant."""
_BY_CHANCE = ("ssa", "tau_leaping")
_OF_A_BATCH = frozenset(
    {
        *("features", "report", "quantiles", "quantile_method", "quantile_accuracy"),
        *("bins", "edges", "encoding", "engine"),
    }
)
"""Fields of the context that say what is kept of all cells; a request of one cell does not have them."""


class KineticPopulation:
    """What is asked of the cells."""

    of_variant = frozenset(KineticVariant.model_fields)
    """The fields in which cells may differ."""

    def __init__(self, run: PopulationRun, process: Process) -> None:
        self.run, self.process = run, process
        self.method = METHODS.get(process.request)
        """How cells are simulated; null for an analysis of each."""
        self.context: Mapping[str, Any] = {
            name: value for name, value in run.context.items() if name not in self._of_the_batch
        }
        """What each cell's own request is given."""

    @property
    def each_has_a_seed(self) -> bool:
        """Whether chance is each cell's own: in stochastic runs, unless one seed is given for all."""
        return self.method in _BY_CHANCE and "seed" not in self.context

    @property
    def _of_the_batch(self) -> frozenset[str]:
        return frozenset() if self.method is None else _OF_A_BATCH

    def batch(self, fields: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> KineticBatchRequest:
        """Return the batch of cells that share `fields`, each with its own changes.

        Raises:
            ValidationError: the batch has no such field, or one of another form.
        """
        batch = self._simulated(fields) if self.method else _analysed(fields)
        variants = [self._variant(one) for one in changes]
        return parse(KineticBatchRequest, {**batch, "process_code": "kinetic_batch", "variants": variants})

    def _simulated(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        if "integrator" in fields:
            raise ValidationError(
                "integrator: a population has no choice of one.",
                details={"place": "context.integrator", "remedy": "Leave it out; `engine` is what runs all."},
            )
        kept = {name: value for name, value in self.run.context.items() if name in self._of_the_batch}
        return {**fields, **kept, "method": self.method}

    def _variant(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return a variant; the seed of a request that says none is 0, and a cell alone has that too."""
        return {"seed": 0, **changes}


def _analysed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a batch of analyses: what all analyses have stands beside the one."""
    beside = {name: value for name, value in fields.items() if name in KineticRequest.model_fields}
    own = {name: value for name, value in fields.items() if name not in beside}
    return {**beside, "analysis": own}
