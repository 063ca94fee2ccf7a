"""Messages of the dynamic kinetic service: simulation of SBML and Antimony models in Tellurium's terms.

Names follow libRoadRunner's selections: `S` is an amount, `[S]` a concentration, a reaction id its rate.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from bioxen.protocol.base import MappingMessage, Message
from bioxen.protocol.model_export import ExportedModel, ExportFormat
from bioxen.protocol.provenance import Provenance
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.rows import frame_of
from bioxen.protocol.units import Identifier, ModelText, ModelTime, Quantity

if TYPE_CHECKING:
    import pandas as pd

MAX_POINTS = 1_000_001
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Tolerance = Annotated[float, Field(gt=0, le=0.1)]

KineticStatus = Literal["completed", "failed"]

Integrator = Literal["auto", "cvode_bdf", "cvode_adams", "lsoda", "radau", "rk45", "dop853"]
"""How differential equations are solved."""

INTEGRATORS: dict[str, Integrator] = {
    "KISAO:0000019": "cvode_bdf",
    "KISAO:0000288": "cvode_bdf",
    "KISAO:0000280": "cvode_adams",
    "KISAO:0000088": "lsoda",
    "KISAO:0000304": "radau",
    "KISAO:0000087": "rk45",
    "KISAO:0000436": "dop853",
}
"""KiSAO id → integrator: CVODE, BDF, Adams-Moulton, LSODA, Radau, Dormand-Prince 5(4) and 8(5,3)."""


def integrator_name(given: object) -> object:
    """Return the integrator that a KiSAO id means; anything else as it is."""
    return INTEGRATORS.get(given.replace("_", ":"), given) if isinstance(given, str) else given


class KineticRequest(ComputeRequest):
    """What every kinetic analysis can be given: a model and the changes to it."""

    kinetic_code: ModelText | None = None
    """The model itself, Antimony or SBML text.

    Where neither this nor `model` is given, the chassis' default program runs.
    """
    initial_conditions: dict[Identifier, Quantity] = Field(default_factory=dict)
    """`S` (amount) or `[S]` (concentration) → value at the start."""
    parameters: dict[Identifier, Quantity] = Field(default_factory=dict)
    """Parameter or compartment id → value."""
    outputs: list[Identifier] | None = None
    """Selections to report: `S`, `[S]`, a reaction or parameter; every floating species where absent."""

    @model_validator(mode="after")
    def _one_model(self) -> KineticRequest:
        if self.model is not None and self.kinetic_code is not None:
            raise ValueError("give one of model and kinetic_code, not both")
        return self


class TimedRequest(KineticRequest):
    """A request over a span of model time."""

    time_start: ModelTime = 0.0
    """The time at which the initial state holds (libRoadRunner's `simulate(start, …)`)."""
    time_end: ModelTime = 100.0
    time_points: Annotated[int, Field(ge=2, le=MAX_POINTS)] = 101
    """Number of points reported, both ends included (points, not steps)."""

    @model_validator(mode="after")
    def _forward(self) -> TimedRequest:
        if self.time_end <= self.time_start:
            raise ValueError(f"time_end {self.time_end:g} is not after time_start {self.time_start:g}")
        return self


class TimeCourseRequest(TimedRequest):
    """Deterministic time course: the ODE solved with CVODE."""

    title: ClassVar[str] = "ODE time course"
    kisao: ClassVar[str | None] = "KISAO:0000019"

    process_code: Literal[
        "kinetic_ode", "ode_simulation", "kinetic_time_course", "kinetic_gene_expression"
    ] = "kinetic_ode"
    relative_tolerance: Tolerance = 1e-6
    absolute_tolerance: Tolerance = 1e-12
    integrator: Annotated[Integrator, BeforeValidator(integrator_name)] = "auto"
    """The algorithm, by name or KiSAO id; `auto` tries several, and the provenance says which answered."""
    seed: Seed = 0
    """Decides the order of events with equal priorities at the same time, which SBML leaves to chance."""


class StochasticRequest(TimedRequest):
    """One exact stochastic trajectory (Gillespie's direct method), a function of the seed alone."""

    title: ClassVar[str] = "stochastic simulation (direct method)"
    kisao: ClassVar[str | None] = "KISAO:0000029"

    process_code: Literal["kinetic_ssa", "stochastic_simulation"] = "kinetic_ssa"
    seed: Seed = 0
    """The same seed gives the same trajectory; vary it to sample."""


class SteadyStateRequest(KineticRequest):
    """The steady state that the model settles to, with the eigenvalues that tell whether it is stable."""

    title: ClassVar[str] = "steady state"
    kisao: ClassVar[str | None] = "KISAO:0000569"

    process_code: Literal["kinetic_steady_state"] = "kinetic_steady_state"


class SensitivityRequest(TimedRequest):
    """Local sensitivities of the outputs at `time_end` to the parameters, by central differences."""

    title: ClassVar[str] = "local sensitivity analysis"

    process_code: Literal["kinetic_sensitivity", "sensitivity_analysis"] = "kinetic_sensitivity"
    sensitivity_parameters: list[Identifier] | None = None
    """The parameters to vary; every global parameter where absent."""
    relative_step: Annotated[float, Field(ge=1e-8, le=0.1)] = 1e-3
    """Half-width of the central difference as a share of the parameter's value."""
    relative_tolerance: Tolerance = 1e-10
    absolute_tolerance: Tolerance = 1e-14


class ParameterRange(Message):
    """Where to look for a parameter."""

    lower: float
    upper: float
    start: float | None = None
    """First guess; the middle of the range where absent."""

    @model_validator(mode="after")
    def _inside(self) -> ParameterRange:
        if self.lower >= self.upper:
            raise ValueError(f"lower {self.lower:g} is not below upper {self.upper:g}")
        if self.start is not None and not self.lower <= self.start <= self.upper:
            raise ValueError(f"start {self.start:g} is outside [{self.lower:g}, {self.upper:g}]")
        return self


class EstimationRequest(KineticRequest):
    """Parameters that fit measured time courses best: bounded least squares from several starts."""

    title: ClassVar[str] = "parameter estimation (multistart least squares)"

    process_code: Literal["kinetic_parameter_estimation", "parameter_estimation"] = (
        "kinetic_parameter_estimation"
    )
    measured_times: Annotated[list[ModelTime], Field(min_length=2, max_length=10_000)]
    """Times of the measurements, strictly increasing, none before `time_start`."""
    measurements: Annotated[dict[Identifier, list[Quantity | None]], Field(min_length=1)]
    """Selection → one value a time; null where nothing was measured."""
    estimate: Annotated[dict[Identifier, ParameterRange], Field(min_length=1)]
    """Parameter id → where to look."""
    time_start: ModelTime = 0.0
    starts: Annotated[int, Field(ge=1, le=1000)] = 5
    """Number of starting points; the first is the given one, the others are drawn in the ranges."""
    seed: Seed = 0

    @model_validator(mode="after")
    def _shapes(self) -> EstimationRequest:
        times = self.measured_times
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("measured_times must be strictly increasing")
        if times[0] < self.time_start:
            raise ValueError(f"the first measured time {times[0]:g} is before time_start {self.time_start:g}")
        for name, values in self.measurements.items():
            if len(values) != len(times):
                raise ValueError(f"measurements.{name} has {len(values)} values for {len(times)} times")
        return self


class ExportRequest(KineticRequest):
    """The model itself, with the parameters and initial conditions of the request written into it."""

    title: ClassVar[str] = "model export (SBML, Antimony, COMBINE archive)"

    process_code: Literal["kinetic_export"] = "kinetic_export"
    format: ExportFormat = "sbml"


AnyKineticRequest = Annotated[
    TimeCourseRequest
    | StochasticRequest
    | SteadyStateRequest
    | SensitivityRequest
    | EstimationRequest
    | ExportRequest,
    Field(discriminator="process_code"),
]
"""Any kinetic request; `process_code` tells which."""


class Eigenvalue(Message):
    """One eigenvalue of the Jacobian, 1/model time."""

    real: float
    imaginary: float


class SteadyState(Message):
    """A steady state."""

    residual: float
    """The largest |rate of change| that is left, model unit/model time."""
    eigenvalues: list[Eigenvalue]
    """Of the reduced Jacobian (without conserved moieties)."""
    stable: bool | None
    """Whether every eigenvalue has a negative real part; null where one is zero within rounding."""


class Sensitivity(Message):
    """d(output at time_end)/d(parameter)."""

    output: str
    parameter: str
    unscaled: float
    """The derivative itself."""
    scaled: float | None
    """(p/y)·dy/dp; null where y is 0."""


class Estimate(Message):
    """One fitted parameter."""

    value: float
    standard_error: float | None
    """From the Jacobian at the optimum; null where it is singular or a bound holds the value."""
    at_bound: bool


class Estimation(Message):
    """A fit."""

    parameters: dict[str, Estimate]
    sum_of_squares: float
    residuals: dict[str, list[float | None]]
    """Selection → simulated − measured at each time."""
    start_costs: list[float | None]
    """Sum of squares reached from each start, in the order of the starts; null where that start failed."""


class KineticResult(MappingMessage):
    """What the kinetic service answers. A failed simulation carries no numbers."""

    computation_type: Literal["dynamic_kinetic"] = "dynamic_kinetic"
    computation_service: Literal["centralized_tellurium"] = "centralized_tellurium"
    execution_result: Literal["computed_trajectory"] = "computed_trajectory"
    process_code: str
    """The code as it was asked."""
    vm_id: str | None = None
    status: KineticStatus
    message: str
    """One sentence on the outcome; for `failed` the solver's words and what to try."""
    time_vector: list[ModelTime] | None = None
    """The points in time."""
    species_trajectories: dict[str, list[float | None]] | None = None
    """Selection → one value a point; null where the value is not a finite number."""
    final_state: dict[str, float | None] | None = None
    """Selection → value at the last point, or at the steady state."""
    output_units: dict[str, str] | None = None
    """Selection → unit, where the model declares one."""
    steady_state: SteadyState | None = None
    sensitivities: list[Sensitivity] | None = None
    estimation: Estimation | None = None
    exported: ExportedModel | None = None
    """The model that was asked for."""
    program_key: str
    """Digest of the program that was used: the key of its warm copy in the workers."""
    provenance: Provenance

    def to_frame(self) -> pd.DataFrame:
        """Return the main numbers as a pandas DataFrame, with Tellurium's column names.

        Raises:
            MissingModuleError: pandas is not installed.
            ValidationError: the result has no numbers (a problem without a solution, say).
        """
        return frame_of(self)
