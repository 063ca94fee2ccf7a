"""A PEtab problem as a function of its estimated parameters, at many points at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult

from bioxen.protocol.kinetic import PetabRequest
from bioxen.server.engines.kinetic.changes import changes_of
from bioxen.server.engines.kinetic.conditions import Simulator
from bioxen.server.engines.kinetic.petab_parts import Part
from bioxen.server.engines.kinetic.petab_problem import Parameter, Tables
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.searching import Region, minimum_from
from bioxen.server.engines.kinetic.side_by_side import Ask, Matrix


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The whole problem at some points."""

    log_likelihood: Matrix
    """Of each point; NaN where the model cannot run."""
    residuals: Matrix
    """Points × measurements: normalised."""
    simulated: Matrix
    """Points × measurements."""


class Objective:
    """The log-likelihood as a function of the estimated parameters on their scales."""

    def __init__(self, request: PetabRequest, tables: Tables, program: Program) -> None:
        self._request = request
        self.rows = tables.rows
        self._given = tables.values(request.values)
        self._free: list[Parameter] = [one for one in tables.parameters.values() if one.estimated]
        self._columns = {one.id: index for index, one in enumerate(self._free)}
        fixed = changes_of(request, program.facts)
        self._parts = [Part(tables, name, rows) for name, rows in tables.by_condition().items()]
        self.conditions = [part.condition(fixed, self._given, self._columns, program) for part in self._parts]
        self.region = Region(
            np.array([one.scaled(one.lower) for one in self._free]),
            np.array([one.scaled(one.upper) for one in self._free]),
        )

    @property
    def measure(self) -> str:
        """The negative log-likelihood."""
        return "fun"

    def given(self) -> Matrix:
        """Return the point of the request."""
        return np.array([parameter.scaled(self._given[parameter.id]) for parameter in self._free])

    def starts(self) -> list[Matrix]:
        """Return the starting points: the given one, then seeded uniform draws on the scales."""
        lower, upper = self.region.lower, self.region.upper
        draws = np.random.default_rng(self._request.seed).uniform(
            lower, upper, (self._request.starts - 1, len(self._free))
        )
        return [np.clip(self.given(), lower, upper), *draws]

    def values(self, points: Matrix) -> dict[str, Matrix]:
        """Return parameter → its value at each point, points × 1."""
        values = {name: np.full((len(points), 1), value) for name, value in self._given.items()}
        for one, column in zip(self._free, points.T, strict=True):
            values[one.id] = np.array([[one.unscaled(x)] for x in column.tolist()])
        return values

    def tables(self, points: Matrix) -> list[Matrix]:
        """Return for each condition points × the values of what it changes."""
        values = self.values(points)
        return [part.table(values, len(points)) for part in self._parts]

    def likelihood(self, courses: Sequence[Matrix], points: Matrix) -> Likelihood:
        """Return the likelihood.

        Args:
            courses: points × times × selections of each condition.
            points: points × estimated parameters.
        """
        shape = (len(points), len(self.rows))
        terms, residuals, simulated = (np.full(shape, np.nan) for _ in range(3))
        values = self.values(points)
        for part, course in zip(self._parts, courses, strict=True):
            for group in part.groups:
                seen, sigma = group.observe(part.state(course, group), values, shape[0])
                at = group.places
                simulated[:, at] = seen
                terms[:, at], residuals[:, at] = group.how.score(seen, sigma, group.measured)
        return Likelihood(terms.sum(axis=1), residuals, simulated)

    def numbers(self, simulator: Simulator, points: Matrix) -> Matrix:
        """Return points × 1: the negative log-likelihood, NaN where the model cannot run."""
        courses = [_once_each(simulator, index, table) for index, table in enumerate(self.tables(points))]
        numbers = -self.likelihood(courses, points).log_likelihood[:, None]
        numbers[~np.isfinite(numbers).all(axis=1)] = np.nan
        return numbers

    def search(self, ask: Ask, start: Matrix) -> OptimizeResult | None:
        """Return the best point reached from `start`, or `None` where the model cannot run there."""
        return minimum_from(start, ask, self.region)


def _once_each(simulator: Simulator, condition: int, table: Matrix) -> Matrix:
    """Simulate points that differ in nothing that this condition knows once."""
    rows, places = np.unique(table, axis=0, return_inverse=True)
    return simulator.run(condition, rows)[places.reshape(-1)]
