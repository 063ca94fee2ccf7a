"""Parameter estimation: bounded least squares (trust region reflective) from several starts.

The residuals are simulated − measured, unweighted. A parameter whose range is positive and spans at least two
decades is searched on a logarithmic scale, as the others are on their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, least_squares

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import Estimate, Estimation, EstimationRequest, ParameterRange
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import Change, changes_of, check_parameter
from bioxen.server.engines.kinetic.integrate import REMEDY, IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.outputs import Column, columns_of, selections_of, units_for, written
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix

_TOLERANCES = Tolerances(relative=1e-9, absolute=1e-12)
_DIFFERENCE_STEP = 1e-5
_DECADES_FOR_LOG = 2
_AT_BOUND = 1e-6
"""Share of the range within which a value counts as held by its bound."""


def estimation(request: EstimationRequest, program: Program) -> Answer:
    """Return the parameters that fit the measurements best, with their standard errors."""
    fit = _Fit(request, program)
    runs = [fit.from_start(start) for start in fit.starts()]
    costs = [None if run is None else 2 * float(run.cost) for run in runs]
    settings: dict[str, Setting] = {
        "method": "trust region reflective",
        "starts": request.starts,
        "difference_step": _DIFFERENCE_STEP,
        "relative_tolerance": _TOLERANCES.relative,
        "absolute_tolerance": _TOLERANCES.absolute,
        "log_scale": ", ".join(axis.name for axis in fit.axes if axis.is_log) or None,
    }
    reached = [run for run in runs if run is not None]
    if not reached:
        return failed(f"The model could not be integrated from any start. {REMEDY}", settings, request.seed)
    best = min(reached, key=lambda run: float(run.cost))
    course = fit.course(best.x)
    columns = columns_of(course, fit.selections)
    return Answer(
        message=f"Best sum of squares {2 * best.cost:.6g} from {len(reached)} of {request.starts} starts.",
        settings=settings,
        seed=request.seed,
        time_vector=list(request.measured_times),
        species_trajectories=columns,
        final_state={name: values[-1] for name, values in columns.items()},
        output_units=units_for(fit.selections, program.facts),
        estimation=Estimation(
            parameters=fit.estimates(best),
            sum_of_squares=2 * float(best.cost),
            residuals=fit.residual_columns(course),
            start_costs=costs,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """One parameter and the scale it is searched on."""

    name: str
    range: ParameterRange

    @property
    def is_log(self) -> bool:
        """Whether the search runs over log10 of the value."""
        return self.range.lower > 0 and self.range.upper / self.range.lower >= 10**_DECADES_FOR_LOG

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
        lower, upper = self.inside(self.range.lower), self.inside(self.range.upper)
        return min(place - lower, upper - place) <= _AT_BOUND * (upper - lower)


class _Fit:
    """One estimation problem: the residuals as a function of a point in the search space."""

    def __init__(self, request: EstimationRequest, program: Program) -> None:
        for name in request.estimate:
            check_parameter(name, "estimate", program.facts)
        self.selections = selections_of(list(request.measurements), program.facts, "measurements")
        self.axes = [_Axis(name, request.estimate[name]) for name in sorted(request.estimate)]
        self._request = request
        self._program = program
        self._changes = [
            change
            for change in changes_of(request, program.facts)
            if change.selection not in request.estimate
        ]
        self._measured = np.array(
            [[np.nan if v is None else v for v in request.measurements[name]] for name in self.selections]
        ).T
        self._known = np.isfinite(self._measured)
        if not self._known.any():
            raise ValidationError(
                "There is nothing to fit: every measurement is null.",
                details={"place": "measurements", "remedy": "Give at least one measured value."},
            )
        self._lower = np.array([axis.inside(axis.range.lower) for axis in self.axes])
        self._upper = np.array([axis.inside(axis.range.upper) for axis in self.axes])
        self._hopeless = 1e3 * (1.0 + float(np.abs(self._measured[self._known]).max()))

    def starts(self) -> list[Matrix]:
        """Return the starting points: the given one (or the middle), then seeded uniform draws."""
        given = [
            (low + high) / 2 if axis.range.start is None else axis.inside(axis.range.start)
            for axis, low, high in zip(self.axes, self._lower, self._upper, strict=True)
        ]
        draws = np.random.default_rng(self._request.seed).uniform(
            self._lower, self._upper, (self._request.starts - 1, len(self.axes))
        )
        return [np.array(given), *draws]

    def from_start(self, start: Matrix) -> OptimizeResult | None:
        """Return the best point reached from `start`, or `None` where the model cannot run there."""
        if self._residuals_or_none(start) is None:
            return None
        return least_squares(
            self._residuals,
            np.clip(start, self._lower, self._upper),
            bounds=(self._lower, self._upper),
            diff_step=[_DIFFERENCE_STEP] * len(self.axes),
            x_scale="jac",
        )

    def course(self, point: Matrix) -> Matrix:
        """Return the simulated table at `point`, one row a measured time."""
        request = self._request
        values = [Change(axis.name, axis.value(float(x))) for axis, x in zip(self.axes, point, strict=True)]
        earlier = request.time_start < request.measured_times[0]
        times = [request.time_start, *request.measured_times] if earlier else list(request.measured_times)
        table = integrate(self._program, [*values, *self._changes], times, self.selections, _TOLERANCES).table
        return table[1:] if earlier else table

    def residual_columns(self, table: Matrix) -> dict[str, Column]:
        """Return simulated − measured; null where nothing was measured."""
        difference = table[:, 1:] - self._measured
        return {name: written(difference[:, index]) for index, name in enumerate(self.selections)}

    def estimates(self, best: OptimizeResult) -> dict[str, Estimate]:
        """Return the values at the optimum with standard errors from its Jacobian."""
        held = np.array([axis.is_at_bound(float(x)) for axis, x in zip(self.axes, best.x, strict=True)])
        values = [axis.value(float(x)) for axis, x in zip(self.axes, best.x, strict=True)]
        slopes = np.array([axis.slope(value) for axis, value in zip(self.axes, values, strict=True)])
        errors = _standard_errors(np.asarray(best.jac) / slopes, 2 * float(best.cost), ~held)
        return {
            axis.name: Estimate(value=value, standard_error=error, at_bound=bool(at_bound))
            for axis, value, error, at_bound in zip(self.axes, values, errors, held, strict=True)
        }

    def _residuals(self, point: Matrix) -> Matrix:
        residuals = self._residuals_or_none(point)
        return np.full(int(self._known.sum()), self._hopeless) if residuals is None else residuals

    def _residuals_or_none(self, point: Matrix) -> Matrix | None:
        try:
            table = self.course(point)
        except IntegrationFailure:
            return None
        residuals = (table[:, 1:] - self._measured)[self._known]
        return residuals if np.isfinite(residuals).all() else None


def _standard_errors(jacobian: Matrix, sum_of_squares: float, free: Matrix) -> Sequence[float | None]:
    """Return the standard errors; `None` where a parameter is not free or not determined."""
    errors: list[float | None] = [None] * len(free)
    count, chosen = jacobian.shape[0], np.flatnonzero(free)
    if count <= chosen.size or chosen.size == 0:
        return errors
    _, singular, rotation = np.linalg.svd(jacobian[:, chosen], full_matrices=False)
    if singular[-1] <= np.finfo(float).eps * count * singular[0]:
        return errors
    covariance = (rotation.T / singular**2) @ rotation * (sum_of_squares / (count - chosen.size))
    for index, variance in zip(chosen, np.diag(covariance), strict=True):
        errors[index] = float(math.sqrt(variance))
    return errors
