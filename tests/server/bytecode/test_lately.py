"""Texts are looked at once for as long as they are remembered; what was refused is refused again."""

from __future__ import annotations

import sys

import pytest

from bioxen.errors import InvalidModelError
from bioxen.server.bytecode import lately
from bioxen.server.bytecode.lately import Digests, Lately
from bioxen.server.bytecode.scan import admit
from bioxen.server.bytecode.source import ModelFormat, ModelSource, digest_of


def text(number: int) -> str:
    return f"model m{number}; end"


def test_a_text_is_looked_at_once_until_it_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def looked_at(text: str, format: ModelFormat | None) -> ModelSource:
        looked.append(text)
        return admit(text, format)

    monkeypatch.setattr(lately, "admit", looked_at)
    known = Lately(texts=2)
    for number in (1, 1, 2, 1, 3, 1, 2):
        assert known.admit(text(number)).text == text(number)
    assert looked == [text(1), text(2), text(3), text(2)]
    small = Lately(limit=sys.getsizeof(text(1)) + 3)
    looked.clear()
    for number in (1, 1, 2, 1):
        small.admit(text(number), "antimony")
    assert looked == [text(1), text(2), text(1)]
    assert small.known(text(1), "antimony") is small.admit(text(1), "antimony")
    assert small.known(text(2), "antimony") is None is small.known(text(1))


def test_what_was_refused_or_is_called_something_else_is_looked_at_again() -> None:
    known = Lately()
    assert known.admit(text(1)).format == "antimony"
    for _ in range(2):
        with pytest.raises(InvalidModelError):
            known.admit(text(1), "sbml")
        with pytest.raises(InvalidModelError):
            known.admit('import "a.txt"\nmodel m; end')


def test_a_digest_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def hashes(text: str) -> str:
        hashed.append(text)
        return digest_of(text)

    monkeypatch.setattr(lately, "digest_of", hashes)
    digests = Digests(texts=1)
    for number in (1, 1, 2, 1):
        assert digests.of(text(number)) == digest_of(text(number))
    assert hashed == [text(1), text(2), text(1)]
