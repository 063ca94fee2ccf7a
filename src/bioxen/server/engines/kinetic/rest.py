"""One member of a study at its steady state, as numbers: what `kinetic_steady_state` finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bioxen.protocol.kinetic import SteadyState
from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.control import without_control
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.reder import Analysis
from bioxen.server.engines.kinetic.runner import Matrix, SolverFailure
from bioxen.server.engines.kinetic.statespace import StateSpace
from bioxen.server.engines.kinetic.steady_state import REMEDY, Root, describe, find_root

NO_ROOT = f"The model did not settle, and Newton's method found no root. {REMEDY}"
WITHIN = {"relative_tolerance": 1e-9, "absolute_tolerance": 1e-12}
"""Tolerances of the integration that leads to the steady state."""
STABILITY = {True: 1.0, False: 0.0, None: np.nan}


@dataclass(frozen=True, slots=True)
class Settled:
    """Members at their steady states."""

    control: bool = False
    """Whether control coefficients are wanted too."""
    relative: float = 1e-6
    """What an audit measures differences in, with `absolute`."""
    absolute: float = 1e-12


class Unsettled(Exception):  # noqa: N818 - an outcome, never seen outside this engine
    """There is no steady state, or none of the kind that was asked for; the text says why."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A steady state."""

    values: Matrix
    """One a selection."""
    series: dict[str, Matrix]
    """Everything else by its name; each has the same shape in every member."""


def at_rest(program: Program, changes: Sequence[Change], selections: Sequence[str], how: Settled) -> Rest:
    """Return the steady state of one member.

    Raises:
        Unsettled: there is none.
        ValidationError: more than the stoichiometry turns reaction rates into changes.
    """
    runner = program.prepare(changes)
    runner.use_cvode(**WITHIN)
    try:
        space = StateSpace(runner, program.facts.rate_targets)
        root = find_root(runner, space)
        if root is None:
            raise Unsettled(NO_ROOT)
        space.write(root.state)
        values = np.array([runner.get(name) for name in selections])
        steady = describe(root, runner, space, program.facts)
        series = _described(root, steady)
        if how.control:
            analysis = Analysis(runner, space, program, root)
            if why := without_control(analysis, steady):
                raise Unsettled(why)
            series |= dict(zip(COEFFICIENTS, analysis.coefficients(), strict=True))
    except SolverFailure as failure:
        program.forget()
        raise Unsettled(f"No steady state was found: {failure}. {REMEDY}") from failure
    return Rest(values, series)


COEFFICIENTS = ("fluxes", "flux_control", "concentration_control")


def _described(root: Root, steady: SteadyState) -> dict[str, Matrix]:
    first = steady.eigenvalues[0] if steady.eigenvalues else None
    return {
        "residual": np.array(steady.residual),
        "stable": np.array(STABILITY[steady.stable]),
        "settled": np.array(float(root.settled_at is not None)),
        "rightmost_real": np.array(np.nan if first is None else first.real),
        "rightmost_imaginary": np.array(np.nan if first is None else first.imaginary),
    }
