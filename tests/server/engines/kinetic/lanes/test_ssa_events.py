"""Stochastic simulation with events, clocks and draws: at exact times, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from tests.server.engines.kinetic.models import source_of

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.ssa.stochastic import STATUS, Realisations, stochastic
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.loader import load

Floats = NDArray[np.float64]
MANY = 20_000


def program_of(text: str) -> LaneProgram:
    return build(load(source_of(text)).sbml, singly=True)


def run(
    text: str | LaneProgram, times: ArrayLike, members: int = 1, *, seed: int = 3, first: int = 0
) -> tuple[Realisations, LaneProgram]:
    program = program_of(text) if isinstance(text, str) else text
    states, parameters = program.initial_values({}, members=members, seed=seed, first_member=first)
    y, p = (np.broadcast_to(rows, (members, rows.shape[1])) for rows in (states, parameters))
    return stochastic(program, y, p, times, seed=seed, first_member=first, max_events=10_000_000), program


def course(text: str, name: str, times: ArrayLike, members: int = 1) -> Floats:
    """Return members × points of a state or parameter."""
    found, program = run(text, times, members)
    assert not found.status.any(), {STATUS[int(code)] for code in found.status}
    if name in program.states:
        return np.asarray(found.values[:, :, program.states.index(name)])
    assert found.parameters is not None
    return np.asarray(found.parameters[:, :, program.parameters.index(name)])


def is_poisson(sample: Floats, mean: float) -> bool:
    edges = np.unique(stats.poisson.ppf(np.linspace(0.05, 0.95, 10), mean))
    counts, _ = np.histogram(sample, np.concatenate([[-1], edges, [np.inf]]) + 0.5)
    shares = np.diff(np.concatenate([[0], stats.poisson.cdf(edges, mean), [1]]))
    return bool(stats.chisquare(counts, shares * len(sample)).pvalue > 1e-3)


def test_an_event_at_a_time_breaks_the_wait_off_exactly() -> None:
    """Births at rate 2 until 0.35 and at rate 20 from then on: numbers are Poisson at all times."""
    text = "species A = 0; => A; k; k = 2; at time >= 0.35: k = 20;"
    times = [0.0, 0.3, 0.35, 0.4, 1.0]
    found = course(text, "A", times, MANY)
    for column, mean in enumerate([0, 0.6, 0.7, 1.7, 13.7]):
        assert mean == 0 or is_poisson(found[:, column], mean)


def test_what_an_event_sets_shows_at_its_own_time() -> None:
    found = course("species A = 9; A => ; k*A; k = 0.5; at time >= 1: A = 50;", "A", [0.0, 1.0, 3.0], MANY)
    assert (found[:, 1] == 50).all()
    left = 50 * np.exp(-1)
    assert abs(found[:, 2].mean() - left) < 4 * np.sqrt(left * (1 - np.exp(-1)) / MANY)
    assert abs(found[:, 2].var() / (left * (1 - np.exp(-1))) - 1) < 5 * np.sqrt(2 / MANY)


def test_a_rate_that_jumps_with_the_time() -> None:
    text = "species A = 0; => A; k*piecewise(1, time < 0.35, 10); k = 2;"
    found = course(text, "A", [0.0, 0.35, 1.0], MANY)
    assert is_poisson(found[:, 1], 0.7)
    assert is_poisson(found[:, 2], 0.7 + 13)


def test_a_rate_that_jumps_with_a_clock_and_with_steps() -> None:
    text = "species A = 0; => A; floor(z); z = 0; z' = 2; at z >= 3: z = 0;"
    found = course(
        text, "A", [0.0, 0.9, 3.0], MANY
    )  # floor(z): 0, 1, 2, then again; half a unit of time each
    assert is_poisson(found[:, 1], 0.4)
    assert is_poisson(found[:, 2], 3.0)


def test_a_step_that_goes_down() -> None:
    found = course("species A = 0; => A; floor(3 - time); ", "A", [0.0, 1.0, 2.0, 3.0], MANY)
    for column, mean in ((1, 2.0), (2, 3.0)):
        assert is_poisson(found[:, column], mean)
    assert (found[:, 3] == found[:, 2]).all()


def test_an_event_when_an_amount_is_reached() -> None:
    """Births at rate 1; at five all are removed, once: the fifth is an Erlang time after the start."""
    text = "species A = 0; n = 0; => A; k; k = 1; at A == 5: A = 0, n = n + 1, k = 0;"
    times = [0.0, 4.0, 8.0]
    reached = course(text, "n", times, MANY)[:, 1:].mean(axis=0)
    known = stats.gamma(5).cdf(times[1:])
    assert (np.abs(reached - known) < 4 * np.sqrt(known * (1 - known) / MANY)).all()


def test_clocks_count_and_show_between_firings() -> None:
    text = "z = 0; z' = 2; n = 0; at z >= 1: z = 0, n = n + 1;"
    times = [0.0, 0.25, 0.5, 0.75, 2.0, 2.1]
    assert np.allclose(course(text, "z", times)[0], [0, 0.5, 0, 0.5, 0, 0.2], atol=1e-12)
    assert course(text, "n", times)[0].tolist() == [0, 0, 1, 1, 4, 4]


def test_a_clock_whose_rate_amounts_set() -> None:
    """The integral of an amount: z' = A with one molecule that dies after an exponential time."""
    text = "species A = 1; A => ; A; z = 0; z' = A;"
    found = course(text, "z", [0.0, 0.5, 40.0], MANY)
    assert found[:, 1].max() == pytest.approx(0.5)
    assert stats.kstest(found[:, 2], "expon").pvalue > 1e-3


