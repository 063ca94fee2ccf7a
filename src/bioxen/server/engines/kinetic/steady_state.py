"""The steady state that a model settles to: integrate until nothing moves, then sharpen by Newton's method.

Newton's method alone finds some root, also one that the model never goes to. So the integration leads, over
growing decades of time, and Newton's method starts where it stands still. Where the model does not settle (it
oscillates, or grows), Newton's method is tried all the same, and the message says so. Nothing is reported
unchecked: the last Newton step bounds the distance to the root.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import Eigenvalue, SteadyState, SteadyStateRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import changes_of
from bioxen.server.engines.kinetic.facts import Facts
from bioxen.server.engines.kinetic.outputs import selections_of, units_for, written
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix, Runner, SolverFailure
from bioxen.server.engines.kinetic.statespace import StateSpace
from bioxen.server.engines.studies.terms import STEADY_STATE

_TIMES = (0.0, *(10.0**power for power in range(9)))
_STILL = 1e-6
"""Largest move of any variable over a decade of time, relative to its size, that counts as standing still."""
_CONVERGED = 1e-9
"""Largest Newton step, relative to each variable's size, at a root."""
_NOTHING = 1e-9
"""Where nothing is more than this share of the largest value at the start, that share is the largest: a model
of which nothing is left stands still, however small its rest becomes."""
_TRACE = 1e-18
"""Share of the largest value below which a variable may be the trace of what died out."""
_SAME = 1e-2
"""How far Newton's method may carry a state that stands still."""
_ZERO = 1e-8
"""Eigenvalues below this share of the largest are zero within rounding."""
_SWINGS = 1e-6
"""Share of its imaginary part below which a real part that may be rounding is taken for none."""
_MAX_STEPS = 50
REMEDY = (
    "Try other initial conditions, or look at a time course: the model may oscillate or grow without limit."
)


@dataclass(frozen=True, slots=True)
class Root:
    """A steady state."""

    state: Matrix
    settled_at: float | None
    """The time by which the model stood still; `None` where it never did."""


def steady_state(request: SteadyStateRequest, program: Program) -> Answer:
    """Return the state in which nothing changes any more, with the eigenvalues of the reduced Jacobian.

    Raises:
        ValidationError: the model depends on the time itself.
    """
    refuse_driven(program)
    selections = selections_of(request.outputs, program.facts)
    runner = program.prepare(changes_of(request, program.facts))
    settings: dict[str, Setting] = {
        "method": "integration, then Newton",
        "kisao": STEADY_STATE,
        "newton_tolerance": _CONVERGED,
        **runner.use_cvode(relative_tolerance=1e-9, absolute_tolerance=1e-12),
    }
    try:
        space = StateSpace(runner, program.facts.rate_targets)
        with progress.one_run():
            root = find_root(runner, space)
        if root is None:
            return failed(f"The model did not settle, and Newton's method found no root. {REMEDY}", settings)
        space.write(root.state)
        final = written(np.array([runner.get(name) for name in selections]))
        found = describe(root, runner, space, program.facts)
    except SolverFailure as failure:
        program.forget()
        return failed(f"No steady state was found: {failure}. {REMEDY}", settings)
    return Answer(
        message=_words(root, found),
        settings=settings | {"settled_at": root.settled_at},
        final_state=dict(zip(selections, final, strict=True)),
        output_units=units_for(selections, program.facts),
        steady_state=found,
    )


def refuse_driven(program: Program) -> None:
    """Make sure that the model can have a steady state at all.

    Raises:
        ValidationError: it depends on the time itself.
    """
    if program.facts.time_dependent:
        raise ValidationError(
            "The model has events or rates that depend on the time, so no state of it is steady.",
            details={"place": "process_code", "remedy": "Use kinetic_ode, or hold the input constant."},
        )


def find_root(runner: Runner, space: StateSpace) -> Root | None:
    """Return the steady state the model goes to, or another that Newton's method finds, or `None`.

    `runner` is prepared and has its integrator chosen.
    """
    start = state = space.read()
    least = _NOTHING * float(np.abs(start).max(initial=0.0))
    for number, (begin, end) in enumerate(pairwise(_TIMES)):
        progress.tell_run(number, len(_TIMES) - 1, "decades")
        try:
            space.write(state)
            reached = runner.grid(begin, end, 2, space.names)[-1, 1:]
        except SolverFailure:
            break
        if not np.isfinite(reached).all():
            break
        still = _distance(state, reached, least) <= _STILL
        state = reached
        sharpened = _newton(space, state, least) if still else None
        if sharpened is not None and _distance(state, sharpened, least) <= _SAME:
            return Root(_without_traces(space, sharpened, least), end)
    for guess in (state, start):
        sharpened = _newton(space, guess, least)
        if sharpened is not None and _is_as_positive(sharpened, start, least):
            return Root(_without_traces(space, sharpened, least), None)
    return None


