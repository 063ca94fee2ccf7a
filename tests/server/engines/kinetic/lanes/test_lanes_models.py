"""The BioModels in the validation data: values and rates as libRoadRunner's, Jacobians as differences."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.server.engines.kinetic.lanes.against_libroadrunner import Pair
from tests.server.engines.kinetic.lanes.native_calls import Floats, call
from tests.shared_data import DIRECTORY, shared

FOLDER = DIRECTORY / "kinetic" / "biomodels"
MODELS = sorted(path.stem for path in FOLDER.glob("*.xml")) if FOLDER.exists() else ["absent"]


@cache
def pair(model: str) -> Pair:
    return Pair(shared("kinetic", "biomodels", f"{model}.xml").read_text())


def random_state(pair: Pair, seed: int, factor: float = 2.0) -> Floats:
    random = np.random.default_rng(seed)
    start = pair.program.default_states
    state: Floats = start * random.uniform(1 / factor, factor, start.size)
    state += random.uniform(0.01, 1.0, start.size) * (start == 0)
    return state


@pytest.mark.parametrize("model", MODELS)
def test_start(model: str) -> None:
    both = pair(model)
    both.runner.reset()
    both.check_values(both.program.default_states, both.program.default_parameters)
    both.check_rates(both.program.default_states, both.program.default_parameters)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("model", MODELS)
def test_random_states(model: str, seed: int) -> None:
    both = pair(model)
    states = random_state(both, seed)
    both.runner.reset()
    both.set(both.program.states, states)
    both.check_values(states, both.program.default_parameters)
    both.check_rates(states, both.program.default_parameters)


@pytest.mark.parametrize("model", MODELS)
def test_random_parameters(model: str) -> None:
    both = Pair(shared("kinetic", "biomodels", f"{model}.xml").read_text())
    random = np.random.default_rng(4)
    parameters = both.program.default_parameters.copy()
    for index, name in enumerate(both.program.parameters):
        if name in both.runner_parameters():
            parameters[index] *= random.uniform(0.8, 1.25)
            both.runner.set(name, float(parameters[index]))
    states = random_state(both, 5)
    both.set(both.program.states, states)
    both.check_values(states, parameters)
    both.check_rates(states, parameters)


@pytest.mark.parametrize("kind", ["state", "parameter"])
@pytest.mark.parametrize("model", MODELS)
def test_jacobian(model: str, kind: str) -> None:
    both = pair(model)
    program = both.program
    states, parameters = random_state(both, 6, factor=1.05), program.default_parameters
    if kind == "state":
        address, rows, columns = program.jacobian, program.jacobian_rows, program.jacobian_columns
    else:
        address = program.parameter_jacobian
        rows, columns = program.parameter_jacobian_rows, program.parameter_jacobian_columns
    values = call(address, program.width, 0.0, states, parameters, len(rows))[0]
    point = states if kind == "state" else parameters
    jacobian = np.zeros((states.size, point.size))
    jacobian[rows, columns] = values

    def rates(moved: Floats) -> Floats:
        return both.rates(moved, parameters) if kind == "state" else both.rates(states, moved)

    for column in range(point.size):
        step = np.zeros(point.size)
        step[column] = 1e-6 * max(abs(point[column]), 1e-3)
        change = (rates(point + step) - rates(point - step)) / (2 * step[column])
        assert np.isfinite(change).all()
        rounding = 1e-15 * np.abs(rates(point)).max() / step[column]
        tolerance = 1e-5 * np.abs(change).max() + 100 * rounding
        np.testing.assert_allclose(jacobian[:, column], change, rtol=1e-5, atol=tolerance)


@pytest.mark.parametrize("model", MODELS)
def test_prepared_functions_give_the_same(model: str) -> None:
    program = pair(model).program
    random = np.random.default_rng(7)
    states = random_state(pair(model), 8, factor=1.05)
    parameters = program.default_parameters * random.uniform(0.9, 1.1, (3, len(program.parameters)))
    prepared = program.prepared("rates", "jacobian", "fluxes")
    extended = prepared.extended(parameters)
    assert extended.shape == (3, prepared.parameter_count)
    counts = {"rates": len(program.states), "fluxes": len(program.reactions)}
    counts["jacobian"] = len(program.jacobian_rows)
    for member in range(3):
        for name, count in counts.items():
            plain = call(getattr(program, name), program.width, 0.0, states, parameters[member], count)[0]
            fast = call(prepared.addresses[name], program.width, 0.0, states, extended[member], count)[0]
            np.testing.assert_allclose(fast, plain, rtol=1e-12, atol=1e-13 * np.abs(plain).max(initial=0.0))
