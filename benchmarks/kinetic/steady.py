"""Steady states, Jacobians and control coefficients in lanes beside libRoadRunner."""

from __future__ import annotations

import numpy as np
from benchmarks.kinetic.models import chain
from benchmarks.kinetic.turns import Floats, line, pair_of, rivals

from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.lanes.steady.control import control
from bioxen.server.engines.kinetic.lanes.steady.steady import steady_states


def steady() -> None:
    """A chain of 50 species: its steady state, Jacobian and control coefficients."""
    pair = pair_of(chain(50))
    program, runner = pair.program, pair.runner
    members = 100
    states, parameters = (np.repeat(each, members, axis=0) for each in program.initial_values({}))
    spread = np.exp(np.random.default_rng(1).normal(0, 0.05, parameters.shape))
    parameters = parameters * spread
    parameters[0] /= spread[0]

    def seek() -> None:
        runner.reset()
        runner.steadyState()

    found = steady_states(program, states, parameters)
    seek()
    amounts = np.array(runner.model.getFloatingSpeciesAmounts())
    error = float(np.abs(found.states[0] / amounts - 1).max())
    line(
        "steady state",
        *rivals(lambda: steady_states(program, states, parameters), seek, (members, 1)),
        f"apart {error:.1e}",
    )

    def jacobian() -> Floats:
        return evaluate(program.jacobian, 0.0, found.states, parameters, len(program.jacobian_rows))

    full = np.zeros((50, 50))
    full[program.jacobian_rows, program.jacobian_columns] = jacobian()[0]
    error = float(np.abs(full - np.array(runner.getFullJacobian())).max() / np.abs(full).max())
    line("Jacobian", *rivals(jacobian, runner.getFullJacobian, (members, 1)), f"apart {error:.1e}")
    mine = control(program, found.states, parameters).scaled_flux_control[0]
    theirs = np.array(runner.getScaledFluxControlCoefficientMatrix())
    pairs = rivals(
        lambda: control(program, found.states, parameters).scaled_flux_control,
        runner.getScaledFluxControlCoefficientMatrix,
        (members, 1),
    )
    line("flux control coefficients", *pairs, f"apart {float(np.abs(mine - theirs).max()):.1e}")
