"""Derivatives of outputs by the forward sensitivity equations in lanes, audited by libRoadRunner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import Audit, SensitivityRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.audit import Difference, difference, verdict
from bioxen.server.engines.kinetic.differences import Differences
from bioxen.server.engines.kinetic.integrate import IntegrationFailure
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.lanes.ode.sensitivity import Sensitivities

_WITHIN = 1e-4
"""How far a derivative may be from the differences, as a share, beside what these are sure to be off."""
_NOISE = 100.0
"""Tolerances of a simulation that its numbers may be off."""

_MOST_STEPS = 1_000_000
"""The tolerances are tight: a stiff oscillation takes some thousand steps a period."""


@dataclass(slots=True)
class Forward:
    """What the lanes gave."""

    slopes: dict[str, Matrix] = field(default_factory=dict)
    """Parameter → d(outputs)/d(parameter), where the lanes have finite numbers that passed the audit."""
    settings: dict[str, Setting] = field(default_factory=dict)
    audit: Audit | None = None


def forward(request: SensitivityRequest, differences: Differences, program: Program) -> Forward:
    """Return the derivatives that the lanes have.

    Raises:
        InvalidModelError: the lanes do not run the model, or cannot differentiate it.
    """
    found = _in_lanes(request, differences, program)
    ends, slopes = found.values[:, -1], found.slopes[:, -1]
    whole: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(np.hstack([ends, slopes])), axis=1)
    names = np.array(differences.parameters)
    done = dict(zip(names[whole].tolist(), slopes[whole], strict=True))
    way = f"lanes {found.method}"
    if len(done) < len(names):
        way += f"; by differences: {_words(names[~whole].tolist(), found.status[~whole].tolist())}"
    if not done:
        return Forward(settings={"forward": way})
    apart = _course_apart(request, differences, program, ends[whole])
    wrong = "its trajectory" if apart is not None and not apart.acceptable else None
    wrong = wrong or _derivative_apart(request, differences, done, ends[whole][0])
    audit = verdict([apart] * len(done), len(done), refused=wrong is not None)
    if wrong is not None:
        return Forward({}, {"forward": f"by differences: failed the audit, {wrong}"}, audit)
    return Forward(done, {"forward": way}, audit)


def _in_lanes(request: SensitivityRequest, differences: Differences, program: Program) -> Sensitivities:
    from bioxen.server.engines.kinetic.lanes.ode.sensitivity import sensitivities  # late: needs a compiler
    from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

    native = program.facts.native
    try:
        return sensitivities(
            program.lanes(),
            {native(name): value for name, value in differences.values.items()},
            [request.time_end],
            selections=differences.selections,
            fixed={change.selection: change.value for change in differences.changes},
            rtol=request.relative_tolerance,
            atol=request.absolute_tolerance,
            start=request.time_start,
            max_steps=_MOST_STEPS,
        )
    except Uncovered as refusal:
        raise InvalidModelError(
            str(refusal),
            details={
                "place": "method",
                "construct": refusal.construct,
                "remedy": "Give the method 'finite_differences'.",
            },
        ) from refusal


def _words(names: list[str], status: list[int]) -> str:
    """Return which have no finite derivative, and why."""
    from bioxen.server.engines.kinetic.lanes.ode.integrate import STATUS  # late: needs a compiler

    reasons = [STATUS[one] if one else "not finite" for one in status]
    return ", ".join(f"{name} ({reason})" for name, reason in zip(names, reasons, strict=True))


def _course_apart(
    request: SensitivityRequest, differences: Differences, program: Program, ends: Matrix
) -> Difference | None:
    """Return how far the trajectories that go with the derivatives are from libRoadRunner's."""
    span = (request.time_start, request.time_end, 2)
    given = (differences.changes, span, differences.selections, differences.tolerances)
    return difference(program, *given, ends, lambda table: table[-1:])


def _derivative_apart(
    request: SensitivityRequest, differences: Differences, slopes: dict[str, Matrix], outputs: Matrix
) -> str | None:
    """Return the derivative that differences contradict: of one parameter, which moves an output most."""
    values = differences.values
    size = np.where(outputs == 0, np.inf, np.abs(outputs))
    name = max(slopes, key=lambda one: float(np.abs(slopes[one] * values[one] / size).max()))
    try:
        wide = differences.slopes(name, request.relative_step)
        narrow = differences.slopes(name, request.relative_step / 2)
    except IntegrationFailure:
        return None  # nothing to compare with
    within = differences.tolerances
    noise = _NOISE * (within.relative * np.abs(outputs) + within.absolute)
    noise /= differences.step(name, request.relative_step / 2)
    allowed = _WITHIN * np.abs(narrow) + 2 * np.abs(wide - narrow) + noise
    off = np.flatnonzero(np.abs(slopes[name] - narrow) > allowed)
    return f"d({differences.selections[off[0]]})/d({name})" if off.size else None
