"""Parameter estimation."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.kinetic.limits import check_range
from bioxen.protocol.kinetic.members import MembersEngine
from bioxen.protocol.kinetic.request import KineticRequest, Seed
from bioxen.protocol.units import Identifier, ModelTime, Quantity

Times = Annotated[list[ModelTime], Field(min_length=1, max_length=10_000)]
Measurements = Annotated[dict[Identifier, list[Quantity | None]], Field(min_length=1)]


class ParameterRange(Message):
    """Where to look for a parameter."""

    lower: float
    upper: float
    start: float | None = None
    """First guess; the middle of the range where absent."""
    scale: Literal["auto", "linear", "log"] = "auto"
    """What is searched; `auto` is `log` for a positive range of at least two decades."""

    @model_validator(mode="after")
    def _inside(self) -> ParameterRange:
        check_range(self.lower, self.upper, self.scale)
        if self.start is not None and not self.lower <= self.start <= self.upper:
            raise mistake_at("start", f"start {self.start:g} is outside [{self.lower:g}, {self.upper:g}]")
        return self


class NoiseModel(Message):
    """How measurements scatter around the model: normally, with a known width."""

    kind: Literal["absolute", "relative", "log"] = "absolute"
    """`absolute`: sigma in the output's unit; `relative`: sigma times |measurement|; `log`: the natural
    logarithms scatter with sigma."""
    sigma: Annotated[float, Field(gt=0)]


class Experiment(Message):
    """Measured time courses of one condition."""

    name: Identifier
    measured_times: Times
    """Times of the measurements, strictly increasing, none before `time_start`."""
    measurements: Measurements
    """Selection → one value a time; null where nothing was measured."""
    parameters: dict[Identifier, Quantity] = Field(default_factory=dict)
    """What holds in this condition alone, on top of the request's; nothing that is estimated."""
    initial_conditions: dict[Identifier, Quantity] = Field(default_factory=dict)
    time_start: ModelTime = 0.0

    @model_validator(mode="after")
    def _shapes(self) -> Experiment:
        _check_shapes(self.measured_times, self.measurements, self.time_start)
        return self


def _check_shapes(times: list[float], measurements: dict[str, list[float | None]], start: float) -> None:
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise mistake_at("measured_times", "the times must be strictly increasing")
    if times[0] < start:
        raise mistake_at("measured_times", f"the first, {times[0]:g}, is before time_start {start:g}")
    for name, values in measurements.items():
        if len(values) != len(times):
            raise mistake_at(f"measurements.{name}", f"it has {len(values)} values for {len(times)} times")


class EstimationRequest(KineticRequest):
    """Parameters that fit measured time courses best: bounded least squares from several starts."""

    title: ClassVar[str] = "parameter estimation (multistart least squares)"
    kisao: ClassVar[str | None] = "KISAO:0000471"

    process_code: Literal["kinetic_parameter_estimation", "parameter_estimation"] = (
        "kinetic_parameter_estimation"
    )
    measured_times: Times | None = None
    """Of the one experiment there is; several go into `experiments`."""
    measurements: Measurements | None = None
    time_start: ModelTime = 0.0
    experiments: Annotated[list[Experiment], Field(min_length=1, max_length=1000)] | None = None
    """Several conditions, fitted together; in place of `measured_times` and `measurements`."""
    estimate: Annotated[dict[Identifier, ParameterRange], Field(min_length=1)]
    """Parameter, compartment or initial value (`S` an amount, `[S]` a concentration) → where to look."""
    noise: dict[Identifier, NoiseModel] = Field(default_factory=dict)
    """Selection → its noise; residuals of an output without one are not weighted."""
    starts: Annotated[int, Field(ge=1, le=1000)] = 5
    """Number of starting points; the first is the given one, the others are drawn in the ranges."""
    seed: Seed = 0
    profile: list[Identifier] = Field(default_factory=list)
    """Parameters whose profile likelihood gives a confidence interval."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Of the profile intervals."""
    engine: MembersEngine = "auto"
    """`lanes` simulates starts and difference quotients side by side, `libroadrunner` one after the other.

    `auto` takes the lanes where starts times (parameters + 1) is 8 or more and they run the model.
    """

    @property
    def all_experiments(self) -> list[Experiment]:
        """Every experiment, however it was given."""
        return self.experiments or [
            Experiment(
                name="data",
                measured_times=self.measured_times or [],
                measurements=self.measurements or {},
                time_start=self.time_start,
            )
        ]

    @model_validator(mode="after")
    def _consistent(self) -> EstimationRequest:
        self._check_data()
        unknown = [name for name in self.profile if name not in self.estimate]
        if unknown:
            raise mistake_at("profile", f"{unknown[0]} is not among the parameters to estimate")
        measured = {name for experiment in self.all_experiments for name in experiment.measurements}
        stray = [name for name in self.noise if name not in measured]
        if stray:
            raise mistake_at(f"noise.{stray[0]}", "it belongs to nothing that was measured")
        return self

    def _check_data(self) -> None:
        """Make sure that there is one experiment or a list of them, and that the one is sound."""
        single = {"measured_times": self.measured_times, "measurements": self.measurements}
        stray = [name for name, given in single.items() if (given is None) != bool(self.experiments)]
        if stray:
            raise mistake_at(stray[0], "give either measured_times and measurements, or experiments")
        if self.measured_times is not None and self.measurements is not None:
            _check_shapes(self.measured_times, self.measurements, self.time_start)


class Estimate(Message):
    """One fitted parameter."""

    value: float
    standard_error: float | None
    """From the Jacobian at the optimum; null where a bound holds the value, and where the data do not tell
    the parameters apart within the accuracy of simulations."""
    at_bound: bool


class Profile(Message):
    """The profile likelihood of one parameter: the best fit at each of its values."""

    lower: float | None
    """Lower end of the confidence interval; null where it lies beyond the range that was searched."""
    upper: float | None
    values: list[float]
    """Where the profile was computed, in increasing order."""
    sum_of_squares: list[float]
    """The best weighted sum of squares there."""
    threshold: float
    """The sum of squares at the ends of the interval."""


class ExperimentFit(Message):
    """One experiment beside its best fit."""

    name: str
    times: list[ModelTime]
    simulated: dict[str, list[float | None]]
    residuals: dict[str, list[float | None]]
    """Selection → simulated − measured at each time, unweighted; null where nothing was measured."""


class Estimation(Message):
    """A fit."""

    parameters: dict[str, Estimate]
    sum_of_squares: float
    """Of the residuals, each divided by its sigma where a noise model gives one."""
    residuals: dict[str, list[float | None]] | None = None
    """Selection → simulated − measured at each time; null where there are several experiments."""
    experiments: list[ExperimentFit] | None = None
    """Each of several experiments; the numbers of a single one are the result's own."""
    start_costs: list[float | None]
    """Sum of squares reached from each start, in the order of the starts; null where that start failed."""
    profiles: dict[str, Profile] | None = None
