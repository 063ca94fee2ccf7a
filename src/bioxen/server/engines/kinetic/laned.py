"""Members of a study side by side, one in each lane of the CPU's vectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.courses import Deterministic, Random
from bioxen.server.engines.kinetic.integrate import Tolerances
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.members import Study
from bioxen.server.engines.kinetic.rest import Settled
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.ssa import Stochastic

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.ahead import Ahead

_NUMBERS_AT_ONCE = 4_000_000
"""Numbers of the time courses of all states that are in memory at once."""
_ON_GPU_AT_ONCE = 32_000_000
"""The same for a GPU, which needs many members to be busy: 256 MB."""


@dataclass(slots=True)
class Laned:
    """What the lanes gave for some members."""

    values: Matrix
    """Members × points × selections."""
    ways: list[str] = field(default_factory=list)
    """How each member was simulated."""
    stopped: dict[int, str] = field(default_factory=dict)
    """Row → why the lane stopped; it has no numbers."""


class Lanes:
    """A study on one model, ready to run any of its members."""

    def __init__(self, study: Study, *, gpu: bool = False) -> None:
        """Compile what the study needs; on a GPU where there is one that runs it, else for the CPU's vectors.

        Raises:
            Uncovered: the lanes do not run the model, or not with these changes or selections.
        """
        self._program = study.program.lanes(singly=isinstance(study.how, Stochastic))
        self._study = study
        self._times = study.times
        self._columns = len(study.selections)
        self._observer = self._program.observer(study.selections)
        starts(self._program, study, np.ones((1, len(study.names))), 0)
        self.settings: dict[str, Setting] = {"integrator": "lanes"}
        """What a result says of where members run."""
        self._ahead: Ahead | None = None
        self._driver = (self._on_gpu(study) if gpu else None) or self._on_cpu(study)

    def _on_gpu(self, study: Study) -> Deterministic | Random | None:
        from bioxen.server.engines.kinetic.on_gpu import on_gpu  # late: few ask for it

        assert not isinstance(study.how, Settled)  # noqa: S101 - steady states have `RestingLanes`
        if study.seeds is not None and isinstance(study.how, Stochastic):
            self.settings["gpu"] = "not used: every member has a seed of its own"
            return None
        driver, self.settings = on_gpu(self._program, self._times, study.how)
        return driver

    def _on_cpu(self, study: Study) -> Deterministic | Random:
        if isinstance(study.how, Stochastic):
            return Random(self._program, self._times, study.how, study.seeds)
        assert isinstance(study.how, Tolerances)  # noqa: S101 - steady states have `RestingLanes`
        return Deterministic(self._program, self._times, study.how)

    def expect(self, table: Matrix, first: int) -> None:
        """Take the members that will be asked for block by block: a GPU runs many blocks at once."""
        if self.settings["integrator"] == "gpu":
            from bioxen.server.engines.kinetic.ahead import Ahead

            per_member = len(self._times) * (len(self._program.states) + self._columns)
            self._ahead = Ahead(self._run, table, first, max(1, _ON_GPU_AT_ONCE // per_member))

    def run(self, table: Matrix, first: int) -> Laned:
        """Simulate members.

        Args:
            table: members × names, the value of each in each member.
            first: index of the first of these members in the whole study.

        Raises:
            ValidationError: a stochastic member does not start with whole numbers of molecules.
        """
        if self._ahead is not None and self._ahead.covers(first, len(table)):
            return self._ahead.block(first, len(table))
        return self._run(table, first)

    def _run(self, table: Matrix, first: int) -> Laned:
        program, points = self._program, len(self._times)
        width = len(program.states) + self._columns + (len(program.parameters) if program.event_count else 0)
        room = _NUMBERS_AT_ONCE if self.settings["integrator"] == "lanes" else _ON_GPU_AT_ONCE
        size = max(program.width, room // (points * width))
        laned = Laned(np.empty((len(table), points, self._columns)))
        for begin in range(0, len(table), size):
            some = table[begin : begin + size]
            with progress.within(begin / len(table), (begin + len(some)) / len(table)):
                self._some(laned, some, begin, first + begin)
        return laned

    def _some(self, laned: Laned, table: Matrix, begin: int, first: int) -> None:
        states, parameters = starts(self._program, self._study, table, first)
        courses = self._driver.run(states, parameters, first)
        changing = parameters if courses.parameters is None else courses.parameters
        seen = self._observed(courses.values, changing)
        laned.values[begin : begin + len(table)] = seen
        laned.ways += courses.ways
        stopped = courses.stopped
        if isinstance(self._driver, Deterministic):  # libRoadRunner shall say what is not finite
            broken = np.flatnonzero(~np.isfinite(seen).all(axis=(1, 2))).tolist()
            stopped = dict.fromkeys(broken, "not finite") | stopped
        for row, words in stopped.items():
            laned.stopped[begin + row] = words

    def _observed(self, courses: Matrix, parameters: Matrix) -> Matrix:
        members, points, states = courses.shape
        rows = courses.reshape(members * points, states)
        flat = parameters.reshape(-1, parameters.shape[-1])
        found = evaluate(self._observer, self._times, rows, flat, self._columns)
        return found.reshape(members, points, self._columns)


def starts(program: LaneProgram, study: Study, table: Matrix, first: int) -> tuple[Matrix, Matrix]:
    """Return states and parameters of members at the start.

    Args:
        program: the model in lanes.
        study: what the members have in common.
        table: members × names, the value of each in each member.
        first: index of the first of these members in the whole study.

    Raises:
        Uncovered: a rule computes one of them, or there is none of that name.
    """
    columns = {name: table[:, index] for index, name in enumerate(study.names)}
    fixed = {change.selection: change.value for change in study.fixed}
    given: dict[str, Matrix] = {name: np.array(value) for name, value in fixed.items()} | columns
    if study.seeds is not None:
        own = study.seeds[first : first + len(table)]
        states, parameters = program.initial_values(given, members=len(table), seed=own)
    else:
        seed = study.how.seed if isinstance(study.how, Stochastic) else study.seed
        states, parameters = program.initial_values(given, members=len(table), seed=seed, first_member=first)
    return _each(states, len(table)), _each(parameters, len(table))


def _each(rows: Matrix, members: int) -> Matrix:
    """Return a row for each member, where all members may share one."""
    return np.ascontiguousarray(np.broadcast_to(rows, (members, rows.shape[1])))
