"""The measurements of a PEtab problem, grouped so that many points are scored at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bioxen.server.engines.kinetic.changes import Change, bare
from bioxen.server.engines.kinetic.conditions import Condition
from bioxen.server.engines.kinetic.petab_formulas import Observable
from bioxen.server.engines.kinetic.petab_problem import Row, Tables
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.side_by_side import Matrix


@dataclass(frozen=True, slots=True)
class Group:
    """The measurements of one observable in one condition."""

    observable: str
    rows: Sequence[Row]
    instants: Sequence[int]
    """Place of each measurement among the condition's times."""

    @property
    def how(self) -> Observable:
        """The observable."""
        return self.rows[0].how

    @property
    def places(self) -> list[int]:
        """The rows of the measurement table."""
        return [row.index for row in self.rows]

    @property
    def measured(self) -> Matrix:
        """The measurements."""
        return np.array([row.measured for row in self.rows])

    def observe(
        self, state: Mapping[str, Matrix], values: Mapping[str, Matrix], points: int
    ) -> tuple[Matrix, Matrix]:
        """Return the observable and the width of its noise, each points × measurements."""
        shape = (points, len(self.rows))
        scope = {**state, **values}
        for name in self.rows[0].overrides:
            entries = [row.overrides[name] for row in self.rows]
            columns = [values[at] if isinstance(at, str) else np.full((points, 1), at) for at in entries]
            scope[name] = np.hstack(columns)
        seen = self.how.formula(scope, shape)
        return seen, self.how.noise({**scope, self.observable: seen}, shape)


class Part:
    """The measurements of one condition."""

    def __init__(self, tables: Tables, name: str, rows: Sequence[Row]) -> None:
        self._symbols = tables.symbols
        self._sets = tables.changes(name)
        self.times = sorted({0.0, *(row.time for row in rows)})
        grouped: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            grouped.setdefault((row.observable, *sorted(row.overrides)), []).append(row)
        self.groups = [
            Group(group[0].observable, group, [self.times.index(row.time) for row in group])
            for group in grouped.values()
        ]
        self._moving: dict[str, str] = {}
        """What differs from point to point in the model → parameter of the table."""

    def condition(
        self,
        fixed: Sequence[Change],
        given: Mapping[str, float],
        columns: Mapping[str, int],
        program: Program,
    ) -> Condition:
        """Return what is simulated."""
        native = {program.facts.native(name): at for name, at in self._sets.items()}
        self._moving = {name: at for name, at in native.items() if isinstance(at, str) and at in columns}
        still = [
            Change(name, given[at] if isinstance(at, str) else at)
            for name, at in native.items()
            if name not in self._moving
        ]
        symbols = {bare(name) for name in native}
        own = [change for change in fixed if change.symbol not in symbols]
        return Condition(
            names=tuple(self._moving),
            fixed=(*own, *still),
            times=tuple(self.times),
            selections=tuple(self._symbols.values()),
        )

    def table(self, values: Mapping[str, Matrix], points: int) -> Matrix:
        """Return points × the values of what differs from point to point."""
        return np.hstack([np.empty((points, 0)), *(values[at] for at in self._moving.values())])

    def state(self, course: Matrix, group: Group) -> dict[str, Matrix]:
        """Return symbol of the model → points × measurements of the group."""
        return {symbol: course[:, group.instants, index] for index, symbol in enumerate(self._symbols)}
