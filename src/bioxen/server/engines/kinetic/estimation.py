"""Parameter estimation: bounded least squares (trust region reflective) from several starts.

The residuals are simulated − measured, divided by sigma where a noise model is given. A parameter whose range
is positive and spans at least two decades is searched on a logarithmic scale unless the request says
otherwise; the others on their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from bioxen.protocol.kinetic import Estimate, Estimation, EstimationRequest, ExperimentFit, Profile
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.conditions import OneByOne
from bioxen.server.engines.kinetic.fitting import FARTHEST, TOLERANCES, Fit
from bioxen.server.engines.kinetic.integrate import REMEDY
from bioxen.server.engines.kinetic.measurements import Data
from bioxen.server.engines.kinetic.outputs import units_for, written
from bioxen.server.engines.kinetic.profiles import profiles
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.searching import DIFFERENCE_STEP
from bioxen.server.engines.kinetic.side_by_side import Ask, Matrix
from bioxen.server.engines.kinetic.solving import Solved, solve
from bioxen.server.engines.studies.terms import LOCAL_OPTIMIZATION

_NOWHERE = f"At no start could the model be integrated, with residuals up to {FARTHEST:g}."
_STEP = 1e-4
"""Half-width of the differences at the optimum: in decades, or as a share of a value's size."""
_DETERMINED = 1e-4
"""Least singular value, as a share of the largest, of slopes whose columns have unit length, with which the
data tell the parameters apart: below it is what integrations at these tolerances are off."""
_STARTS = 0.5
"""Share of the starts in the progress that is told, where profiles follow."""


def estimation(request: EstimationRequest, program: Program) -> Answer:
    """Return the parameters that fit the measurements best, with their standard errors.

    Raises:
        InvalidModelError: the request insists on lanes, which do not run the model.
    """
    fit = Fit(request, program)
    with progress.within(0.0, _STARTS if request.profile else 1.0):
        solved = solve(fit, OneByOne(program, fit.conditions, TOLERANCES), request.engine)
    settings: dict[str, Setting] = {
        "method": "trust region reflective",
        "kisao": LOCAL_OPTIMIZATION,
        "starts": request.starts,
        "difference_step": DIFFERENCE_STEP,
        "relative_tolerance": TOLERANCES.relative,
        "absolute_tolerance": TOLERANCES.absolute,
        "log_scale": ", ".join(axis.name for axis in fit.axes if axis.is_log) or None,
        "noise": "known" if fit.knows_noise else "from the residuals",
    }
    if solved is None:
        return failed(f"{_NOWHERE} {REMEDY}", settings, request.seed)
    experiments = [_beside(*pair) for pair in zip(fit.data, solved.courses, strict=True)]
    residuals = fit.residuals([table[None] for table in solved.courses])[0]
    sum_of_squares = float(residuals @ residuals)
    found = Estimation(
        parameters=_estimates(fit, solved),
        sum_of_squares=sum_of_squares,
        residuals=experiments[0].residuals if request.experiments is None else None,
        experiments=None if request.experiments is None else experiments,
        start_costs=[None if run is None else 2 * float(run.cost) for run in solved.runs],
        profiles=_profiles(request, fit, solved),
    )
    selections = list(dict.fromkeys(name for data in fit.data for name in data.selections))
    reached = len([run for run in solved.runs if run is not None])
    return Answer(
        message=f"Best sum of squares {sum_of_squares:.6g} from {reached} of {request.starts} starts.",
        settings=settings | solved.settings,
        seed=request.seed,
        output_units=units_for(selections, program.facts),
        estimation=found,
        **_course(request, experiments),
    )


def _course(request: EstimationRequest, experiments: list[ExperimentFit]) -> dict[str, Any]:
    """Return the fitted time course as that of a simulation, where there is only one."""
    if request.experiments is not None:
        return {}
    only = experiments[0]
    return {
        "time_vector": only.times,
        "species_trajectories": only.simulated,
        "final_state": {name: values[-1] for name, values in only.simulated.items()},
    }


def _beside(data: Data, courses: Matrix) -> ExperimentFit:
    seen = data.measured_part(courses[None])[0]
    difference = seen - data.measured
    return ExperimentFit(
        name=data.name,
        times=list(data.times),
        simulated={name: written(seen[:, index]) for index, name in enumerate(data.selections)},
        residuals={name: written(difference[:, index]) for index, name in enumerate(data.selections)},
    )


def _profiles(request: EstimationRequest, fit: Fit, solved: Solved) -> dict[str, Profile] | None:
    if not request.profile:
        return None
    places = {axis.name: index for index, axis in enumerate(fit.axes)}
    axes = [places[name] for name in request.profile]
    with progress.within(_STARTS, 1.0):
        found = profiles(fit, solved.best, axes, request.confidence, solved.ask)
    return dict(zip(request.profile, found, strict=True))


def _estimates(fit: Fit, solved: Solved) -> dict[str, Estimate]:
    """Return the values at the optimum with standard errors from the slopes there."""
    best = solved.best
    pairs = list(zip(fit.axes, best.x.tolist(), strict=True))
    held = np.array([axis.is_at_bound(x) for axis, x in pairs])
    values = [axis.value(x) for axis, x in pairs]
    slopes = np.array([axis.slope(value) for axis, value in zip(fit.axes, values, strict=True)])
    jacobian, free = _slopes_at(best, fit, solved.ask) / slopes, np.flatnonzero(~held)
    spread = 1.0
    if not fit.knows_noise:
        spread = 2 * float(best.cost) / (fit.count - free.size) if fit.count > free.size else math.nan
    errors = _standard_errors(jacobian, spread, free)
    return {
        axis.name: Estimate(value=value, standard_error=error, at_bound=bool(at_bound))
        for axis, value, error, at_bound in zip(fit.axes, values, errors, held, strict=True)
    }


def _slopes_at(best: OptimizeResult, fit: Fit, ask: Ask) -> Matrix:
    """Return residuals × axes by central differences; the search's own where the model cannot run beside."""
    place, region = np.asarray(best.x), fit.region
    steps = np.diag(_STEP * np.where([axis.is_log for axis in fit.axes], 1.0, region.sizes(place)))
    points = np.clip(np.vstack([place + steps, place - steps]), region.lower, region.upper)
    above, below = np.split(ask(points), 2)
    moved = np.diag(points[: place.size] - points[place.size :])
    return np.where(np.isfinite(above - below).all(axis=1), (above - below).T / moved, np.asarray(best.jac))


def _standard_errors(jacobian: Matrix, variance: float, free: NDArray[np.intp]) -> Sequence[float | None]:
    """Return the standard errors; `None` where a parameter is not free or the data do not determine it."""
    errors: list[float | None] = [None] * jacobian.shape[1]
    sizes = np.linalg.norm(jacobian, axis=0)
    free = free[sizes[free] > 0]  # what moves nothing hides nothing of the others
    if jacobian.shape[0] < free.size or free.size == 0 or math.isnan(variance):
        return errors
    _, singular, rotation = np.linalg.svd(jacobian[:, free] / sizes[free], full_matrices=False)
    if singular[-1] <= _DETERMINED * singular[0]:
        return errors
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        variances = np.diag((rotation.T / singular**2) @ rotation) / sizes[free] ** 2 * variance
    for index, own in zip(free, variances, strict=True):
        errors[index] = float(math.sqrt(own)) if math.isfinite(own) else None
    return errors
