"""One estimation problem as a function: from a point of the search space to weighted residuals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares

from bioxen.errors import BioXenException, ValidationError
from bioxen.protocol.kinetic import EstimationRequest, Experiment, NoiseModel, ParameterRange
from bioxen.server.engines.kinetic.changes import Change, changes_of, check_parameter, ordered
from bioxen.server.engines.kinetic.integrate import IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.outputs import selections_of
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix

TOLERANCES = Tolerances(relative=1e-9, absolute=1e-12)
DIFFERENCE_STEP = 1e-5
_DECADES_FOR_LOG = 2
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


class Data:
    """One experiment: what was measured, how it scatters, and what the condition changes."""

    def __init__(
        self, experiment: Experiment, place: str, request: EstimationRequest, program: Program
    ) -> None:
        self.name = experiment.name
        self.times = experiment.measured_times
        self.selections = selections_of(list(experiment.measurements), program.facts, f"{place}measurements")
        columns = [experiment.measurements[name] for name in self.selections]
        self.measured = np.array([[np.nan if v is None else v for v in column] for column in columns]).T
        self.known: NDArray[np.bool_] = np.isfinite(self.measured)
        self._start = experiment.time_start
        self._noise = [request.noise.get(name) for name in self.selections]
        for name, noise, column in zip(self.selections, self._noise, self.measured.T, strict=True):
            _check_noise(f"{place}measurements.{name}", noise, column)
        own = request.model_copy(
            update={
                "parameters": {**request.parameters, **experiment.parameters},
                "initial_conditions": {**request.initial_conditions, **experiment.initial_conditions},
            }
        )
        try:
            given = changes_of(own, program.facts)
        except BioXenException as error:
            error.details["place"] = f"{place}{error.place}"
            raise
        self._changes = [change for change in given if change.selection not in request.estimate]

    def course(self, values: list[Change], program: Program) -> Matrix:
        """Return the simulated table, one row a measured time, the time in the first column."""
        earlier = self._start < self.times[0]
        times = [self._start, *self.times] if earlier else list(self.times)
        changes = ordered([*values, *self._changes], program.facts)
        table = integrate(program, changes, times, self.selections, TOLERANCES).table
        return table[1:] if earlier else table

    def residuals(self, table: Matrix) -> Matrix:
        """Return the weighted residuals of what was measured, one after the other."""
        columns = zip(table[:, 1:].T, self.measured.T, self._noise, strict=True)
        weighted = np.array([_weighted(simulated, measured, noise) for simulated, measured, noise in columns])
        return weighted.T[self.known]


class Fit:
    """The problem: residuals of all experiments, starts, and the search itself."""

    def __init__(self, request: EstimationRequest, program: Program) -> None:
        for name in request.estimate:
            check_parameter(name, "estimate", program.facts)
        self.axes = [Axis(name, request.estimate[name]) for name in sorted(request.estimate)]
        self.lower = np.array([axis.bounds[0] for axis in self.axes])
        self.upper = np.array([axis.bounds[1] for axis in self.axes])
        self._request = request
        self._program = program
        places = [""] if request.experiments is None else _places(request.experiments)
        experiments = zip(request.all_experiments, places, strict=True)
        self.data = [Data(experiment, place, request, program) for experiment, place in experiments]
        self.count = sum(int(data.known.sum()) for data in self.data)
        if self.count == 0:
            raise ValidationError(
                "There is nothing to fit: every measurement is null.",
                details={"place": "measurements", "remedy": "Give at least one measured value."},
            )
        largest = max(float(np.abs(data.measured[data.known]).max(initial=0.0)) for data in self.data)
        self._hopeless = 1e3 * (1.0 + largest)

    @property
    def knows_noise(self) -> bool:
        """Whether every output has a noise model, so that residuals are in units of their own sigma."""
        return all(name in self._request.noise for data in self.data for name in data.selections)

    def starts(self) -> list[Matrix]:
        """Return the starting points: the given one (or the middle), then seeded uniform draws."""
        given = [
            (low + high) / 2 if axis.range.start is None else axis.inside(axis.range.start)
            for axis, low, high in zip(self.axes, self.lower, self.upper, strict=True)
        ]
        draws = np.random.default_rng(self._request.seed).uniform(
            self.lower, self.upper, (self._request.starts - 1, len(self.axes))
        )
        return [np.array(given), *draws]

    def search(self, start: Matrix, free: list[int] | None = None) -> OptimizeResult | None:
        """Return the best point reached from `start`, or `None` where the model cannot run there.

        Args:
            start: a point of the whole space.
            free: the axes that may move; every one where absent. The result's `x` has these alone.
        """
        chosen = list(range(len(self.axes))) if free is None else free
        whole = np.clip(start, self.lower, self.upper)

        def at(point: Matrix) -> Matrix:
            whole[chosen] = point
            return self.residuals(whole)

        if self.residuals_or_none(whole) is None:
            return None
        return least_squares(
            at,
            whole[chosen].copy(),
            bounds=(self.lower[chosen], self.upper[chosen]),
            diff_step=[DIFFERENCE_STEP] * len(chosen),
            x_scale="jac",
        )

    def courses(self, point: Matrix) -> list[Matrix]:
        """Return the simulated table of each experiment at `point`."""
        values = [Change(axis.name, axis.value(float(x))) for axis, x in zip(self.axes, point, strict=True)]
        return [data.course(values, self._program) for data in self.data]

    def residuals(self, point: Matrix) -> Matrix:
        """Return the weighted residuals; hopeless ones where the model cannot run."""
        found = self.residuals_or_none(point)
        return np.full(self.count, self._hopeless) if found is None else found

    def residuals_or_none(self, point: Matrix) -> Matrix | None:
        """Return the weighted residuals, or `None` where the model cannot run."""
        try:
            tables = self.courses(point)
        except IntegrationFailure:
            return None
        parts = [data.residuals(table) for data, table in zip(self.data, tables, strict=True)]
        residuals = np.concatenate(parts)
        return residuals if np.isfinite(residuals).all() else None


def _places(experiments: list[Experiment]) -> list[str]:
    return [f"experiments.{index}." for index in range(len(experiments))]


def _check_noise(place: str, noise: NoiseModel | None, column: Matrix) -> None:
    known = column[np.isfinite(column)]
    if noise is None or noise.kind == "absolute":
        return
    if (known == 0).any() or (noise.kind == "log" and (known < 0).any()):
        raise ValidationError(
            f"A measurement is {known.min():g}, which has no {noise.kind} noise.",
            details={"place": place, "remedy": "Leave it out, or take absolute noise."},
        )


def _weighted(simulated: Matrix, measured: Matrix, noise: NoiseModel | None) -> Matrix:
    if noise is None:
        return simulated - measured
    if noise.kind == "log":
        known = np.isfinite(measured)
        ratio = np.full(measured.shape, np.nan)
        positive = known & (simulated > 0)
        ratio[positive] = np.log(simulated[positive] / measured[positive])
        return ratio / noise.sigma
    width = noise.sigma * (np.abs(measured) if noise.kind == "relative" else 1.0)
    return np.asarray((simulated - measured) / width)
