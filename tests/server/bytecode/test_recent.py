"""What is kept is the last that was used, never more than fits; checked against a plain model."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bioxen.server.bytecode.recent import Recent

ENTRIES, LIMIT = 3, 10
DEEDS = st.lists(st.tuples(st.sampled_from(["put", "get", "pop"]), st.integers(0, 5), st.integers(0, 12)))


@given(DEEDS)
def test_the_last_that_fit(deeds: list[tuple[str, int, int]]) -> None:
    recent: Recent[int, int] = Recent(ENTRIES, LIMIT)
    expected: list[tuple[int, int]] = []
    """Key and size, the least recently used first."""
    for deed, key, size in deeds:
        there = [entry for entry in expected if entry[0] == key]
        rest = [entry for entry in expected if entry[0] != key]
        if deed == "get":
            assert recent.get(key) == (there[0][1] if there else None)
            expected = rest + there
        elif deed == "pop":
            recent.pop(key)
            expected = rest
        else:
            recent.put(key, size, size)
            expected = rest + ([(key, size)] if size <= LIMIT else [])
            while len(expected) > ENTRIES or sum(size for _, size in expected) > LIMIT:
                expected.pop(0)
        assert len(recent) == len(expected) and all(key in recent for key, _ in expected)
        assert recent.used == sum(size for _, size in expected)


def test_what_is_wanted_no_more_is_forgotten() -> None:
    recent: Recent[int, None] = Recent(ENTRIES, LIMIT)
    for key in range(3):
        recent.put(key, None, 1)
    recent.pop_where(lambda key: key != 1)
    assert (len(recent), recent.used, 1 in recent) == (1, 1, True)
