"""One estimation problem as a function: from a point of the search space to weighted residuals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import EstimationRequest, Experiment, ParameterRange
from bioxen.server.engines.kinetic.changes import check_varied
from bioxen.server.engines.kinetic.conditions import Simulator
from bioxen.server.engines.kinetic.integrate import Tolerances
from bioxen.server.engines.kinetic.measurements import Data
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.searching import Region, least_squares_from
from bioxen.server.engines.kinetic.side_by_side import Ask, Matrix

TOLERANCES = Tolerances(relative=1e-9, absolute=1e-12)
_DECADES_FOR_LOG = 2
FARTHEST = 1e100
"""Residuals beyond this are none: their squares, and those of their slopes, are to be numbers."""
_AT_BOUND = 1e-6
"""Share of the range within which a value counts as held by its bound."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter and the scale it is searched on."""

    name: str
    range: ParameterRange

    @property
    def is_log(self) -> bool:
        """Whether the search runs over log10 of the value."""
        limits = self.range
        if limits.scale != "auto":
            return limits.scale == "log"
        return limits.lower > 0 and limits.upper / limits.lower >= 10**_DECADES_FOR_LOG

    @property
    def bounds(self) -> tuple[float, float]:
        """The limits on the scale of the search."""
        return self.inside(self.range.lower), self.inside(self.range.upper)

    def inside(self, value: float) -> float:
        """Return where `value` lies on the scale."""
        return math.log10(value) if self.is_log else value

    def value(self, place: float) -> float:
        """Return the value at `place` on the scale, held inside the range."""
        value = 10.0**place if self.is_log else place
        return min(max(value, self.range.lower), self.range.upper)

    def slope(self, value: float) -> float:
        """Return d(value)/d(place)."""
        return value * math.log(10) if self.is_log else 1.0

    def is_at_bound(self, place: float) -> bool:
        """Whether a bound holds the value."""
        lower, upper = self.bounds
        return min(place - lower, upper - place) <= _AT_BOUND * (upper - lower)


class Fit:
    """The problem: residuals of all experiments at any points, starts, and the search itself."""

    def __init__(self, request: EstimationRequest, program: Program) -> None:
        check_varied(request.estimate, "estimate", program.facts)
        self.axes = [Axis(name, request.estimate[name]) for name in sorted(request.estimate)]
        bounds = np.array([axis.bounds for axis in self.axes])
        self.region = Region(bounds[:, 0], bounds[:, 1])
        self._request = request
        places = [""] if request.experiments is None else _places(request.experiments)
        experiments = zip(request.all_experiments, places, strict=True)
        self.data = [Data(experiment, place, request, program) for experiment, place in experiments]
        self.count = sum(int(data.known.sum()) for data in self.data)
        if self.count == 0:
            raise ValidationError(
                "There is nothing to fit: every measurement is null.",
                details={"place": "measurements", "remedy": "Give at least one measured value."},
            )
        self.conditions = [data.condition for data in self.data]

    @property
    def measure(self) -> str:
        """Half the sum of squares."""
        return "cost"

    @property
    def knows_noise(self) -> bool:
        """Whether every output has a noise model, so that residuals are in units of their own sigma."""
        return all(name in self._request.noise for data in self.data for name in data.selections)

    def starts(self) -> list[Matrix]:
        """Return the starting points: the given one (or the middle), then seeded uniform draws."""
        lower, upper = self.region.lower, self.region.upper
        given = [
            (low + high) / 2 if axis.range.start is None else axis.inside(axis.range.start)
            for axis, low, high in zip(self.axes, lower, upper, strict=True)
        ]
        draws = np.random.default_rng(self._request.seed).uniform(
            lower, upper, (self._request.starts - 1, len(self.axes))
        )
        return [np.clip(np.array(given), lower, upper), *draws]

    def search(self, ask: Ask, start: Matrix, free: Sequence[int] | None = None) -> OptimizeResult | None:
        """Return the best point reached from `start`, or `None` where the model cannot run there.

        Args:
            ask: gives the residuals at points of the whole space.
            start: a point of the whole space.
            free: the axes that may move; every one where absent. The result's `x` has these alone.
        """
        chosen = list(range(len(self.axes))) if free is None else list(free)
        whole = np.clip(start, self.region.lower, self.region.upper)

        def embedded(points: Matrix) -> Matrix:
            all_axes = np.tile(whole, (len(points), 1))
            all_axes[:, chosen] = points
            return ask(all_axes)

        region = Region(self.region.lower[chosen], self.region.upper[chosen])
        return least_squares_from(whole[chosen], embedded, region)

    def values(self, points: Matrix) -> Matrix:
        """Return points × parameters, on their own scales."""
        return np.array(
            [[axis.value(x) for axis, x in zip(self.axes, row, strict=True)] for row in points.tolist()]
        )

    def tables(self, points: Matrix) -> list[Matrix]:
        """Return for each experiment points × parameters: they are the same in all."""
        return [self.values(points)] * len(self.data)

    def numbers(self, simulator: Simulator, points: Matrix) -> Matrix:
        """Return points × weighted residuals, NaN in all of a point where the model cannot run."""
        values = self.values(points)
        return self.residuals([simulator.run(index, values) for index in range(len(self.data))])

    def residuals(self, courses: Sequence[Matrix]) -> Matrix:
        """Return points × weighted residuals of all experiments, NaN in all of a point that has none.

        Args:
            courses: points × times × selections of each experiment.
        """
        parts = [data.residuals(table) for data, table in zip(self.data, courses, strict=True)]
        rows = np.concatenate(parts, axis=1)
        rows[~(np.abs(rows) <= FARTHEST).all(axis=1)] = np.nan
        return rows


def _places(experiments: list[Experiment]) -> list[str]:
    return [f"experiments.{index}." for index in range(len(experiments))]
