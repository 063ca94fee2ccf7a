"""Turns: one job of a cell at a time, the most urgent first, and nobody waits for one that is gone."""

from __future__ import annotations

from bioxen.server.jobs.turns import Turns


def test_jobs_of_one_cell_take_turns_by_priority_then_arrival() -> None:
    turns = Turns()
    for job, priority in (("a", 50), ("b", 50), ("c", 80), ("d", 50)):
        turns.line_up(job, "ada", "culture", priority)
    assert [turns.take(job) for job in "abcd"] == [True, False, False, False]
    assert turns.take("a")
    assert turns.leave("a") == ("c", 80)
    assert turns.take("c")
    assert turns.leave("b") is None  # it was cancelled while it waited
    assert turns.leave("c") == ("d", 50)
    assert turns.take("d") and turns.leave("d") is None
    assert not turns._lines and not turns._of


def test_other_cells_other_owners_and_other_jobs_do_not_wait() -> None:
    turns = Turns()
    turns.line_up("a", "ada", "culture", 50)
    turns.line_up("b", "ada", "other", 50)
    turns.line_up("c", "bob", "culture", 50)
    assert all(turns.take(job) for job in ("a", "b", "c", "of no cell"))
    assert turns.leave("of no cell") is None
