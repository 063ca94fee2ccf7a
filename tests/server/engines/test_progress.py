"""Progress: told a few times a second at most, and to nobody where nobody listens."""

from __future__ import annotations

import pytest

from bioxen.server.engines import progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_where_nobody_listens_nothing_happens(clock: Clock) -> None:
    heard: list[float] = []
    with progress.heard_by(lambda fraction, _: heard.append(fraction)):
        pass
    clock.now += 10
    progress.tell(1, 2, "steps")
    assert heard == []


def test_it_is_told_four_times_a_second_at_most(clock: Clock) -> None:
    heard: list[float] = []
    with progress.heard_by(lambda fraction, _: heard.append(fraction)):
        for number in range(1000):
            progress.tell(number, 1000, "steps")
            clock.now += 1 / 128  # a binary fraction: sums of it are exact
    assert heard == [number / 1000 for number in range(32, 1000, 32)]


def test_what_is_done_at_once_tells_nothing(clock: Clock) -> None:
    heard: list[float] = []
    with progress.heard_by(lambda fraction, _: heard.append(fraction)):
        clock.now += progress.EVERY / 2
        progress.tell(1, 2, "steps")
    assert heard == []


def test_phases_share_the_whole_and_stay_within_it(clock: Clock) -> None:
    heard: list[tuple[float, str]] = []

    def tell(done: float, phase: str) -> None:
        clock.now += 1
        progress.tell(done, 4, phase)

    with progress.heard_by(lambda fraction, phase: heard.append((fraction, phase))):
        with progress.within(0.0, 0.5):
            tell(1, "first")
            with progress.within(0.5, 1.0):
                tell(2, "inner")
        with pytest.raises(ArithmeticError), progress.within(0.5, 0.75):
            tell(4, "second")
            raise ArithmeticError
        tell(9, "all")
        tell(-1, "all")
    assert heard == [(0.125, "first"), (0.375, "inner"), (0.75, "second"), (1.0, "all"), (0.0, "all")]
