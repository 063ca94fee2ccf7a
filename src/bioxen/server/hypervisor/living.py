"""How a cell's living state goes into a process, and what a process leaves of it. Pure functions.

Dynamic FBA starts with the biomass and the concentrations that are there; a simulation starts with the
species that are there, at the time the model's clock shows, and lasts as long as it was asked to. In every
other metabolic analysis an exchange that has run out takes nothing up. What a context says wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bioxen.errors import ComputationError, ValidationError
from bioxen.protocol.cells import Delta, Living
from bioxen.protocol.kinetic import (
    SteadyStateRequest,
    StochasticRequest,
    TauLeapingRequest,
    TimeCourseRequest,
    TimedRequest,
)
from bioxen.protocol.metabolic import DynamicFbaRequest
from bioxen.protocol.metabolic.request import MetabolicRequest
from bioxen.protocol.processes import Process, find_process

RUN_OUT = 1e-9
"""mmol/L; below it nothing is taken up any more."""
ADVANCING = (DynamicFbaRequest, TimeCourseRequest, StochasticRequest, TauLeapingRequest)
NEW = Living()


def require_advancing(process_code: str, context: Mapping[str, Any]) -> None:
    """Check that a process can move a cell on.

    Raises:
        ValidationError: it has no end in time, or the context leaves parts of the state out.
    """
    process = find_process(process_code)
    if process is None or not issubclass(process.request, ADVANCING):
        raise ValidationError(
            f"advance: {process_code!r} has no end in time that a cell could move on to.",
            details={
                "place": "advance",
                "remedy": "Advance by metabolic_dfba, kinetic_ode, kinetic_ssa or kinetic_tau_leaping.",
            },
        )
    if context.get("outputs") is not None:
        raise ValidationError(
            "outputs: a process that advances a cell reports every species, where the cell goes on from.",
            details={"place": "outputs", "remedy": "Leave outputs out."},
        )


def started(
    process_code: str, context: Mapping[str, Any], delta: Delta, living: Living | None
) -> dict[str, Any]:
    """Return the context with which a process starts from where the cell stands.

    Raises:
        ValidationError: the context sets the clock of a cell that has one.
    """
    process = find_process(process_code)
    if process is None or living is None:
        return dict(context)
    if issubclass(process.request, DynamicFbaRequest):
        return _fed(context, living)
    if issubclass(process.request, MetabolicRequest):
        return _run_out(process, context, delta, living)
    if issubclass(process.request, TimedRequest | SteadyStateRequest) and living.species:
        return _simulated(process, context, living)
    return dict(context)


def advanced(living: Living | None, result: Mapping[str, Any]) -> Living | None:
    """Return where a cell stands after a process with this result; where it stood if nothing came of it.

    Raises:
        ComputationError: a value is not a finite number, and no cell can go on from that.
    """
    before = living or NEW
    dynamics = result.get("dynamics")
    if dynamics is not None:
        return before.model_copy(
            update={
                "time": before.time + dynamics["time"][-1],
                "biomass": dynamics["biomass"][-1],
                "concentrations": {
                    **before.concentrations,
                    **{name: values[-1] for name, values in dynamics["concentrations"].items()},
                },
            }
        )
    if result.get("status") != "completed":
        return living
    final = result["final_state"]
    lost = [name for name, value in final.items() if value is None]
    if lost:
        raise ComputationError(
            f"The cell cannot go on from there: {lost[0]} is not a finite number.",
            details={"place": lost[0], "remedy": "End the simulation earlier; the cell stands as before."},
        )
    species = {**_without(before.species, final), **final}
    return before.model_copy(update={"model_time": result["time_vector"][-1], "species": species})


def _fed(context: Mapping[str, Any], living: Living) -> dict[str, Any]:
    fields: dict[str, Any] = {"initial_concentrations": living.concentrations}
    if living.biomass is not None:
        fields["initial_biomass"] = living.biomass
    if not living.concentrations:
        del fields["initial_concentrations"]
    given = context.get("initial_concentrations")
    if isinstance(given, Mapping):
        return {**fields, **context, "initial_concentrations": {**living.concentrations, **given}}
    return {**fields, **context}


def _run_out(process: Process, context: Mapping[str, Any], delta: Delta, living: Living) -> dict[str, Any]:
    gone = [name for name, amount in living.concentrations.items() if amount < RUN_OUT]
    given = context.get("constraints", {})
    if not gone or "constraints" not in process.request.model_fields or not isinstance(given, Mapping):
        return dict(context)
    closed = {name: _without_uptake(delta.constraints.get(name)) for name in gone}
    return {**context, "constraints": {**closed, **given}}


def _without_uptake(bounds: tuple[float | None, float | None] | None) -> tuple[float | None, float | None]:
    lower, upper = bounds or (None, None)
    return max(lower or 0.0, 0.0), upper if upper is None else max(upper, 0.0)


def _simulated(process: Process, context: Mapping[str, Any], living: Living) -> dict[str, Any]:
    given = context.get("initial_conditions", {})
    if not isinstance(given, Mapping):
        return dict(context)
    conditions = {**_without(living.species, given), **given}
    if not issubclass(process.request, TimedRequest):
        return {**context, "initial_conditions": conditions}
    if "time_start" in context:
        raise ValidationError(
            f"time_start: the cell's clock stands at {living.model_time:g}.",
            details={"place": "time_start", "remedy": "Leave it out; time_end is how long it goes on."},
        )
    span = context.get("time_end", TimedRequest.model_fields["time_end"].default)
    if not isinstance(span, int | float) or isinstance(span, bool):
        return dict(context)  # the request's own check says what is wrong
    end = living.model_time + span
    return {**context, "initial_conditions": conditions, "time_start": living.model_time, "time_end": end}


def _without(species: Mapping[str, float], given: Mapping[str, Any]) -> dict[str, float]:
    """Return the species that `given` does not set, as an amount or as a concentration."""
    named = {name.strip("[]") for name in given}
    return {name: value for name, value in species.items() if name.strip("[]") not in named}
