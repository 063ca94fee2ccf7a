"""Texts are looked at once for as long as they are remembered; what was refused is refused again."""

from __future__ import annotations

import pytest

from bioxen.errors import InvalidModelError
from bioxen.server.bytecode import lately
from bioxen.server.bytecode.lately import Lately
from bioxen.server.bytecode.scan import admit
from bioxen.server.bytecode.source import ModelFormat, ModelSource


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
    small = Lately(characters=len(text(1)) + 3)
    looked.clear()
    for number in (1, 1, 2, 1):
        small.admit(text(number), "antimony")
    assert looked == [text(1), text(2), text(1)]


def test_what_was_refused_or_is_called_something_else_is_looked_at_again() -> None:
    known = Lately()
    assert known.admit(text(1)).format == "antimony"
    for _ in range(2):
        with pytest.raises(InvalidModelError):
            known.admit(text(1), "sbml")
        with pytest.raises(InvalidModelError):
            known.admit('import "a.txt"\nmodel m; end')
