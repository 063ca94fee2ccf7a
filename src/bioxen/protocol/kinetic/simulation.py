"""Single simulations: an ODE time course, a stochastic trajectory, exact or by leaps."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.integrators import Integrator, integrator_name
from bioxen.protocol.kinetic.request import Seed, TimedRequest, Tolerance
from bioxen.protocol.units import ModelTime

EPSILON = 0.03
"""Of tau-leaping, where a request gives none."""
Epsilon = Annotated[float, Field(ge=1e-4, le=0.2)]
"""How much a propensity may change during a leap, as a share."""


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


class TauLeapingRequest(TimedRequest):
    """One approximate stochastic trajectory: many events in one leap where they change little.

    Steps are chosen as in Cao, Gillespie and Petzold (2006). A smaller `epsilon` is more exact, and slower.
    """

    title: ClassVar[str] = "stochastic simulation (tau-leaping)"
    kisao: ClassVar[str | None] = "KISAO:0000039"

    process_code: Literal["kinetic_tau_leaping", "tau_leaping"] = "kinetic_tau_leaping"
    epsilon: Epsilon = EPSILON
    seed: Seed = 0
    """The same seed gives the same trajectory; vary it to sample."""


class EventFirings(Message):
    """When events fired during a time course, in columns, in the order they fired.

    The times are those that the solver located, not points of the grid.
    """

    time: list[ModelTime]
    """When the event changed the model: its delay after its trigger, where it has one."""
    triggered: list[ModelTime | None]
    """When its trigger turned true; null for a delayed event that was triggered at the very start, unless the
    general solver ran it."""
    event: list[str]
    """The event's id; `event_N` for the model's Nth event where it has none."""