def _without_traces(space: StateSpace, state: Matrix, least: float) -> Matrix:
    """Return a root with zeros for traces of what died out, mere rounding, if that moves them no more."""
    traces = (state != 0) & (np.abs(state) <= _TRACE * _largest(state, least))
    if not traces.any():
        return state
    without = np.where(traces, 0.0, state)
    left = np.abs(space.rates(without)[traces]) <= np.abs(space.rates(state)[traces])
    return without if left.all() else state


def _is_as_positive(state: Matrix, start: Matrix, least: float) -> bool:
    """Whether nothing fell below zero, within rounding, that did not start there."""
    rounding = _CONVERGED * _largest(state, least)
    return bool(state.min(initial=0.0) >= start.min(initial=0.0) - rounding)


def _newton(space: StateSpace, state: Matrix, least: float) -> Matrix | None:
    """Return the root that Newton's method reaches from `state`, or `None`."""
    for _ in range(_MAX_STEPS):
        try:
            step, points_to_root = space.newton_step(state)
        except (np.linalg.LinAlgError, SolverFailure):
            return None
        if not np.isfinite(step).all():
            return None
        state = state + step
        if points_to_root and _distance(state - step, state, least) <= _CONVERGED:
            return state
    return None


def _largest(state: Matrix, least: float) -> float:
    """Return the largest size of any variable, or `least` where that is more."""
    return max(float(np.abs(state).max(initial=0.0)), least)


def _distance(before: Matrix, after: Matrix, least: float) -> float:
    """Return the largest move of any variable relative to its size, or to a millionth of the largest.

    Args:
        before: one value a variable.
        after: the same, later.
        least: see `_largest`.
    """
    sizes = np.abs(after) + 1e-6 * (_largest(after, least) or 1.0)
    return float((np.abs(after - before) / sizes).max(initial=0.0))


def describe(root: Root, runner: Runner, space: StateSpace, facts: Facts) -> SteadyState:
    """Return how still it is at `root`, and whether that is stable."""
    rates = space.rates(root.state) / [volume_of(name, runner, facts) for name in space.names]
    eigenvalues = np.linalg.eigvals(space.reduced_jacobian(root.state))
    ordered = sorted((complex(value) for value in eigenvalues), key=lambda v: (-v.real, -v.imag))
    return SteadyState(
        residual=float(np.abs(rates).max(initial=0.0)),
        eigenvalues=[Eigenvalue(real=value.real, imaginary=value.imag) for value in ordered],
        stable=is_stable(ordered),
    )


def volume_of(name: str, runner: Runner, facts: Facts) -> float:
    """Return what turns a rate of the amount into a rate of the natural selection."""
    species = facts.species.get(name)
    return 1.0 if species is None or species.substance_only else runner.get(species.compartment)


def is_stable(eigenvalues: list[complex]) -> bool | None:
    """Return whether all, the rightmost first, have negative real parts; `None` where one is zero."""
    if not eigenvalues:
        return None
    zero = _ZERO * max(abs(value) for value in eigenvalues)
    largest = eigenvalues[0].real
    return None if abs(largest) <= zero else largest < 0


def is_neutral(stable: bool | None, rightmost: complex) -> bool:
    """Return whether a state is a neutral centre, around which the model circles without end.

    Args:
        stable: whether it is stable, as `is_stable` says.
        rightmost: its rightmost eigenvalue. One of a pair with no real part within rounding makes a centre; a
            slow decay beside fast ones, which `is_stable` leaves open too, swings less than that.
    """
    return stable is None and abs(rightmost.real) < _SWINGS * abs(rightmost.imag)


def _words(root: Root, found: SteadyState) -> str:
    kind = {True: "Stable steady state", False: "Unstable steady state", None: "Steady state"}[found.stable]
    how = (
        f"reached by time {root.settled_at:g}"
        if root.settled_at is not None
        else f"found by Newton's method; within time {_TIMES[-1]:g} the model does not settle to it from "
        "these initial conditions"
    )
    return f"{kind}, {how}; largest remaining rate of change {found.residual:.2g}."
