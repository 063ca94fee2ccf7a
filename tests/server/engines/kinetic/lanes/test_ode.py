"""The integrators on systems whose solutions are known."""

from __future__ import annotations

import numpy as np
import pytest
from tests.server.engines.kinetic.lanes import systems

from bioxen.errors import ValidationError
from bioxen.server.engines.kinetic.lanes.ode.control import allowance
from bioxen.server.engines.kinetic.lanes.ode.integrate import Method, choose_method, integrate

METHODS: tuple[Method, ...] = ("tsit5", "rodas5p")
TIMES = np.linspace(0, 10, 41)


@pytest.mark.parametrize("method", METHODS)
def test_a_driven_decay_between_the_steps_too(method: Method) -> None:
    """Explicit time dependence, and points that the interpolant gives."""
    rates = np.array([0.5, 2.0, 30.0])
    starts = np.array([1.5, 3.0, -1.0])
    run = integrate(
        systems.driven(), starts[:, None], rates[:, None], TIMES, rtol=1e-9, atol=1e-11, method=method
    )
    exact = np.cos(TIMES) + (starts[:, None] - 1) * np.exp(-rates[:, None] * TIMES)
    assert np.abs(run.values[:, :, 0] - exact).max() < 2e-8


@pytest.mark.parametrize("method", METHODS)
def test_the_order_is_five(method: Method) -> None:
    """Steps of one length: the slope of the error's logarithm over that of the step."""
    lengths, errors = np.array([0.4, 0.2, 0.1, 0.05]), []
    for length in lengths:
        run = integrate(
            *(systems.oscillator(), [[1.0, 0.0]], [[1.0]], [0.0, 20.0]), rtol=0.5, atol=1e3, method=method,
            longest_step=length,
        )  # fmt: skip
        assert run.steps[0] >= 20 / length
        errors.append(np.abs(run.values[0, -1] - [np.cos(20.0), -np.sin(20.0)]).max())
    assert 4.6 < np.polyfit(np.log(lengths), np.log(errors), 1)[0] < 6.5


def test_an_estimate_is_judged_by_the_error_of_the_solution_kept() -> None:
    """To an estimate e belongs an error of e^(6/5), as shares of the value; from 1e-6 on, 10 is enough."""
    for rtol in (1e-2, 1e-4, 1e-5):
        assert (allowance(rtol) * rtol) ** 1.2 == pytest.approx(rtol)
    assert [allowance(rtol) for rtol in (1e-6, 1e-8, 1e-12)] == [10.0] * 3


@pytest.mark.parametrize("method", METHODS)
def test_the_interpolant_has_order_four(method: Method) -> None:
    errors = []
    for step in (0.2, 0.1):
        times = np.arange(0.3, 20) * step / 2.5
        run = integrate(
            *(systems.oscillator(), [[1.0, 0.0]], [[1.0]], times),
            start=0.0,
            rtol=0.5,
            atol=1e3,
            method=method,
            longest_step=step,
        )
        errors.append(np.abs(run.values[0, :, 0] - np.cos(times)).max())
    assert 3.7 < np.log2(errors[0] / errors[1]) < 6.5


def test_robertson() -> None:
    """Reference: the test set of E. Hairer, G. Wanner, Solving Ordinary Differential Equations II."""
    system = systems.robertson()
    run = integrate(
        *(system, [system.default_states], [system.default_parameters], [0, 40.0, 1e11]),
        rtol=1e-9,
        atol=1e-18,
    )
    assert run.method == "rodas5p"
    assert run.values[0, 1] == pytest.approx([0.7158270687194, 9.185534764558e-6, 0.2841637457458], rel=1e-7)
    assert run.values[0, 2] == pytest.approx(
        [0.2083340149701e-7, 0.8333360770335e-13, 0.9999999791665], rel=1e-6
    )


def test_van_der_pol_stiff() -> None:
    """Reference: the test set for initial value problems, mu = 1000 at 2000."""
    run = integrate(
        systems.vanderpol(), [[2.0, 0.0]], [[1000.0]], [0, 2000.0], rtol=1e-9, atol=1e-9, method="rodas5p"
    )
    assert run.values[0, -1] == pytest.approx([1.706167732170483, -0.8928097010248e-3], rel=1e-5)
    assert choose_method(systems.vanderpol(), np.array([20.0]), 0.0, 1e-6, 1e-9) == "tsit5"


