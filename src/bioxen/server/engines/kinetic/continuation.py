"""Continuation of a steady state over a parameter: the branch, its stability, its folds and Hopf points."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from bioxen.errors import UnknownIdentifierError, ValidationError, did_you_mean
from bioxen.protocol.kinetic import Branch, ContinuationRequest, SpecialPoint
from bioxen.protocol.kinetic.continuation import SpecialKind
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.arm import Arm, critical
from bioxen.server.engines.kinetic.changes import changes_of
from bioxen.server.engines.kinetic.curve import Curve, Lost, Place
from bioxen.server.engines.kinetic.facts import Facts
from bioxen.server.engines.kinetic.outputs import Column, selections_of, units_for, written
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Runner, SolverFailure
from bioxen.server.engines.kinetic.statespace import StateSpace
from bioxen.server.engines.kinetic.steady_state import REMEDY, find_root, is_stable, refuse_driven


def continuation(request: ContinuationRequest, program: Program) -> Answer:
    """Return the branch through the steady state that the model settles to.

    Raises:
        UnknownIdentifierError: the model has no such parameter.
        ValidationError: the parameter cannot move, or begins outside the range; or the model is driven.
    """
    refuse_driven(program)
    _check_parameter(request, program.facts)
    selections = selections_of(request.outputs, program.facts)
    runner = program.prepare(changes_of(request, program.facts))
    begin = runner.get(request.parameter)
    _check_range(request, begin)
    settings: dict[str, Setting] = {
        "method": "pseudo-arclength continuation",
        "largest_step": request.largest_step,
        **runner.use_cvode(relative_tolerance=1e-9, absolute_tolerance=1e-12),
    }
    try:
        space = StateSpace(runner, program.facts.rate_targets)
        root = find_root(runner, space)
        if root is None:
            return failed(f"No steady state was found to begin at. {REMEDY}", settings)
        limits = (request.lower, request.upper)
        curve = Curve(runner, space, request.parameter, limits, log=request.scale == "log")
        starts = [curve.start(root.state, curve.q_of(begin), direction) for direction in (-1, +1)]
        down, up = (Arm(request, curve, start, program.facts.species) for start in starts)
        found = _branch(request, curve, (down, up), selections, lambda: _read(runner, selections))
    except SolverFailure as failure:
        program.forget()
        return failed(f"The branch was lost at its beginning: {failure}. {REMEDY}", settings)
    except Lost:
        return failed("Newton's method found no branch through the steady state at the beginning.", settings)
    return Answer(
        message=_words(found),
        settings=settings,
        output_units=units_for([*selections, request.parameter], program.facts),
        branch=found,
    )


def _check_parameter(request: ContinuationRequest, facts: Facts) -> None:
    name = request.parameter
    if name not in facts.parameters:
        near = did_you_mean(name, facts.free_parameters)
        raise UnknownIdentifierError(
            f"The model has no global parameter {name!r}.", details={"place": "parameter", **near}
        )
    if name not in facts.free_parameters:
        raise ValidationError(
            f"{name} cannot be moved: a rule of the model computes it.",
            details={"place": "parameter", "remedy": "Move what the rule depends on."},
        )


def _check_range(request: ContinuationRequest, begin: float) -> None:
    if not request.lower <= begin <= request.upper:
        raise ValidationError(
            f"{request.parameter} begins at {begin:g}, outside [{request.lower:g}, {request.upper:g}].",
            details={
                "place": "parameters",
                "remedy": "Give a value within the range in parameters, or widen it.",
            },
        )


def _read(runner: Runner, selections: list[str]) -> Column:
    return written(np.array([runner.get(name) for name in selections]))


Reader = Callable[[], Column]


def _branch(
    request: ContinuationRequest,
    curve: Curve,
    arms: tuple[Arm, Arm],
    selections: list[str],
    read: Reader,
) -> Branch:
    """Follow both arms, and join them from the smallest value of the parameter on."""
    down, up = arms
    with progress.within(0.0, 0.5):
        down.follow()
    if down.ended == "closed":
        up.ended = "closed"
    else:
        with progress.within(0.5, 1.0):
            up.follow()
    places, start = [*reversed(down.places[1:]), *up.places], len(down.places) - 1
    turns = [(start - 1 - index, kind, place) for index, kind, place in reversed(down.special)]
    turns += [(start + index, kind, place) for index, kind, place in up.special]

    def values(place: Place) -> Column:
        curve.write(place.state, place.q)
        return read()

    rows = [values(place) for place in places]
    rightmost = [complex(place.eigenvalues[0]) if place.eigenvalues.size else None for place in places]
    return Branch(
        parameter=request.parameter,
        parameter_values=[curve.value(place.q) for place in places],
        states={name: [row[index] for row in rows] for index, name in enumerate(selections)},
        stable=[is_stable([complex(value) for value in place.eigenvalues]) for place in places],
        rightmost_real=[None if value is None else value.real for value in rightmost],
        rightmost_imaginary=[None if value is None else abs(value.imag) for value in rightmost],
        start=start,
        special_points=[
            _special(kind, index, place, curve, dict(zip(selections, values(place), strict=True)))
            for index, kind, place in turns
        ],
        ended=(down.ended, up.ended),
    )


def _special(
    kind: SpecialKind, index: int, place: Place, curve: Curve, state: dict[str, float | None]
) -> SpecialPoint:
    period = 2 * math.pi / abs(critical(place).imag) if kind == "hopf" else None
    return SpecialPoint(
        kind=kind, after_point=index, parameter=curve.value(place.q), state=state, period=period
    )


def _words(found: Branch) -> str:
    kinds = [point.kind.replace("_", " ") for point in found.special_points]
    counted = [f"{kinds.count(kind)} {kind}{'s' * (kinds.count(kind) > 1)}" for kind in dict.fromkeys(kinds)]
    return (
        f"{len(found.parameter_values)} points over {found.parameter} from {found.parameter_values[0]:.6g} "
        f"(ended: {found.ended[0]}) to {found.parameter_values[-1]:.6g} (ended: {found.ended[1]}); "
        f"{', '.join(counted) or 'no special points'}."
    )
