"""Fair shares: equal time for each owner who has work, whatever the others queue."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis.strategies import dictionaries, floats, integers, sampled_from

from bioxen.server.sharing.fairness import FairQueue


def test_priority_comes_first_then_arrival() -> None:
    queue = FairQueue()
    for job, priority in (("a", 50), ("b", 90), ("c", 90)):
        queue.add("ada", job, priority)
    order = []
    while (first := queue.first()) is not None:
        order.append(first[1])
        queue.remove(*first)
    assert order == ["b", "c", "a"]


def test_a_flood_does_not_keep_another_waiting() -> None:
    queue = FairQueue()
    for number in range(1000):
        queue.add("flood", f"f{number}", 100)
    for _ in range(50):
        queue.charge("flood", 1.0)
    queue.first()
    queue.add("ada", "single", 0)
    assert queue.first() in {("ada", "single"), ("flood", "f0")}
    queue.charge("flood", 1.0)
    assert queue.first() == ("ada", "single")


def test_who_was_away_saved_up_no_time() -> None:
    queue = FairQueue()
    queue.add("ada", "a", 50)
    queue.add("bob", "b", 50)
    queue.remove("bob", "b")
    for _ in range(100):
        queue.first()
        queue.charge("ada", 1.0)
    queue.first()
    queue.add("bob", "again", 50)
    given_time: Counter[str] = Counter()
    for _ in range(20):
        first = queue.first()
        assert first is not None
        queue.charge(first[0], 1.0)
        given_time[first[0]] += 1
    assert abs(given_time["ada"] - given_time["bob"]) <= 2


@given(dictionaries(sampled_from("abcd"), floats(0.01, 5.0), min_size=2), integers(50, 200))
def test_owners_get_equal_time_however_long_their_parts_are(lengths: dict[str, float], rounds: int) -> None:
    queue = FairQueue()
    for owner in lengths:
        queue.add(owner, f"job of {owner}", 50)
    used = dict.fromkeys(lengths, 0.0)
    for _ in range(rounds):
        first = queue.first()
        assert first is not None
        used[first[0]] += lengths[first[0]]
        queue.charge(first[0], lengths[first[0]])
    assert max(used.values()) - min(used.values()) <= max(lengths.values()) + 1e-9


def test_of_an_owner_that_is_full_only_begun_jobs_go_on() -> None:
    queue = FairQueue()
    for job, priority in (("begun", 10), ("new", 90)):
        queue.add("ada", job, priority)
    assert queue.first() == ("ada", "new")
    assert queue.first({"ada"}, {"begun"}) == ("ada", "begun")
    assert queue.first({"ada"}, set()) is None
    queue.add("bob", "his", 0)
    assert queue.first({"ada"}, set()) == ("bob", "his")