def test_a_threshold_that_amounts_move() -> None:
    """The event comes when the time passes the amount: 10 at first, 2 from time 1 on."""
    text = "species A = 10; n = 0; at time >= 1: A = 2; at time > A: n = 1; => ; 0*A;"
    assert course(text, "n", [0.0, 1.9, 2.0, 2.1])[0].tolist() == [0, 0, 0, 1]


def test_delays_are_exact_and_values_are_those_of_their_time() -> None:
    text = "x = 1; y = 0; z = 0; at time >= 1: x = 5; at 0.5 after time >= 0.8: y = x; {} z = x;"
    at_trigger = text.format("at 0.5 after time >= 0.8, fromTrigger=false:")
    times = [0.0, 1.2, 1.3, 1.4]
    assert course(at_trigger, "y", times)[0].tolist() == [0, 0, 1, 1]
    assert course(at_trigger, "z", times)[0].tolist() == [0, 0, 5, 5]


def test_a_delay_that_is_drawn() -> None:
    text = "n = 0; at exponential(2) after time >= 1, t0=false: n = 1;"
    known = stats.expon(1, 0.5).cdf([1.2, 1.5, 2.5])
    found = course(text, "n", [1.2, 1.5, 2.5], MANY)  # the start lies after the trigger's time
    late = course("n = 0; at exponential(2) after time >= 1: n = 1;", "n", [0.0, 1.2, 1.5, 2.5], MANY)[:, 1:]
    for got, want in ((late, known), (found, stats.expon(1.2, 0.5).cdf([1.2, 1.5, 2.5]))):
        assert (np.abs(got.mean(axis=0) - want) <= 4 * np.sqrt(want * (1 - want) / MANY)).all()


def test_an_event_that_does_not_persist_is_dropped() -> None:
    text = "n = 0; k = 0; at 1 after time >= 1 && time < 1.5, persistent={}: n = 1;"
    assert course(text.format("false"), "n", [0.0, 3.0])[0, 1] == 0
    assert course(text.format("true"), "n", [0.0, 3.0])[0, 1] == 1


def test_priorities_and_ties() -> None:
    for how, result in (("true", 4), ("false", 10)):
        ranked = (
            f"x = 2; at time >= 1, priority = 1, fromTrigger={how}: x = 2*x;"
            f"at time >= 1, priority = 2, fromTrigger={how}: x = x + 3;"
        )
        assert course(ranked, "x", [0.0, 1.0])[0, 1] == result
    tied = "x = 0; p = 1; " + " ".join(
        f"at time >= 1, priority = p, fromTrigger=false: x = 3*x + {i};" for i in (0, 1, 2)
    )
    values, counts = np.unique(course(tied, "x", [0.0, 1.0], MANY)[:, 1], return_counts=True)
    assert values.tolist() == [5, 7, 11, 15, 19, 21]
    assert stats.chisquare(counts).pvalue > 1e-3


def test_draws_in_events_are_made_anew_each_time() -> None:
    text = "x = 0; y = 0; z = 0; z' = 1; at z >= 1: z = 0, x = normal(0, 1), y = x + normal(normal(0, 1), 1);"
    found, program = run(text, np.arange(4.0), MANY)
    assert found.parameters is not None
    x, y = (found.parameters[:, :, program.parameters.index(name)] for name in "xy")
    assert stats.kstest(x[:, 1], "norm").pvalue > 1e-3
    assert abs(np.corrcoef(x[:, 1], x[:, 2])[0, 1]) < 4 / np.sqrt(MANY)
    assert stats.kstest((y[:, 2] - x[:, 1]) / np.sqrt(2), "norm").pvalue > 1e-3


def test_draws_of_initial_values() -> None:
    found, _ = run("species A = poisson(7); A => ; k*A; k = 1; x = normal(0, 1);", [0.0, 1.0], MANY)
    assert is_poisson(found.values[:, 0, 0], 7)
    assert is_poisson(found.values[:, 1, 0], 7 * np.exp(-1))  # thinning keeps it Poisson


