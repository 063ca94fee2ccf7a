"""Frames survive being cut anywhere, and a broken sender is noticed."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioxen.server.workers.frames import (
    Done,
    FrameReader,
    FrameTooLargeError,
    decode_from_worker,
    pack,
    receive,
)


@given(st.lists(st.binary(max_size=200), max_size=10), st.integers(1, 64))
def test_frames_come_out_as_they_went_in(results: list[bytes], piece: int) -> None:
    stream = b"".join(pack(Done(result)) for result in results)
    reader = FrameReader()
    bodies = [body for i in range(0, len(stream), piece) for body in reader.feed(stream[i : i + piece])]
    assert [decode_from_worker(body) for body in bodies] == [Done(result) for result in results]


def test_an_absurd_length_is_refused() -> None:
    with pytest.raises(FrameTooLargeError):
        list(FrameReader().feed(b"\xff\xff\xff\xff"))


@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\x09abc"])
def test_a_sender_that_leaves_is_an_end(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(sent)
        assert receive(ours)[0] == b""
