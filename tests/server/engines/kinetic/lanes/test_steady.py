"""Steady states, control analysis and sensitivities: theorems, and other ways to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.engines.kinetic.models import REPRESSILATOR, source_of

from bioxen.errors import InvalidModelError, ValidationError
from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.ode.integrate import integrate
from bioxen.server.engines.kinetic.lanes.ode.sensitivity import sensitivities
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.steady.control import control, parameter_elasticities
from bioxen.server.engines.kinetic.lanes.steady.moieties import moieties
from bioxen.server.engines.kinetic.lanes.steady.steady import steady_states
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.loader import load

CYCLE = """
species E = 1, ES = 0, S = 4, P = 0.5, Q = 0;
E + S -> ES; k1*E*S - k2*ES;  ES -> E + P; k3*ES;  P -> S; k4*P;  P -> Q; k5*P - k6*Q;
k1 = 2; k2 = 1; k3 = 3; k4 = 0.7; k5 = 0.4; k6 = 0.9;
"""
"""Two conserved totals: the enzyme, and the substance."""
SWITCH = "species A = 0.1; => A; 0.05 + 4*A^4/(1 + A^4); A => ; k*A; k = 1.5;"
"""Two stable states with an unstable one between."""


def program_of(text: str) -> LaneProgram:
    return build(load(source_of(text)).sbml)


def chain(length: int, speeds: list[float]) -> LaneProgram:
    """Return a chain of reversible enzymes between two fixed ends."""
    names = ["X0", *(f"S{i}" for i in range(1, length + 1)), "X1"]
    lines = ["const species $X0 = 10, $X1 = 1", *(f"species {name} = 1" for name in names[1:-1])]
    for i, speed in enumerate(speeds):
        a, b = names[i], names[i + 1]
        lines.append(f"J{i}: {a} -> {b}; v{i}*({a} - {b}/{1.5 + i % 3})/(1 + {a} + {b}); v{i} = {speed!r}")
    return program_of(";\n".join(lines) + ";")


def test_conserved_totals_stay() -> None:
    program = program_of(CYCLE)
    space = moieties(program)
    assert space.link.shape == (5, 3)
    matrix = program.stoichiometry
    assert matrix is not None
    assert space.link @ matrix[space.free] == pytest.approx(matrix, abs=1e-12)
    states, parameters = program.initial_values({"S": np.array([4.0, 1.0, 40.0])})
    found = steady_states(program, states, parameters)
    assert found.status.tolist() == [0, 0, 0]
    assert found.stable.tolist() == [1, 1, 1]
    assert found.residual.max() < 1e-10
    index = {name: i for i, name in enumerate(program.states)}
    enzyme = found.states[:, index["E"]] + found.states[:, index["ES"]]
    substance = found.states[:, [index[name] for name in ("S", "ES", "P", "Q")]].sum(axis=1)
    assert enzyme == pytest.approx(1.0)
    assert substance == pytest.approx([4.5, 1.5, 40.5])
    far = integrate(program, states, parameters, [0, 1e5], rtol=1e-10)
    assert found.states == pytest.approx(far.values[:, -1], rel=1e-6)


def test_integration_finds_the_state_that_the_start_leads_to() -> None:
    program = program_of(SWITCH)
    states, parameters = program.initial_values({"A": np.array([0.1, 3.0, 0.75])})
    found = steady_states(program, states, parameters, approach="integration")
    assert found.status.tolist() == [0, 0, 0]
    assert found.stable.tolist() == [1, 1, 1]
    assert found.states[0, 0] < 0.1
    assert found.states[1, 0] > 2
    assert not np.isnan(found.settled_at).any()
    far = integrate(program, states, parameters, [0, 1e4], rtol=1e-10)
    assert found.states == pytest.approx(far.values[:, -1], rel=1e-6)


def test_an_oscillator_has_an_unstable_state() -> None:
    program = program_of(REPRESSILATOR)
    found = steady_states(program, *program.initial_values({}))
    assert found.status.tolist() == [0]
    assert found.stable.tolist() == [0]
    assert found.eigenvalues[0, 0].real > 0
    assert np.isnan(found.settled_at[0])
    assert found.states[0].min() > 0


def test_what_grows_has_none() -> None:
    found = steady_states(*(p := program_of("species A = 1; => A; k; k = 1;"), *p.initial_values({})))
    assert found.status.tolist() == [1]
    assert np.isnan(found.states).all()
    with pytest.raises(ValidationError, match="time"):
        steady_states(*(p := program_of("species A = 1; => A; k*time; k = 1;"), *p.initial_values({})))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.2, 5), min_size=3, max_size=8))
def test_theorems_of_control(speeds: list[float]) -> None:
    """Summation: sums are 1 for fluxes, 0 for concentrations. Connectivity: 0 and -1."""
    program = chain(len(speeds) - 1, speeds)
    states, parameters = program.initial_values({})
    found = steady_states(program, states, parameters)
    assert found.status.tolist() == [0]
    answer = control(program, found.states, parameters)
    assert answer.scaled_flux_control.sum(axis=2) == pytest.approx(1.0, abs=1e-8)
    assert answer.scaled_concentration_control.sum(axis=2) == pytest.approx(0.0, abs=1e-8)
    elasticities = answer.scaled_elasticities[0]
    assert answer.scaled_flux_control[0] @ elasticities == pytest.approx(0.0, abs=1e-7)
    connected = answer.scaled_concentration_control[0] @ elasticities
    assert connected == pytest.approx(-np.eye(len(speeds) - 1), abs=1e-7)


def test_control_is_what_a_faster_reaction_changes() -> None:
    """With conserved totals, against two steady states."""
    program = program_of(CYCLE)
    states, parameters = program.initial_values({})
    base = steady_states(program, states, parameters).states
    responses = (
        control(program, base, parameters).concentration_control[0]
        @ parameter_elasticities(program, base, parameters)[0]
    )
    for index, name in enumerate(program.parameters):
        if name.startswith("k"):
            both = np.repeat(parameters, 2, axis=0)
            both[:, index] *= [1 + 1e-5, 1 - 1e-5]
            moved = steady_states(program, np.repeat(states, 2, axis=0), both).states
            slope = (moved[0] - moved[1]) / (2e-5 * parameters[0, index])
            assert responses[:, index] == pytest.approx(slope, abs=1e-7)


def test_control_needs_reactions() -> None:
    program = program_of("species A = 1; A => ; A; x = 1; x' = 1 - x;")
    with pytest.raises(InvalidModelError, match="rate rule"):
        control(program, *program.initial_values({}))


@pytest.mark.parametrize("method", ["tsit5", "rodas5p"])
def test_sensitivities_are_differences(method: str) -> None:
    program = program_of(REPRESSILATOR)
    states, parameters = program.initial_values({})
    times = np.linspace(0, 10, 6)
    names = ("a", "n", "b", "mY")
    own = dict(zip((*program.parameters, *program.states), (*parameters[0], *states[0]), strict=True))
    varied = {name: own[name] for name in names}
    found = sensitivities(program, varied, times, rtol=1e-9, method=method)  # type: ignore[arg-type]
    assert found.status.tolist() == [0, 0, 0, 0]
    for index, name in enumerate(names):
        table = parameters if name in program.parameters else states
        column = (program.parameters if name in program.parameters else program.states).index(name)
        step = 1e-4 * table[0, column]
        moved = np.repeat(table, 2, axis=0)
        moved[:, column] += [step, -step]
        other = np.repeat(states if table is parameters else parameters, 2, axis=0)
        pair = (other, moved) if table is parameters else (moved, other)
        run = integrate(program, *pair, times, rtol=1e-12, atol=1e-14)
        slope = (run.values[0] - run.values[1]) / (2 * step)
        assert found.slopes[index] == pytest.approx(slope, rel=1e-4, abs=1e-4 * np.abs(slope).max())


def test_sensitivities_refuse_jumps() -> None:
    program = program_of("species A = 1; A => ; k*A; k = 1; at A < 0.5: A = 1;")
    with pytest.raises(Uncovered, match="jump"):
        sensitivities(program, {"k": 1.0}, [0, 1])
