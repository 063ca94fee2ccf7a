"""Who may wait, as RFC 9218 says it."""

import pytest

from bioxen.server.workers import urgency
from bioxen.server.workers.base import Task


@pytest.mark.parametrize("given", ["u=6", "u=4", "i, u=7", "u=5;x, i"])
def test_a_lower_urgency_than_usual_is_background(given: str) -> None:
    assert urgency.accepted(given)


@pytest.mark.parametrize("given", [None, "", "u=3", "u=0", "i", "u=66", "u=-6", "menu=6", "u=six", "xu=6"])
def test_anything_else_is_not(given: str | None) -> None:
    assert not urgency.accepted(given)


def test_what_the_header_says_is_what_the_next_service_reads() -> None:
    assert urgency.headers() == {}
    with urgency.background():
        assert urgency.accepted(urgency.headers()[urgency.HEADER])
        assert Task("engine", b"").background
    assert not Task("engine", b"").background
