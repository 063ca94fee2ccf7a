"""Progress: told a few times a second at most, and to nobody where nobody listens."""

from __future__ import annotations

import threading

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
    assert heard == [(0.125, "first"), (0.375, "inner"), (0.75, "second"), (1.0, "all")]


def test_what_is_not_further_than_before_is_not_told(clock: Clock) -> None:
    heard: list[float] = []
    for _ in range(2):  # each listener hears from the beginning
        with progress.heard_by(lambda fraction, _: heard.append(fraction)):
            for done in (-1, 1, 1, 0, 2, 3, 2):
                clock.now += 1
                progress.tell(done, 4, "steps")
    assert heard == [0.0, 0.25, 0.5, 0.75] * 2


def test_only_a_run_that_is_worth_it_is_told(clock: Clock) -> None:
    heard: list[tuple[float, str]] = []

    def run() -> None:
        clock.now += 1
        progress.tell_run(1, 2)

    with progress.heard_by(lambda fraction, phase: heard.append((fraction, phase))):
        run()
        with progress.within(0.0, 0.01), progress.one_run():
            run()
        with progress.within(0.0, 0.5), progress.one_run():
            run()
        run()
    assert heard == [(0.25, "time")]


def test_to_look_closely_somebody_must_have_asked() -> None:
    assert not progress.closely()
    for asked in (False, True):
        with progress.heard_by(lambda *_: None, closely=asked):
            assert not progress.closely()
            with progress.one_run():
                assert progress.closely() is asked
    with progress.one_run():
        assert not progress.closely()


def test_what_cannot_tell_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listener says when it has heard; the computation waits for that."""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    done, heard, news = [0.0], list[float](), threading.Event()

    def listen(fraction: float, phase: str) -> None:
        assert phase == "search"
        heard.append(fraction)
        if fraction == done[0]:
            news.set()

    with progress.heard_by(listen), progress.one_run(), progress.watched(lambda: done[0], "search"):
        for fraction in (0.25, 0.5, 1.0):
            news.clear()
            done[0] = fraction
            assert news.wait(60)
    assert heard[-3:] == [0.25, 0.5, 1.0]


def test_nobody_watches_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "Thread", None)
    with progress.one_run(), progress.watched(lambda: 0.0, "search"):
        pass
    listening = progress.heard_by(lambda *_: None, closely=False)
    with listening, progress.one_run(), progress.watched(lambda: 0.0, "search"):
        pass
