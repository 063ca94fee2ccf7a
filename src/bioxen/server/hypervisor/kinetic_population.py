"""A simulation, or the steady states, of many cells: the batch of their parameters, starts and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bioxen.errors import ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.bulk import PopulationRun
from bioxen.protocol.kinetic import (
    KineticBatchRequest,
    KineticVariant,
    MembersMethod,
    SteadyStateRequest,
    StochasticRequest,
    TauLeapingRequest,
    TimeCourseRequest,
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
_BY_CHANCE = ("ssa", "tau_leaping")
_OF_A_BATCH = frozenset({"features", "report", "quantiles", "bins", "encoding", "engine"})
"""Fields of the context that say what is kept of all cells; a request of one cell does not have them."""


class KineticPopulation:
    """What is asked of the cells."""

    of_variant = frozenset(KineticVariant.model_fields)
    """The fields in which cells may differ."""

    def __init__(self, run: PopulationRun, process: Process) -> None:
        self.run, self.process = run, process
        self.method = METHODS[process.request]
        self.context: Mapping[str, Any] = {
            name: value for name, value in run.context.items() if name not in _OF_A_BATCH
        }
        """What each cell's own request is given."""

    @property
    def each_has_a_seed(self) -> bool:
        """Whether chance is each cell's own: in stochastic runs, unless one seed is given for all."""
        return self.method in _BY_CHANCE and "seed" not in self.context

    def batch(self, fields: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> KineticBatchRequest:
        """Return the batch of cells that share `fields`, each with its own changes.

        Raises:
            ValidationError: the batch has no such field, or one of another form.
        """
        if "integrator" in fields:
            raise ValidationError(
                "integrator: a population has no choice of one.",
                details={"place": "context.integrator", "remedy": "Leave it out; `engine` is what runs all."},
            )
        kept = {name: value for name, value in self.run.context.items() if name in _OF_A_BATCH}
        batch = {**fields, **kept, "process_code": "kinetic_batch", "method": self.method}
        return parse(KineticBatchRequest, {**batch, "variants": [self._variant(one) for one in changes]})

    def _variant(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return a variant; the seed of a request that says none is 0, and a cell alone has that too."""
        return {"seed": 0, **changes}
