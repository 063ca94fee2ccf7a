"""The conditions of a fit, simulated at many points of its search space: in lanes, or one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import MembersEngine
from bioxen.server.engines.kinetic.changes import Change, ordered
from bioxen.server.engines.kinetic.integrate import IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.condition_lanes import ConditionLanes

FEWEST = 8
"""Starts times points of a difference quotient from which on `auto` takes the lanes: a search asks for some
ten such rounds, and making a model's functions takes as long as so many simulations on libRoadRunner."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What is simulated for one experiment, whatever the point."""

    names: tuple[str, ...]
    """What differs from point to point, by the ids of the compiled model."""
    fixed: tuple[Change, ...]
    """What else is changed, nothing of `names`."""
    times: tuple[float, ...]
    """Rising; the simulation starts at the first."""
    selections: tuple[str, ...]

    def changes(self, row: Sequence[float], program: Program) -> list[Change]:
        """Return all changes at one point."""
        return ordered([*map(Change, self.names, row), *self.fixed], program.facts)


class Simulator(Protocol):
    """A way to simulate conditions."""

    ways: dict[str, int]
    """How many simulations were done how."""

    def run(self, condition: int, table: Matrix) -> Matrix:
        """Return points × times × selections of a condition; NaN in all of a point that cannot be simulated.

        Args:
            condition: its index.
            table: points × the condition's names.
        """
        ...


@dataclass(slots=True)
class OneByOne:
    """The ladder of integrators on libRoadRunner."""

    program: Program
    conditions: Sequence[Condition]
    tolerances: Tolerances
    ways: dict[str, int] = field(default_factory=dict)

    def run(self, condition: int, table: Matrix) -> Matrix:
        """Simulate one point after the other; see `Simulator`."""
        asked = self.conditions[condition]
        found = np.full((len(table), len(asked.times), len(asked.selections)), np.nan)
        for index, row in enumerate(table.tolist()):
            try:
                found[index] = self.course(condition, row)
            except IntegrationFailure:
                continue
        return found

    def course(self, condition: int, row: Sequence[float]) -> Matrix:
        """Return times × selections at one point.

        Raises:
            IntegrationFailure: no integrator reached the end.
        """
        asked = self.conditions[condition]
        changes = asked.changes(row, self.program)
        if len(asked.times) == 1:
            runner = self.program.prepare(changes)
            return np.array([[runner.get(selection) for selection in asked.selections]])
        found = integrate(self.program, changes, list(asked.times), asked.selections, self.tolerances)
        way = f"libRoadRunner {found.settings['method']}"
        self.ways[way] = self.ways.get(way, 0) + 1
        return found.table[:, 1:]


def lanes_for(engine: MembersEngine, work: int, single: OneByOne) -> tuple[ConditionLanes | None, str]:
    """Return the lanes for these conditions, or `None` with why libRoadRunner runs them.

    Args:
        engine: which the request asks for.
        work: starts times the points of one difference quotient.
        single: the conditions, and the simulator that answers for lanes that stop.

    Raises:
        InvalidModelError: the request insists on lanes, which do not run the model.
    """
    if engine == "libroadrunner":
        return None, "not asked for"
    if engine == "auto" and work < FEWEST:
        return None, "only where searches simulate more"
    from bioxen.server.engines.kinetic.condition_lanes import ConditionLanes  # late: needs a compiler
    from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

    try:
        return ConditionLanes(single), ""
    except Uncovered as refusal:
        if engine == "auto":
            return None, str(refusal)
        raise InvalidModelError(
            str(refusal),
            details={
                "place": "engine",
                "construct": refusal.construct,
                "remedy": "Leave `engine` out, or give 'libroadrunner'.",
            },
        ) from refusal
