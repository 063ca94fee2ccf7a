"""Metabolic control analysis at the steady state that a model settles to."""

from __future__ import annotations

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import ControlRequest, SteadyState
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import changes_of
from bioxen.server.engines.kinetic.outputs import units_for
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.reder import Analysis
from bioxen.server.engines.kinetic.runner import SolverFailure
from bioxen.server.engines.kinetic.statespace import StateSpace
from bioxen.server.engines.kinetic.steady_state import (
    REMEDY,
    describe,
    find_root,
    is_neutral,
    refuse_driven,
)

DEGENERATE = (
    "The steady state is degenerate (its Jacobian is singular): it has no control coefficients. "
    "Move a parameter away from where steady states appear or vanish."
)
UNSTABLE = f"The only steady state found is unstable, so no change leads to a new one. {REMEDY}"

NEUTRAL = (
    "The steady state is a neutral centre: the model circles around it and never comes to rest, so no change "
    f"leads to a new steady state. {REMEDY}"
)


def control(request: ControlRequest, program: Program) -> Answer:
    """Return elasticities, control coefficients and responses at the steady state the model settles to.

    Raises:
        ValidationError: the model depends on the time, or has no reactions.
    """
    refuse_without_control(program)
    runner = program.prepare(changes_of(request, program.facts))
    settings: dict[str, Setting] = {
        "method": "Reder, central differences",
        **runner.use_cvode(relative_tolerance=1e-9, absolute_tolerance=1e-12),
    }
    try:
        space = StateSpace(runner, program.facts.rate_targets)
        with progress.one_run():
            root = find_root(runner, space)
        if root is None:
            return failed(f"No steady state was found, so there is no control analysis. {REMEDY}", settings)
        analysis = Analysis(runner, space, program, root)
        steady = describe(root, runner, space, program.facts)
        if why := without_control(analysis, steady):
            return failed(why, settings)
        found = analysis.message()
    except SolverFailure as failure:
        program.forget()
        return failed(f"No steady state was found: {failure}. {REMEDY}", settings)
    names = [*found.species, *found.reactions]
    return Answer(
        message=f"Control analysis of {len(found.reactions)} reactions; the summation theorem holds within "
        f"{found.summation_error:.2g}.",
        settings=settings,
        final_state=dict(zip(names, [*found.levels, *found.fluxes], strict=True)),
        output_units=units_for(names, program.facts),
        steady_state=steady,
        control=found,
    )


def without_control(analysis: Analysis, steady: SteadyState) -> str | None:
    """Return why a steady state has no control coefficients, which is not asymptotically stable."""
    if analysis.is_degenerate:
        return DEGENERATE
    if steady.stable is False:
        return UNSTABLE
    first = steady.eigenvalues[0] if steady.eigenvalues else None
    if first is not None and is_neutral(steady.stable, complex(first.real, first.imaginary)):
        return NEUTRAL
    return None


def refuse_without_control(program: Program) -> None:
    """Make sure that the model can have control coefficients at all.

    Raises:
        ValidationError: it depends on the time, or has no reactions.
    """
    refuse_driven(program)
    if not program.facts.reactions:
        raise ValidationError(
            "The model has no reactions, so nothing has control.",
            details={"place": "process_code", "remedy": "Use kinetic_sensitivity for models of rate rules."},
        )
