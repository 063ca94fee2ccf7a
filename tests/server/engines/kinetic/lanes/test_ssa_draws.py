"""Draws from the distributions of SBML's package distrib, whole and truncated, against SciPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bioxen.server.engines.kinetic.lanes.draws import CODES
from bioxen.server.engines.kinetic.lanes.random.draws import Stream, draw_for_members
from bioxen.server.engines.kinetic.lanes.random.streams import streams

INF = np.inf
Bounds = tuple[tuple[float, float], ...]
COUNT = 10_000
MEASURED = (
    ("normal", 1, 2, stats.norm(1, 2), ((-1, 2), (5, INF), (-INF, -3))),
    ("lognormal", 0.5, 0.7, stats.lognorm(0.7, scale=np.exp(0.5)), ((1, 3), (-1, 2), (6, INF))),
    ("uniform", 1, 3, stats.uniform(1, 2), ()),
    ("cauchy", 1, 2, stats.cauchy(1, 2), ((0, 5), (-INF, -9))),
    ("laplace", 1, 2, stats.laplace(1, 2), ((-3, 2), (3, 9), (-9, 0))),
    ("exponential", 2, 0, stats.expon(0, 0.5), ((0.3, 1), (-1, 1), (3, INF))),
    ("rayleigh", 2, 0, stats.rayleigh(scale=2), ((1, 3), (5, INF))),
    ("gamma", 3, 2, stats.gamma(3, scale=2), ((5, 12), (30, INF), (-1, 2))),
    ("gamma", 0.3, 2, stats.gamma(0.3, scale=2), ((0.01, 1), (-INF, 0.5))),
    ("chisquare", 3, 0, stats.chi2(3), ((1, 4),)),
)
COUNTED = (
    ("poisson", 1.5, 0, stats.poisson(1.5), ((6, INF), (1, 2))),
    ("poisson", 40, 0, stats.poisson(40), ((35, 50), (-1, 30))),
    ("binomial", 10, 0.3, stats.binom(10, 0.3), ((2, 4), (7, INF))),
    ("binomial", 100_000, 0.3, stats.binom(100_000, 0.3), ()),
    ("bernoulli", 0.2, 0, stats.bernoulli(0.2), ()),
)


def drawn(name: str, a: float, b: float, low: float, high: float) -> NDArray[np.float64]:
    arguments = np.tile([a, b, low, high], (COUNT, 1)).astype(float)
    return draw_for_members(CODES[name], arguments, 0, streams(11, 5, COUNT))


@pytest.mark.parametrize(("name", "a", "b", "known", "bounds"), MEASURED)
def test_real_numbers(name: str, a: float, b: float, known: Any, bounds: Bounds) -> None:
    for low, high in ((-INF, INF), *bounds):
        found = drawn(name, a, b, low, high)
        assert ((found >= low) & (found <= high)).all()
        below, above = known.cdf(low), known.cdf(high)
        if below < 0.5:
            shares = (known.cdf(found) - below) / (above - below)
        else:
            shares = (known.sf(low) - known.sf(found)) / (known.sf(low) - known.sf(high))
        assert stats.kstest(shares, "uniform").pvalue > 1e-3, (low, high)


@pytest.mark.parametrize(("name", "a", "b", "known", "bounds"), COUNTED)
def test_whole_numbers(name: str, a: float, b: float, known: Any, bounds: Bounds) -> None:
    for low, high in ((-INF, INF), *bounds):
        found = drawn(name, a, b, low, high)
        assert ((found >= low) & (found <= high) & (found % 1 == 0)).all()
        values = np.arange(max(low, known.ppf(1e-9)), min(high, known.isf(1e-9)) + 1)
        shares = known.pmf(values) / known.pmf(values).sum()
        edges = np.unique(np.searchsorted(np.cumsum(shares), np.linspace(0, 1, 12)[1:-1]))
        groups = np.searchsorted(values[edges], values, side="left")
        wanted = np.bincount(groups, shares) * COUNT
        counts = np.bincount(np.searchsorted(values[edges], found, side="left"), minlength=len(wanted))
        rare = wanted < 5
        wanted, counts = (
            np.append(wanted[~rare], wanted[rare].sum()),
            np.append(counts[~rare], counts[rare].sum()),
        )
        kept = wanted > 0
        assert (counts[~kept] == 0).all()
        if kept.sum() > 1:
            assert stats.chisquare(counts[kept], wanted[kept], sum_check=False).pvalue > 1e-3, (low, high)


def test_what_has_one_value_is_that_value() -> None:
    for name, a, b, low, high, value in (
        ("binomial", 4, 1, -INF, INF, 4),
        ("binomial", 4, 0, -INF, INF, 0),
        ("poisson", 0, 0, -INF, INF, 0),
        ("normal", 3, 0, -INF, INF, 3),
        ("uniform", 3, 3, -INF, INF, 3),
    ):
        assert (drawn(name, a, b, low, high) == value).all(), name


@pytest.mark.parametrize(
    ("name", "a", "b", "low", "high"),
    [
        ("normal", 0, -1, -INF, INF),
        ("normal", np.nan, 1, -INF, INF),
        ("normal", 0, 1, 2, 1),
        ("normal", 0, 1, np.nan, 1),
        ("normal", 0, 1, 50, 60),
        ("normal", 0, 1, 0.5, 0.5),
        ("lognormal", 0, 1, -3, -1),
        ("gamma", -1, 1, -INF, INF),
        ("gamma", 1, 0, -INF, INF),
        ("gamma", 1, 1, -2, -1),
        ("chisquare", 0, 0, -INF, INF),
        ("exponential", 0, 0, -INF, INF),
        ("exponential", 1, 0, -3, -1),
        ("rayleigh", 0, 0, -INF, INF),
        ("rayleigh", 1, 0, -3, -1),
        ("cauchy", 0, 0, -INF, INF),
        ("laplace", 0, -1, -INF, INF),
        ("uniform", 3, 1, -INF, INF),
        ("bernoulli", 1.5, 0, -INF, INF),
        ("binomial", 2.5, 0.3, -INF, INF),
        ("binomial", 2, 1.3, -INF, INF),
        ("binomial", 2, 0.3, 5, 9),
        ("poisson", -1, 0, -INF, INF),
        ("poisson", 2, 0, -5, -1),
    ],
)
def test_no_distribution_gives_no_number(name: str, a: float, b: float, low: float, high: float) -> None:
    assert np.isnan(drawn(name, a, b, low, high)).all()


def test_a_members_draw_is_its_own() -> None:
    def of(draw: int, seed: int | list[int], first: int, members: int = 20) -> NDArray[np.float64]:
        arguments = np.tile([0, 1, -INF, INF], (members, 1)).astype(float)
        return draw_for_members(CODES["normal"], arguments, draw, streams(seed, first, members))

    whole = of(3, 2**64 - 1, 100)
    assert (whole[7:12] == of(3, 2**64 - 1, 107, 5)).all()
    assert len(np.unique(whole)) == 20
    assert all((other != whole).all() for other in (of(4, 2**64 - 1, 100), of(3, 1, 100)))
    own = of(3, [7, 2**64 - 1, 8], 100, 3)
    assert own.tolist() == [of(3, seed, 100, 1)[0] for seed in (7, 2**64 - 1, 8)]


def test_a_stream_goes_on() -> None:
    stream, again = Stream(7), Stream(7)
    found = [stream.draw(CODES["normal"], 0, 1, -INF, INF) for _ in range(5)]
    assert found == [again.draw(CODES["normal"], 0, 1, -INF, INF) for _ in range(5)]
    assert len(set(found)) == 5
