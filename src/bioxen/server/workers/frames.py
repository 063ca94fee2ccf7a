"""What pool, zygote and workers say to each other: length-prefixed msgpack on a socketpair."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from bioxen.protocol.services import EngineInfo
from bioxen.server.bytecode.source import ModelSource

MAX_FRAME = 256 << 20
"""Bytes of a message; a length above it is a broken sender, not a large result."""
_LENGTH = struct.Struct("!I")


class Frame(msgspec.Struct, array_like=True, tag=True):
    """A message."""


class Setup(Frame):
    """Pool to zygote, once: what to load and which limits workers live under."""

    engines: tuple[str, ...]
    sys_path: tuple[str, ...]
    repository: str | None
    programs: int
    memory_limit: int


class Fork(Frame):
    """Pool to zygote: make a worker of the two descriptors that come along, its socket and its capture."""

    worker: int


class Kill(Frame):
    """Pool to zygote: kill the worker."""

    worker: int


class Loaded(Frame):
    """Zygote to pool: the engines are imported; forking is sound with one thread only."""

    threads: int


class Exited(Frame):
    """Zygote to pool: the worker is dead and reaped; `status` as `os.waitstatus_to_exitcode` gives it."""

    worker: int
    status: int


class Ready(Frame):
    """Worker to pool: the engines (name, version) are there."""

    pid: int
    engines: tuple[tuple[str, str], ...]

    def infos(self) -> tuple[EngineInfo, ...]:
        """Return the engines as the protocol says them."""
        return tuple(EngineInfo(name=name, version=version) for name, version in self.engines)


class Compute(Frame):
    """Pool to worker: a task."""

    engine: str
    payload: bytes
    digest: str | None
    source: ModelSource | None
    measure: bool = False
    """Whether the engine is to measure its ways on the program, in place of computing."""
    closely: bool = False
    """Whether to look closely how far it is; see `engines.progress`."""
    by_text: bool = False
    """Whether the model came as text; `source` is null all the same where this worker was sent it before."""


class Progress(Frame):
    """Worker to pool, while it computes: how far it is; see `engines.progress`."""

    fraction: float
    phase: str


class Lacks(Frame):
    """Worker to pool: the program is warm no longer; the task has to come again, with its model's text."""


class Done(Frame):
    """Worker to pool: the result as JSON."""

    result: bytes
    exact: bool = False
    """Whether the same request always gives it; see `engines.exactness`."""
    tally: dict[str, int] = {}
    """What was counted on the way; see `engines.tally`."""
    output: str = ""
    """What the engine and its libraries printed under this task."""


class Failed(Frame):
    """Worker or zygote to pool: a fault as `BioXenException.to_problem` gives it."""

    problem: dict[str, Any]
    traceback: str = ""
    """For the server's log where the fault was unexpected; clients never see it."""
    retire: bool = False
    """Whether the worker should be replaced."""
    output: str = ""
    """What the engine and its libraries printed under this task."""


FromWorker = Ready | Progress | Done | Failed
ToZygote = Setup | Fork | Kill
FromZygote = Loaded | Exited | Failed

# An engine may put anything into the details of its errors: what msgpack does not know travels as words.
_encoder = msgspec.msgpack.Encoder(enc_hook=str)
decode_from_worker = msgspec.msgpack.Decoder(FromWorker | Lacks).decode
decode_compute = msgspec.msgpack.Decoder(Compute).decode
decode_to_zygote = msgspec.msgpack.Decoder(ToZygote).decode
decode_from_zygote = msgspec.msgpack.Decoder(FromZygote).decode


class FrameTooLargeError(ValueError):
    """A message does not fit into a frame, or what arrives is no frame."""


def pack(message: Frame) -> bytes:
    """Return `message` with its length before it."""
    body = _encoder.encode(message)
    check_fits(len(body))
    return _LENGTH.pack(len(body)) + body


def check_fits(size: int) -> None:
    """Return where a message of `size` bytes fits into a frame.

    Raises:
        FrameTooLargeError: it does not.
    """
    if size > MAX_FRAME:
        raise FrameTooLargeError(f"A message of {size} bytes; {MAX_FRAME} fit.")


class FrameReader:
    """Cuts a stream of bytes into the bodies of messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Yield each body that `data` completes."""
        buffer = self._buffer
        if not buffer and _is_frame(data):  # the usual case; a large body is copied once
            yield bytes(data[_LENGTH.size :])
            return
        buffer += data
        while len(buffer) >= _LENGTH.size:
            end = _LENGTH.size + _checked(_LENGTH.unpack_from(buffer)[0])
            if len(buffer) < end:
                return
            body = bytes(memoryview(buffer)[_LENGTH.size : end])
            del buffer[:end]
            yield body


def _is_frame(data: bytes | memoryview) -> bool:
    return len(data) >= _LENGTH.size and _LENGTH.size + _LENGTH.unpack_from(data)[0] == len(data)


def receive(sock: socket.socket, max_fds: int = 0) -> tuple[bytes, Sequence[int]]:
    """Return the next body on a blocking socket and the descriptors with it; no bytes at its end."""
    try:
        return _receive(sock, max_fds)
    except ConnectionError:  # the other side left with messages of ours unread
        return b"", []


def _receive(sock: socket.socket, max_fds: int) -> tuple[bytes, Sequence[int]]:
    # Descriptors travel with the first byte of a message: reading the length alone fetches exactly its own.
    if max_fds:
        header, fds, _, _ = socket.recv_fds(sock, _LENGTH.size, max_fds)
    else:
        header, fds = sock.recv(_LENGTH.size, socket.MSG_WAITALL), []
    if len(header) < _LENGTH.size:
        return b"", fds
    return _receive_exactly(sock, _checked(_LENGTH.unpack(header)[0])), fds


def _receive_exactly(sock: socket.socket, size: int) -> bytes:
    body = bytearray(size)
    view = memoryview(body)
    while view:
        got = sock.recv_into(view)
        if got == 0:
            return b""
        view = view[got:]
    return bytes(body)


def _checked(length: int) -> int:
    if length > MAX_FRAME:
        raise FrameTooLargeError(f"A message says it has {length} bytes; {MAX_FRAME} fit.")
    return length
