from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bioxen.errors import ConfigurationError, OverloadError
from bioxen.vm.scheduling import Schedule, Ticket, Turns

SLOTS, QUEUE = 4, 5
CELLS = st.sampled_from(["a", "b", "c"])


class Scheduling(RuleBasedStateMachine):
    """Slots are never exceeded, nobody waits who could run, and no one is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule(SLOTS, QUEUE)
        self.running: list[Ticket] = []
        self.waiting: list[Ticket] = []
        self.number = 0

    def started(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            self.waiting.remove(ticket)
            self.running.append(ticket)
            better = [w for w in self.waiting if w.vm_id == ticket.vm_id and w.priority > ticket.priority]
            assert not [w for w in better if w not in tickets]

    @rule(cell=CELLS, priority=st.integers(0, 2))
    def arrive(self, cell: str, priority: int) -> None:
        self.number += 1
        ticket = Ticket(self.number, cell, priority)
        try:
            started = self.schedule.arrive(ticket)
        except OverloadError as error:
            assert error.details["retry_after"] > 0
            assert len(self.waiting) == QUEUE
            return
        self.waiting.append(ticket)
        self.started(started)

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        if self.running:
            ticket = data.draw(st.sampled_from(self.running))
            self.running.remove(ticket)
            self.started(self.schedule.leave(ticket))

    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        if self.waiting:
            ticket = data.draw(st.sampled_from(self.waiting))
            self.waiting.remove(ticket)
            self.started(self.schedule.give_up(ticket))

    @rule(cell=CELLS, share=st.sampled_from([0.0, 0.25, 1 / 3, 0.33]))
    def reserve(self, cell: str, share: float) -> None:
        self.started(self.schedule.reserve(cell, share))

    @invariant()
    def is_sound(self) -> None:
        assert len(self.running) <= SLOTS
        assert len(self.waiting) <= QUEUE
        assert sorted(self.schedule.waiting, key=lambda t: t.number) == sorted(
            self.waiting, key=lambda t: t.number
        )
        assert self.schedule.running.total() == len(self.running)
        assert self.running or not self.waiting, "an idle schedule must not let anyone wait"


TestScheduling = Scheduling.TestCase


def run_in_order(schedule: Schedule, holder: Ticket) -> list[int]:
    order, started = [], schedule.leave(holder)
    while started:
        (ticket,) = started
        order.append(ticket.number)
        started = schedule.leave(ticket)
    return order


def test_priority_first_then_arrival() -> None:
    schedule = Schedule(1, 10)
    holder = Ticket(0, "a", 0)
    assert schedule.arrive(holder) == [holder]
    for number, priority in enumerate([50, 90, 50, 90, 10], start=1):
        assert schedule.arrive(Ticket(number, "a", priority)) == []
    assert run_in_order(schedule, holder) == [2, 4, 1, 3, 5]


def test_a_share_keeps_slots_that_others_leave_free() -> None:
    schedule = Schedule(5, 10)
    schedule.reserve("vip", 0.5)
    started = [bool(schedule.arrive(Ticket(n, "other", 50))) for n in range(5)]
    assert started == [True, True, True, False, False]
    assert schedule.arrive(Ticket(10, "vip", 0))
    assert schedule.arrive(Ticket(11, "vip", 0))
    assert not schedule.arrive(Ticket(12, "vip", 0))
    assert len(schedule.reserve("vip", 0.0)) == 0
    assert schedule.leave(Ticket(10, "vip", 0)) == [Ticket(3, "other", 50)]


def test_a_whole_share_leaves_one_slot_to_all() -> None:
    schedule = Schedule(4, 10)
    schedule.reserve("vip", 1.0)
    assert schedule.arrive(Ticket(1, "other", 0))


def test_senseless_sizes_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        Schedule(0, 1)


def test_threads_take_turns() -> None:
    turns, lock = Turns(slots=3, queue_limit=100), threading.Lock()
    now, most = 0, 0

    def work(number: int) -> None:
        nonlocal now, most
        with turns.turn(f"cell-{number % 7}", number % 3):
            with lock:
                now += 1
                most = max(most, now)
            with lock:
                now -= 1

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(work, range(300)))
    assert 1 <= most <= 3
    assert turns.counts() == (0, 0)


def test_a_full_queue_refuses_and_an_error_frees_the_slot() -> None:
    turns = Turns(slots=1, queue_limit=0)

    def hold() -> Generator[None]:
        with turns.turn("a", 50):
            yield

    holding = hold()
    next(holding)
    with pytest.raises(OverloadError), turns.turn("b", 50):
        raise AssertionError("must not run")
    with pytest.raises(KeyError):
        holding.throw(KeyError("a failing process"))
    with turns.turn("b", 50):
        assert turns.counts() == (1, 0)


def test_an_interrupt_while_waiting_leaves_no_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(slots=1)

    def interrupted(_: object) -> bool:
        raise KeyboardInterrupt

    with turns.turn("a", 50):
        monkeypatch.setattr(turns._changed, "wait_for", interrupted)
        with pytest.raises(KeyboardInterrupt), turns.turn("b", 50):
            raise AssertionError("must not run")
        assert turns.counts() == (1, 0)
    monkeypatch.undo()
    with turns.turn("b", 50):
        pass
    assert turns.counts() == (0, 0)