@pytest.mark.parametrize("method", METHODS)
def test_no_lane_knows_its_neighbours(method: Method) -> None:
    """Bit for bit, whatever the split, the order and the company."""
    random = np.random.default_rng(1)
    states = random.uniform(-2, 2, (37, 2))
    parameters = random.uniform(0.1, 20, (37, 1))
    system = systems.vanderpol()
    whole = integrate(system, states, parameters, TIMES, method=method)
    assert whole.status.max() == 0
    assert len(set(whole.steps)) > 5
    order = random.permutation(37)
    mixed = integrate(system, states[order], parameters[order], TIMES, method=method)
    assert (mixed.values == whole.values[order]).all()
    alone = [
        integrate(system, states[i : i + 1], parameters[i : i + 1], TIMES, method=method) for i in range(5)
    ]
    assert all((run.values[0] == whole.values[i]).all() for i, run in enumerate(alone))


@pytest.mark.parametrize("method", METHODS)
def test_bounces(method: Method) -> None:
    """An event on a state, again and again, with what it changes in the parameters."""
    gravity, kept = np.array([9.81, 1.0, 4.0]), np.array([0.8, 0.5, 1.0])
    parameters = np.column_stack([gravity, kept, np.zeros(3)])
    times = np.linspace(0, 3, 61)
    run = integrate(
        systems.bouncing_ball(), [[1.0, 0.0]] * 3, parameters, times, rtol=1e-9, atol=1e-10, method=method
    )
    assert run.status.max() == 0
    for member in range(3):
        height, bounces = _bounced(gravity[member], kept[member], times)
        assert run.values[member, :, 0] == pytest.approx(height, abs=1e-7)
        assert run.parameters is not None
        assert (run.parameters[member, :, 2] == bounces).all()


def _bounced(gravity: float, kept: float, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    heights, bounces = np.empty(len(times)), np.empty(len(times))
    for index, time in enumerate(times):
        begin, speed, count = -np.sqrt(2 / gravity), np.sqrt(2 * gravity), 0
        while time > begin + 2 * speed / gravity:
            begin, speed, count = begin + 2 * speed / gravity, speed * kept, count + 1
        heights[index] = speed * (time - begin) - gravity * (time - begin) ** 2 / 2
        bounces[index] = count
    return heights, bounces


@pytest.mark.parametrize("foreseen", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_a_rate_that_jumps_with_time(method: Method, foreseen: bool) -> None:
    """Also where a long step could pass over the whole pulse, each lane at times of its own."""
    begins, ends = (
        np.array([1.0, 1.3, 50.0]),
        np.array([2.5, 1.31 if foreseen else 2.0, 50.01 if foreseen else 90]),
    )
    times = np.linspace(0, 100, 201)
    run = integrate(
        systems.switched(foreseen=foreseen), [[1.0]] * 3, np.column_stack([[3.0] * 3, begins, ends]), times,
        rtol=1e-9, atol=1e-12, method=method,
    )  # fmt: skip
    assert run.status.max() == 0
    for member, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        top = np.exp(-begin) + 3 * (end - begin)
        exact = np.where(times < begin, np.exp(-times), np.exp(-begin) + 3 * (times - begin))
        exact = np.where(times < end, exact, top * np.exp(end - np.maximum(times, end)))
        assert run.values[member, :, 0] == pytest.approx(exact, rel=2e-9, abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_failures_have_a_status_and_no_numbers(method: Method) -> None:
    system = systems.blow_up()
    run = integrate(system, [[1.0], [0.1], [np.nan]], [[1.0]] * 3, [0, 0.5, 2.0], method=method)
    assert run.status.tolist()[1] == 0
    assert run.status[0] in {2, 3}
    assert run.status[2] == 2
    assert run.values[0, 1, 0] == pytest.approx(2.0, rel=1e-5)
    assert np.isnan(run.values[0, 2]).all()
    assert np.isnan(run.values[2]).all() | (run.values[2, 0] != run.values[2, 0]).all()
    few = integrate(systems.oscillator(), [[1.0, 0.0]], [[1.0]], [0, 1000.0], method=method, max_steps=10)
    assert few.status.tolist() == [1]
    assert np.isnan(few.values[0, 1]).all()


def test_auto_falls_back_for_the_members_that_need_it() -> None:
    """The model's own numbers are not stiff, one member's are."""
    run = integrate(systems.driven(), [[1.5], [1.5]], [[2.0], [1e7]], [0, 10.0], max_steps=5000)
    assert run.method == "tsit5"
    assert run.retried.tolist() == [False, True]
    assert run.status.tolist() == [0, 0]
    assert run.values[:, 1, 0] == pytest.approx(np.cos(10.0), abs=1e-4)


def test_bad_input() -> None:
    system = systems.driven()
    for states, times, options in (
        ([[1.0, 2.0]], [0, 1], {}),
        ([1.0], [0, 1], {}),
        ([[1.0]], [1, 0], {}),
        ([[1.0]], [0, np.nan], {}),
        ([[1.0]], [0, 1], {"rtol": 0.0}),
        ([[1.0]], [0, 1], {"start": 0.5}),
    ):
        with pytest.raises(ValidationError):
            integrate(system, states, [[2.0]], times, **options)  # type: ignore[arg-type]
