"""Stochastic simulation in lanes: random numbers, moments, the suite, splits, refusals."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from numba import njit
from scipy import stats
from tests.server.engines.kinetic.models import BIRTH_DEATH, source_of
from tests.shared_data import shared

from bioxen.errors import InvalidModelError, ValidationError
from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.random.philox import philox, uniform
from bioxen.server.engines.kinetic.lanes.random.poisson import poisson
from bioxen.server.engines.kinetic.lanes.random.scalar import words
from bioxen.server.engines.kinetic.lanes.simd.operations import store
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.layout import COUNTER, SEED, START, STREAM
from bioxen.server.engines.kinetic.lanes.ssa.stochastic import Realisations, stochastic
from bioxen.server.engines.kinetic.loader import load

VECTORS = (
    (0, 0, 0, (0xE169C58D6627E8D5, 0x9B00DBD8BC57AC4C)),
    (2**64 - 1, 2**64 - 1, 2**64 - 1, (0x41C83B0E408F276D, 0x6D5451FDA20BC7C6)),
    (0x85A308D3243F6A88, 0x0370734413198A2E, 0x299F31D0A4093822, (0x94FDCCEBD16CFE09, 0x24126EA15001E420)),
)
"""Counter, stream and seed as two 32-bit words each: the known answers of Philox4x32-10 by its authors."""
SUITE = ("00001", "00004", "00007", "00010", "00011", "00013", "00016", "00018", "00020", "00030", "00038")


def program_of(text: str) -> LaneProgram:
    return build(load(source_of(text)).sbml)


def ensemble(program: LaneProgram, members: int, times: object, **options: object) -> Realisations:
    states, parameters = program.initial_values({})
    many = (np.repeat(states, members, axis=0), np.repeat(parameters, members, axis=0))
    return stochastic(program, *many, times, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("counter", "stream", "seed", "known"), VECTORS)
def test_known_answers(counter: int, stream: int, seed: int, known: tuple[int, int]) -> None:
    assert tuple(map(int, words(np.uint64(counter), np.uint64(stream), np.uint64(seed)))) == known

    @njit
    def draw(w):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        philox(w, 0, 3)

    w = np.zeros(5 * WIDTH)
    bits = w.view(np.uint64).reshape(5, WIDTH)
    other = WIDTH - 1  # this lane has another key
    bits[:3] = np.array([counter, stream, seed], np.uint64)[:, None]
    bits[2, other] ^= np.uint64(2**40 + 1)
    draw(w)
    assert [set(row[:other].tolist()) for row in bits[3:]] == [{known[0]}, {known[1]}]
    alone = words(*(np.uint64(row[other]) for row in bits[:3]))
    assert bits[3:, other].tolist() == list(map(int, alone)) != list(known)


def test_uniform_numbers_are_never_0_or_1() -> None:
    @njit
    def convert(w):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        store(w, 1, uniform(w, 0))

    w = np.zeros(2 * WIDTH)
    w.view(np.uint64)[:2] = 0, 2**64 - 1
    convert(w)
    assert w[WIDTH] == 2.0**-53
    assert w[WIDTH + 1] == 1 - 2.0**-53


@pytest.mark.parametrize("mean", [0.3, 4.0, 9.99, 10.0, 57.0, 12345.0])
def test_poisson(mean: float) -> None:
    number = np.zeros((START + 1) * WIDTH, np.int64)
    number[STREAM * WIDTH], number[SEED * WIDTH] = 3, 9
    sample = np.array([poisson(number, 0, mean) for _ in range(20_000)])
    assert number[COUNTER * WIDTH] > 0
    edges = np.unique(stats.poisson.ppf(np.linspace(0.02, 0.98, 25), mean))
    counts, _ = np.histogram(sample, np.concatenate([[-1], edges, [np.inf]]) + 0.5)
    shares = np.diff(np.concatenate([[0], stats.poisson.cdf(edges, mean), [1]]))
    assert stats.chisquare(counts, shares * len(sample)).pvalue > 1e-3


@pytest.mark.parametrize("method", ["direct", "tau-leaping"])
def test_birth_and_death(method: str) -> None:
    """Mean and variance at each time are known; tau-leaping may be off by its epsilon."""
    times = np.array([0, 1, 5, 20, 60.0])
    scale = 1 if method == "direct" else 200
    program = program_of(BIRTH_DEATH.replace("birth = 5", f"birth = {5 * scale}"))
    members = 20_000 if method == "direct" else 2000
    run = ensemble(program, members, times, seed=7, method=method)
    assert not run.status.any()
    decay = np.exp(-0.1 * times)
    mean = 10 * decay + 50 * scale * (1 - decay)
    variance = 10 * decay * (1 - decay) + 50 * scale * (1 - decay)
    found = run.values[:, :, 0]
    off = 0.0 if method == "direct" else 0.01
    assert (np.abs(found.mean(0) - mean) <= 4 * np.sqrt(variance / members) + off * mean).all()
    slack = 5 * np.sqrt(2 / members) + (0.0 if method == "direct" else 0.06)
    assert (np.abs(found.var(0)[1:] / variance[1:] - 1) <= slack).all()
    if method == "tau-leaping":
        assert run.events.mean() < 0.2 * 60 * 2 * 1000


@pytest.mark.parametrize("method", ["direct", "tau-leaping"])
def test_any_split_gives_the_same_bytes(method: str) -> None:
    program = program_of(BIRTH_DEATH.replace("birth = 5", "birth = 500"))
    times = np.linspace(0, 5, 11)
    whole = ensemble(program, 50, times, seed=2**63 + 5, method=method)
    parts = [
        ensemble(program, count, times, seed=2**63 + 5, first_member=first, method=method)
        for first, count in ((0, 3), (3, 29), (32, 18))
    ]
    assert (np.concatenate([part.values for part in parts]) == whole.values).all()
    assert len(np.unique(whole.values[:, -1])) > 10
    other = ensemble(program, 50, times, seed=6, method=method)
    assert (other.values != whole.values).any()


@pytest.mark.parametrize("method", ["direct", "tau-leaping"])
def test_a_seed_of_its_own_gives_what_it_gives_alone(method: str) -> None:
    program = program_of(BIRTH_DEATH.replace("birth = 5", "birth = 500"))
    seeds = [0, 3, 2**64 - 1, 3, *range(2**40, 2**40 + 17)]
    times = np.linspace(0, 5, 11)
    together = ensemble(program, len(seeds), times, seed=seeds, method=method)
    alone = [ensemble(program, 1, times, seed=seed, method=method) for seed in seeds]
    assert together.values.tolist() == [run.values[0].tolist() for run in alone]
    assert together.events.tolist() == [int(run.events[0]) for run in alone]
    of_all = ensemble(program, 5, times, seed=3, method=method)
    assert (of_all.values[0] == together.values[1]).all()  # member 0 of its own ensemble
    with pytest.raises(ValidationError, match="2 seeds for 3 members"):
        ensemble(program, 3, times, seed=[1, 2], method=method)


@pytest.mark.parametrize("case", SUITE)
def test_the_suite_within_its_own_limits(case: str) -> None:
    """The suite's rule at n = 10,000: means within 3 errors, variances within 5; one point may miss."""
    folder = shared("sbml-test-suite", "cases", "stochastic", case)
    program = build(load(source_of(max(folder.glob("*-sbml-*.xml")).read_text(), "sbml")).sbml)
    with (folder / f"{case}-results.csv").open() as file:
        header, *rows = filter(None, csv.reader(file))
    expected = dict(zip(map(str.strip, header), np.array(rows, dtype=float).T, strict=True))
    members = 10_000
    run = ensemble(program, members, np.arange(51.0), seed=2)
    assert not run.status.any()
    for name in (key.removesuffix("-mean") for key in expected if key.endswith("-mean")):
        got = run.values[:, 1:, program.states.index(name)]
        mean, deviation = expected[f"{name}-mean"][1:], expected[f"{name}-sd"][1:]
        z = np.sqrt(members) * (got.mean(axis=0) - mean) / deviation
        y = np.sqrt(members / 2) * (got.var(axis=0, ddof=1) / deviation**2 - 1)
        assert (np.abs(z) > 3).sum() <= 1
        assert (np.abs(y) > 5).sum() <= 1


