"""An answer's head goes out with what follows it, and in any case soon."""

from __future__ import annotations

import asyncio
from typing import Any

from bioxen.server.connections import OnePiece

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Transport:
    """Notes what it is told to send, one entry a system call."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        """Send at once."""
        self.sent.append(data)

    def writelines(self, pieces: Any) -> None:
        """Send together, at once."""
        self.sent.append(b"".join(pieces))

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.closed

    def close(self) -> None:
        """Send nothing any more."""
        self.closed = True

    abort = close


async def sent_by(*steps: Any) -> list[bytes]:
    """Return what went out: bytes are written, names called, and a number waits for so many rounds."""
    line = Transport()
    whole = OnePiece(line, asyncio.get_running_loop())  # type: ignore[arg-type]  # as much of one as is used
    for step in steps:
        if isinstance(step, bytes):
            whole.write(step)
        elif isinstance(step, str):
            getattr(whole, step)()
        else:
            for _ in range(step):
                await asyncio.sleep(0)
    return list(line.sent)


def test_a_head_goes_out_with_the_first_of_its_body() -> None:
    assert asyncio.run(sent_by(HEAD, b"body", 2)) == [HEAD + b"body"]
    assert asyncio.run(sent_by(HEAD, b"1", b"2", 2)) == [HEAD + b"1", b"2"]
    assert asyncio.run(sent_by(HEAD, b"", 2)) == [HEAD]


def test_a_head_that_nothing_follows_waits_for_one_round() -> None:
    assert asyncio.run(sent_by(HEAD)) == []
    assert asyncio.run(sent_by(HEAD, 2)) == [HEAD]
    assert asyncio.run(sent_by(HEAD, 2, b"event", 2)) == [HEAD, b"event"]
    assert asyncio.run(sent_by(HEAD, "close", 2)) == [HEAD]


def test_nothing_is_sent_after_the_end() -> None:
    assert asyncio.run(sent_by(HEAD, "abort", 2)) == []


def test_answers_one_after_the_other_stay_in_order() -> None:
    assert asyncio.run(sent_by(HEAD, b"1", HEAD, b"2", 2, HEAD, 2)) == [HEAD + b"1", HEAD + b"2", HEAD]
    assert asyncio.run(sent_by(HEAD, HEAD, b"1", 2)) == [HEAD + HEAD, b"1"]
