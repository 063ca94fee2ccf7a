"""Messages of the dynamic kinetic service: simulation of SBML and Antimony models in Tellurium's terms.

Names follow libRoadRunner's selections: `S` is an amount, `[S]` a concentration, a reaction id its rate.

request                          what every request has
simulation, steady, sensitivity,
estimation, petab, control,
continuation, oscillation, export the requests of one analysis and the parts they add to the result
integrators                      the algorithms of a time course
members, sampled, route           many simulations in one request, and where they run, which these share:
batch, ensemble, scan, screening members given one by one, by chance, on a grid, for global sensitivities
findings                         an analysis of every variant of a batch
resting, summary                 their steady states; statistics over them
features, arrays                 scalar features of a time course; large numbers in compact form
result                           the result
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bioxen.protocol.kinetic.arrays import (
    ArrayReference,
    Encoding,
    NumberArray,
)
from bioxen.protocol.kinetic.batch import (
    KineticBatchRequest,
    KineticVariant,
)
from bioxen.protocol.kinetic.continuation import (
    Branch,
    ContinuationRequest,
    SpecialPoint,
)
from bioxen.protocol.kinetic.control import (
    ControlAnalysis,
    ControlRequest,
)
from bioxen.protocol.kinetic.ensemble import (
    Choice,
    Distribution,
    EnsembleRequest,
    LogNormal,
    LogUniform,
    Normal,
    Uniform,
    Values,
)
from bioxen.protocol.kinetic.estimation import (
    Estimate,
    Estimation,
    EstimationRequest,
    Experiment,
    ExperimentFit,
    NoiseModel,
    ParameterRange,
    Profile,
)
from bioxen.protocol.kinetic.export import ExportRequest
from bioxen.protocol.kinetic.features import (
    Feature,
)
from bioxen.protocol.kinetic.findings import (
    VariantAnalysis,
    VariantOutcome,
)
from bioxen.protocol.kinetic.integrators import (
    INTEGRATORS,
    Integrator,
)
from bioxen.protocol.kinetic.members import (
    Audit,
    Members,
    MembersEngine,
    MembersMethod,
    MembersRequest,
    Part,
)
from bioxen.protocol.kinetic.oscillation import (
    Oscillation,
    OscillationRequest,
)
from bioxen.protocol.kinetic.outcome import (
    Outcome,
)
from bioxen.protocol.kinetic.petab import (
    PetabFit,
    PetabRequest,
)
from bioxen.protocol.kinetic.request import (
    MAX_POINTS,
    KineticRequest,
    KineticStatus,
    Seed,
    TimedRequest,
    Tolerance,
)
from bioxen.protocol.kinetic.resting import (
    ControlMembers,
    SteadyMembers,
)
from bioxen.protocol.kinetic.result import (
    KineticResult,
)
from bioxen.protocol.kinetic.route import (
    Route,
    RouteSource,
)
from bioxen.protocol.kinetic.sampled import SampledRequest
from bioxen.protocol.kinetic.scan import (
    Axis,
    ScanRequest,
)
from bioxen.protocol.kinetic.screening import (
    FactorRange,
    GlobalSensitivity,
    MorrisEffect,
    MorrisRequest,
    SobolIndex,
    SobolPair,
    SobolRequest,
)
from bioxen.protocol.kinetic.sensitivity import (
    Sensitivity,
    SensitivityRequest,
)
from bioxen.protocol.kinetic.simulation import (
    EventFirings,
    StochasticRequest,
    TauLeapingRequest,
    TimeCourseRequest,
)
from bioxen.protocol.kinetic.steady import (
    Eigenvalue,
    SteadyState,
    SteadyStateRequest,
)
from bioxen.protocol.kinetic.summary import (
    MOST_BUCKETS,
    Buckets,
    ControlSummary,
    Histogram,
    HistogramEdges,
    Moments,
    QuantileMethod,
    Statistics,
    SteadySummary,
    Summary,
)

AnyKineticRequest = Annotated[
    TimeCourseRequest
    | StochasticRequest
    | TauLeapingRequest
    | SteadyStateRequest
    | SensitivityRequest
    | EstimationRequest
    | KineticBatchRequest
    | EnsembleRequest
    | ScanRequest
    | SobolRequest
    | MorrisRequest
    | ControlRequest
    | ContinuationRequest
    | OscillationRequest
    | PetabRequest
    | ExportRequest,
    Field(discriminator="process_code"),
]
"""Any kinetic request; `process_code` tells which."""

AnyMembersRequest = Annotated[
    KineticBatchRequest | EnsembleRequest | ScanRequest | SobolRequest | MorrisRequest,
    Field(discriminator="process_code"),
]
"""A request with many members, which can be streamed."""

__all__ = [
    "INTEGRATORS",
    "MAX_POINTS",
    "MOST_BUCKETS",
    "AnyKineticRequest",
    "AnyMembersRequest",
    "ArrayReference",
    "Audit",
    "Axis",
    "Branch",
    "Buckets",
    "Choice",
    "ContinuationRequest",
    "ControlAnalysis",
    "ControlMembers",
    "ControlRequest",
    "ControlSummary",
    "Distribution",
    "Eigenvalue",
    "Encoding",
    "EnsembleRequest",
    "Estimate",
    "Estimation",
    "EstimationRequest",
    "EventFirings",
    "Experiment",
    "ExperimentFit",
    "ExportRequest",
    "FactorRange",
    "Feature",
    "GlobalSensitivity",
    "Histogram",
    "HistogramEdges",
    "Integrator",
    "KineticBatchRequest",
    "KineticRequest",
    "KineticResult",
    "KineticStatus",
    "KineticVariant",
    "LogNormal",
    "LogUniform",
    "Members",
    "MembersEngine",
    "MembersMethod",
    "MembersRequest",
    "Moments",
    "MorrisEffect",
    "MorrisRequest",
    "NoiseModel",
    "Normal",
    "NumberArray",
    "Oscillation",
    "OscillationRequest",
    "Outcome",
    "ParameterRange",
    "Part",
    "PetabFit",
    "PetabRequest",
    "Profile",
    "QuantileMethod",
    "Route",
    "RouteSource",
    "SampledRequest",
    "ScanRequest",
    "Seed",
    "Sensitivity",
    "SensitivityRequest",
    "SobolIndex",
    "SobolPair",
    "SobolRequest",
    "SpecialPoint",
    "Statistics",
    "SteadyMembers",
    "SteadyState",
    "SteadyStateRequest",
    "SteadySummary",
    "StochasticRequest",
    "Summary",
    "TauLeapingRequest",
    "TimeCourseRequest",
    "TimedRequest",
    "Tolerance",
    "Uniform",
    "Values",
    "VariantAnalysis",
    "VariantOutcome",
]
