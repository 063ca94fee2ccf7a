"""Turns: who advances a cell is alone, the most urgent first, and nobody waits for one that is gone."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bioxen.server.jobs.turns import Turn, Turns

CULTURE = Turn("culture")


def looks(limit: int | None) -> Turn:
    return Turn("culture", advances=False, limit=limit)


def test_jobs_of_one_cell_take_turns_by_priority_then_arrival() -> None:
    turns = Turns()
    for job, priority in (("a", 50), ("b", 50), ("c", 80), ("d", 50)):
        turns.line_up(job, "ada", priority, CULTURE)
    assert [turns.take(job) for job in "abcd"] == [True, False, False, False]
    assert turns.take("a")
    assert turns.leave("a") == [("c", 80)]
    assert turns.take("c")
    assert turns.leave("b") == []  # it was cancelled while it waited
    assert turns.leave("c") == [("d", 50)]
    assert turns.take("d") and turns.leave("d") == []
    assert not turns._lines and not turns._of


def test_other_cells_other_owners_and_other_jobs_do_not_wait() -> None:
    turns = Turns()
    turns.line_up("a", "ada", 50, CULTURE)
    turns.line_up("b", "ada", 50, Turn("other"))
    turns.line_up("c", "bob", 50, CULTURE)
    assert all(turns.take(job) for job in ("a", "b", "c", "of no cell"))
    assert turns.leave("of no cell") == []


def test_jobs_that_advance_nothing_run_side_by_side_up_to_the_cells_quota() -> None:
    turns = Turns()
    for job in "abcd":
        turns.line_up(job, "ada", 50, looks(2))
    assert [turns.take(job) for job in "abcd"] == [True, True, False, False]
    assert turns.limit("ada", "culture", None) == [("c", 50), ("d", 50)]
    assert turns.limit("ada", "nobody", None) == []
    turns.line_up("grow", "ada", 50, CULTURE)
    turns.line_up("late", "ada", 50, looks(None))
    assert not turns.take("grow") and not turns.take("late")  # the one waits for all, the other behind it
    assert [turns.leave(job) for job in "abcd"] == [[], [], [], [("grow", 50)]]
    assert turns.leave("grow") == [("late", 50)]


def test_the_end_of_one_that_waits_lets_those_behind_it_in() -> None:
    turns = Turns()
    turns.line_up("a", "ada", 50, looks(None))
    turns.line_up("grow", "ada", 50, CULTURE)
    turns.line_up("b", "ada", 50, looks(None))
    assert [turns.take(job) for job in ("a", "grow", "b")] == [True, False, False]
    assert turns.leave("grow") == [("b", 50)]


class TurnsMachine(RuleBasedStateMachine):
    """Any jobs of one cell, in any order: never more at once than may be, and none is forgotten."""

    @initialize(limit=st.sampled_from([1, 2, 3, None]))
    def begin(self, limit: int | None) -> None:
        self.turns, self.limit, self.made = Turns(), limit, 0
        self.running: dict[str, bool] = {}
        self.waiting: dict[str, bool] = {}

    @rule(advances=st.booleans(), priority=st.sampled_from([10, 50, 90]))
    def submit(self, advances: bool, priority: int) -> None:
        job, self.made = f"j{self.made}", self.made + 1
        self.turns.line_up(job, "ada", priority, Turn("culture", advances, self.limit))
        (self.running if self.turns.take(job) else self.waiting)[job] = advances

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        jobs = [*self.running, *self.waiting]
        if jobs:
            job = data.draw(st.sampled_from(jobs))
            self.running.pop(job, None)
            self.waiting.pop(job, None)
            self._let_in(self.turns.leave(job))

    @rule(limit=st.sampled_from([1, 2, 3, None]))
    def change(self, limit: int | None) -> None:
        self.limit = limit
        self._let_in(self.turns.limit("ada", "culture", limit))

    def _let_in(self, following: list[tuple[str, int]]) -> None:
        for job, _ in following:
            assert self.turns.take(job)
            self.running[job] = self.waiting.pop(job)
            assert self.limit is None or len(self.running) <= self.limit

    @invariant()
    def those_that_advance_are_alone(self) -> None:
        assert len(self.running) <= 1 or not any(self.running.values())

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        assert self.running or not self.waiting

    def teardown(self) -> None:
        for job in [*self.running, *self.waiting]:
            self.turns.leave(job)
        assert not self.turns._lines and not self.turns._of


TestTurns = TurnsMachine.TestCase
TestTurns.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
