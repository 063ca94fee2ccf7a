"""What was measured in an experiment, and how far a simulation is from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.errors import BioXenException, ValidationError
from bioxen.protocol.kinetic import EstimationRequest, Experiment, NoiseModel
from bioxen.server.engines.kinetic.changes import bare, changes_of
from bioxen.server.engines.kinetic.conditions import Condition
from bioxen.server.engines.kinetic.outputs import selections_of
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.side_by_side import Matrix


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
        _check_open(experiment, place, request)
        names = tuple(program.facts.native(name) for name in sorted(request.estimate))
        sought = {bare(name) for name in names}
        self._skipped = int(self._start < self.times[0])
        self.condition = Condition(
            names=names,
            fixed=tuple(change for change in given if change.symbol not in sought),
            times=(*([self._start] if self._skipped else []), *self.times),
            selections=tuple(self.selections),
        )

    def measured_part(self, courses: Matrix) -> Matrix:
        """Return points × measured times × selections of what was simulated."""
        return courses[:, self._skipped :]

    def residuals(self, courses: Matrix) -> Matrix:
        """Return points × weighted residuals of what was measured."""
        seen = self.measured_part(courses)
        weighted = [
            _weighted(seen[:, :, index], self.measured[:, index], noise)
            for index, noise in enumerate(self._noise)
        ]
        return np.stack(weighted, axis=2)[:, self.known]


def _check_open(experiment: Experiment, place: str, request: EstimationRequest) -> None:
    """Make sure that an experiment fixes nothing that is the same in all of them, and sought."""
    sought = {bare(name) for name in request.estimate}
    for field, given in (
        ("parameters", experiment.parameters),
        ("initial_conditions", experiment.initial_conditions),
    ):
        for name in given:
            if bare(name) in sought:
                raise ValidationError(
                    f"{name} is to be estimated, and cannot be given in an experiment.",
                    details={
                        "place": f"{place}{field}.{name}",
                        "remedy": "Leave it out there, or do not estimate it.",
                    },
                )


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
    """Return points × times of residuals."""
    if noise is None:
        return simulated - measured
    if noise.kind == "log":
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.log(simulated / measured)
        return np.where(simulated > 0, ratio, np.nan) / noise.sigma
    width = noise.sigma * (np.abs(measured) if noise.kind == "relative" else 1.0)
    return np.asarray((simulated - measured) / width)
