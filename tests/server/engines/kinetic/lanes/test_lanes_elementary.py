"""Exponential, logarithm and power of lanes against exact values."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.server.engines.kinetic.lanes.native_calls import Floats, run

from bioxen.server.engines.kinetic.lanes.graph import Graph

COUNT = 2000
SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 2.5, 1e17, -1e17, 0.99999]
SPECIAL += [np.inf, -np.inf, np.nan, 5e-324, 1e-310, -1e-310, 1.7e308, 1e300, 709.79, 709.7, -745.2, -740.0]


def computed(operation: str, *arguments: NDArray[np.float64]) -> Floats:
    graph = Graph()
    node = graph.make(operation, *(graph.input("state", index) for index in range(len(arguments))))
    return run(graph, [node], np.stack(arguments, axis=1))[:, 0]


def worst(got: Floats, exact: Callable[..., mpmath.mpf], *arguments: NDArray[np.float64]) -> float:
    """Return the largest error in units in the last place."""
    with mpmath.workprec(200):
        values = [exact(*map(mpmath.mpf, row)) for row in zip(*arguments, strict=True)]
        units = np.spacing(np.abs([float(value) for value in values]))
        errors = [abs(mpmath.mpf(a) - b) / mpmath.mpf(c) for a, b, c in zip(got, values, units, strict=True)]
        return float(max(errors))


@pytest.mark.parametrize("limit", [1e-300, 1e-3, 1.0, 708.0])
def test_exp(limit: float) -> None:
    x = np.random.default_rng(1).uniform(-limit, limit, COUNT)
    assert worst(computed("exp", x), mpmath.exp, x) < 1.3


def test_exp_of_subnormal_results() -> None:
    x = np.random.default_rng(2).uniform(-745, -708, COUNT)
    assert worst(computed("exp", x), mpmath.exp, x) < 1.3


@pytest.mark.parametrize("powers", [(-323.0, 308.0), (-0.3, 0.3), (-1e-8, 1e-8)])
def test_log(powers: tuple[float, float]) -> None:
    x = 10 ** np.random.default_rng(3).uniform(*powers, COUNT)
    x = x[x != 1.0]
    assert worst(computed("log", x), mpmath.log, x) < 1.1


@pytest.mark.parametrize(("base", "exponent"), [(6.0, 8.0), (0.04, 6000.0), (300.0, 1.0), (1e-9, 1e9)])
def test_pow(base: float, exponent: float) -> None:
    random = np.random.default_rng(4)
    x, y = 10 ** random.uniform(-base, base, COUNT), random.uniform(-exponent, exponent, COUNT)
    assert worst(computed("pow", x, y), mpmath.power, x, y) < 1.6


@pytest.mark.parametrize("operation", ["exp", "log"])
def test_special_values(operation: str) -> None:
    x = np.array(SPECIAL)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(computed(operation, x), getattr(np, operation)(x), rtol=3e-16)


def test_special_powers() -> None:
    x, y = (grid.ravel() for grid in np.meshgrid(SPECIAL, SPECIAL))
    got = computed("pow", x, y)
    with np.errstate(all="ignore"):
        want = np.power(x, y)
    np.testing.assert_allclose(got, want, rtol=5e-16)
    assert (np.signbit(got) == np.signbit(want))[~np.isnan(want)].all()