def test_what_has_run_out_stays() -> None:
    run = ensemble(program_of("species A = 3; A => ; k*A; k = 1;"), 20, [0, 100.0, 1e6], seed=1)
    assert not run.status.any()
    assert (run.values[:, 1:] == 0).all()
    assert (run.events == 3).all()


@pytest.mark.parametrize("method", ["direct", "tau-leaping"])
def test_failures_have_a_status_and_no_numbers(method: str) -> None:
    turned = ensemble(
        program_of("species A = 5, B = 9; A => B; k*(A - B); k = 1;"), 3, [0, 1.0], seed=1, method=method
    )
    assert (turned.status == 4).all()
    assert np.isnan(turned.values).all()
    below = ensemble(program_of("species A = 5; A => ; k; k = 1;"), 3, [0, 1000.0], seed=1, method=method)
    assert (below.status == 5).all()
    assert np.isnan(below.values[:, 1]).all()
    endless = ensemble(program_of(BIRTH_DEATH), 3, [0, 1e9], seed=1, max_events=100, method=method)
    assert (endless.status == 1).all()


@pytest.mark.parametrize(
    ("text", "hurdle"),
    [
        ("species A = 3; A => ; k*A*time; k = 1;", "changes between two firings"),
        ("species A = 3; 0.5 A => ; k*A; k = 1;", "whole numbers"),
        ("species A = 3; A => ; k*A*x; k = 1; x = 1; x' = 0.1*x;", "rate rule of x"),
    ],
)
def test_what_is_no_network_is_refused(text: str, hurdle: str) -> None:
    with pytest.raises(InvalidModelError, match=hurdle):
        ensemble(program_of(text), 1, [0, 1.0], seed=1)


def test_broken_molecules_are_refused() -> None:
    with pytest.raises(ValidationError, match="no number of molecules"):
        ensemble(program_of("species A = 3.5; A => ; k*A; k = 1;"), 1, [0, 1.0], seed=1)
