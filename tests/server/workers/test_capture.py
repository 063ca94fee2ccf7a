"""What a dead worker printed is told, and what that says of the server is not."""

from __future__ import annotations

import os

import pytest

from bioxen.server.workers.capture import Capture, without_traceback


@pytest.mark.parametrize(
    "mark", ["Traceback (most recent call last)", "Fatal Python error: Segmentation fault"]
)
def test_clients_see_no_traceback_however_long(mark: str) -> None:
    capture = Capture()
    os.write(capture.fileno(), f"CVODE: too much work\n{mark}\n".encode() + b"  File 'secret.py'\n" * 2000)
    words = capture.tail()
    capture.close()
    assert "secret" in words
    assert without_traceback(words) == "CVODE: too much work"


def test_a_chatterbox_is_trimmed() -> None:
    capture = Capture()
    os.write(capture.fileno(), b"x" * (2 << 20))
    capture.trim()
    os.write(capture.fileno(), b"last words")
    assert capture.tail() == "last words"
    capture.close()
