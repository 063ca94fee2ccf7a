"""Places and the line before them, under every order of events; and how long one waits in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bioxen.server.sharing.places import Places

OWNERS = st.sampled_from(["ada", "bob", "cyd"])


class PlacesMachine(RuleBasedStateMachine):
    """Requests come, end and give up in any order, and replicas come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.places = Places(2, 5)
        self.last = 0
        self.lines: dict[str, list[int]] = {}
        self.running: set[int] = set()

    def begin(self, numbers: list[int]) -> None:
        for number in numbers:
            (line,) = (line for line in self.lines.values() if number in line)
            assert line.pop(0) == number, "of one owner the first that came goes first"
            self.running.add(number)

    @rule(owner=OWNERS)
    def arrive(self, owner: str) -> None:
        if not self.places.has_room and not self.places.has_line_for(owner):
            assert len(self.lines[owner]) == 5
            return
        self.last += 1
        if self.places.arrive(self.last, owner):
            self.running.add(self.last)
        else:
            self.lines.setdefault(owner, []).append(self.last)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), seconds=st.floats(0.0, 30.0))
    def end(self, data: st.DataObject, seconds: float) -> None:
        number = data.draw(st.sampled_from(sorted(self.running)))
        self.running.remove(number)
        self.begin(self.places.end(number, seconds))

    @precondition(lambda self: self.running or any(self.lines.values()))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        everyone = sorted(self.running.union(*self.lines.values()))
        number = data.draw(st.sampled_from(everyone))
        self.running.discard(number)
        for line in self.lines.values():
            if number in line:
                line.remove(number)
        self.begin(self.places.leave(number))

    @rule(width=st.sampled_from([None, 1, 2, 4]))
    def widen(self, width: int | None) -> None:
        self.begin(self.places.widen(width))

    @invariant()
    def nothing_is_lost_and_no_place_is_empty(self) -> None:
        waiting = sum(map(len, self.lines.values()))
        assert (self.places.waiting, self.places.under_way) == (waiting, len(self.running))
        assert not (waiting and self.places.has_room)


TestPlacesMachine = PlacesMachine.TestCase
TestPlacesMachine.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


@given(
    queued=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    width=st.integers(1, 4),
    before=st.integers(0, 30),
)
def test_a_single_request_waits_for_one_turn_of_each_other_owner(
    queued: list[int], width: int, before: int
) -> None:
    """Whatever is queued, however long it has been going on: in turns of equal length."""
    places = Places(width, 100)
    running: list[int] = []
    number = 0

    def end_first() -> list[int]:
        begun = places.end(running.pop(0), 1.0)
        running.extend(begun)
        return begun

    for owner, count in enumerate(queued):
        for _ in range(count):
            number += 1
            if places.arrive(number, f"owner {owner}"):
                running.append(number)
    for _ in range(min(before, number - 1)):
        end_first()
    single, turns = number + 1, 0
    if not places.arrive(single, "zoe"):
        while single not in end_first():
            turns += 1
    assert turns <= len(queued)


@given(st.floats(0.01, 30.0), st.floats(0.01, 30.0), st.integers(1, 4), st.integers(20, 60))
def test_owners_get_equal_time_however_long_their_requests_are(
    ada: float, bob: float, width: int, rounds: int
) -> None:
    places = Places(width, 1000)
    lasts = {"ada": ada, "bob": bob}
    owner_of: dict[int, str] = {}
    ends: dict[int, float] = {}
    given_time = {"ada": 0.0, "bob": 0.0}
    now = 0.0
    for number in range(2 * 1000):
        owner_of[number] = ("ada", "bob")[number % 2]
        if places.arrive(number, owner_of[number]):
            ends[number] = lasts[owner_of[number]]
    free = set(ends)  # they began while nobody waited: nobody owes anything for them
    for _ in range(rounds):
        number = min(ends, key=lambda one: (ends[one], one))
        now, owner = ends.pop(number), owner_of[number]
        if number not in free:
            given_time[owner] += lasts[owner]
        for begun in places.end(number, lasts[owner]):
            ends[begun] = now + lasts[owner_of[begun]]
    assert abs(given_time["ada"] - given_time["bob"]) <= (2 * width + 1) * max(ada, bob)


def test_who_had_an_idle_server_owes_nothing() -> None:
    places = Places(1, 10)
    for number in range(5):
        assert places.arrive(number, "ada")
        places.end(number, 60.0)
    places.arrive(10, "bob")
    assert not any(places.arrive(number, owner) for number, owner in ((11, "bob"), (12, "ada"), (13, "bob")))
    assert places.end(10, 1.0) == [12]  # equals: the first name, and then the others
    assert places.end(12, 1.0) == [11]


@pytest.mark.parametrize("guess", [30.0, 0.001])
def test_a_newcomer_is_not_put_behind_what_was_only_expected(guess: float) -> None:
    places = Places(2, 100)
    for number in range(20):
        places.arrive(number, "ada")
    for number in range(10):
        places.end(number, guess)
    for number in range(10, 14):
        places.end(number, 0.01)
    places.arrive(100, "bob")
    places.arrive(101, "abe")
    assert sorted(places.end(14, 0.01) + places.end(15, 0.01)) == [100, 101]