def test_any_split_gives_the_same_bytes() -> None:
    text = (
        "species A = poisson(9); => A; k; A => ; A; k = 5; x = 0; z = 0; z' = 1;"
        "at z >= 1: z = 0, x = gamma(2, 3); at exponential(3) after A > 9: A = binomial(9, 0.5);"
    )
    times = np.linspace(0, 5, 6)
    (whole, program), parts = run(text, times, 40), []
    for first, count in ((0, 3), (3, 20), (23, 17)):
        parts.append(run(program, times, count, first=first)[0])
    assert (np.concatenate([part.values for part in parts]) == whole.values).all()
    assert (np.concatenate([part.parameters for part in parts]) == whole.parameters).all()
    assert (run(text, times, 40)[0].values == whole.values).all()
    assert len(np.unique(whole.parameters[:, -1, program.parameters.index("x")])) == 40  # type: ignore[index]


def test_an_event_that_changes_a_compartment_changes_the_rates() -> None:
    """Dimers form at k*A*(A - 1)/volume; in an endless volume nothing happens."""
    text = "species A in C; C = 1; A = 9; n := A*C; 2 A => ; k*A*(n - 1); k = 1; at time >= 0: C = 2^50;"
    assert course(text.replace("time >= 0", "time >= 0, t0=false"), "A", [0.0, 9.0])[0].tolist() == [9, 9]
    assert course(text.replace("time >= 0", "time >= 9"), "A", [0.0, 9.0])[0, 1] <= 1


def test_a_conversion_factor_is_part_of_a_firing() -> None:
    sbml = load(source_of("species A = 90; A => ; k*A; k = 1; c = 3;")).sbml
    program = build(sbml.replace('<species id="A"', '<species id="A" conversionFactor="c"'), singly=True)
    assert program.integral_stoichiometry is False
    states, parameters = program.initial_values({})
    found = stochastic(program, states, parameters, np.linspace(0, 0.1, 200), seed=1).values[0, :, 0]
    assert set(np.diff(found)) <= {0.0, -3.0, -6.0, -9.0}
    assert found[-1] < 90
    half, differing = parameters.copy(), np.repeat(parameters, 2, axis=0)
    half[0, program.parameters.index("c")] = 0.5
    differing[1, program.parameters.index("c")] = 4
    with pytest.raises(InvalidModelError, match="no whole numbers"):
        stochastic(program, states, half, [0.0, 1.0], seed=1)
    with pytest.raises(InvalidModelError, match="differ between members"):
        stochastic(program, np.repeat(states, 2, axis=0), differing, [0.0, 1.0], seed=1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("species A = 3; A => ; A; at time > 1: A = 2.5;", "no whole number"),
        ("species A = 3; A => ; A; at time > 1: A = -1;", "below zero"),
        ("x = 0; y = 0; at time > 1: x = 1 - x; at x > 0.5: x = 0; at x < 0.5: x = 1;", "without end"),
        ("x = 0; at -1 after time > 1: x = 1;", "delay"),
        ("x = 0; at time > 1: x = normal(0, -1);", "random draw"),
        ("x = 0; at time > 1: x = 1/x;", "not finite"),
        ("x = 0; z = 0; z' = 1; at 1e6 after z > 0.001: x = 1; at z > 0.001: z = 0;", "too many events wait"),
    ],
)
def test_what_goes_wrong_has_a_status_and_no_numbers(text: str, words: str) -> None:
    found, _ = run(text, [0.0, 0.5, 10.0], 9)
    assert {STATUS[int(code)].count(words) for code in found.status} == {1}
    assert np.isnan(found.values[:, 2]).all()
    assert np.isfinite(found.values[:, :2]).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("species A = 3; A => ; k*A*time; k = 1;", "rate of reaction _J0 that changes"),
        ("species A = 3; A => ; A*z; z = 1; z' = 1;", "rate of reaction _J0 that changes"),
        ("species A = 3; A => ; A; z = 1; z' = z;", "rate rule of z whose rate changes"),
        ("species A = 3; A => ; A; at time^2 > 3: A = 1;", "straight line"),
        ("species A = 3; A => ; A; at time == 3: A = 1;", "equality that the time decides"),
    ],
)
def test_what_has_no_exact_time_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(InvalidModelError, match=words):
        run(text, [0.0, 1.0])


@pytest.mark.parametrize(
    "text",
    ["species A = 3; A => ; normal(0, 1);", "x = 1; at normal(0, 1) > 0: x = 2;"],
)
def test_draws_that_no_moment_makes_are_refused(text: str) -> None:
    with pytest.raises(Uncovered, match="random draw outside"):
        program_of(text)


def test_leaps_do_not_pass_over_events() -> None:
    program = program_of("species A = 3; A => ; A; at time > 1: A = 5;")
    with pytest.raises(InvalidModelError, match="events"):
        stochastic(program, *program.initial_values({}), [0.0, 1.0], seed=1, method="tau-leaping")
