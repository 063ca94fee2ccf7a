"""The pool's side of one worker: its socket, what it computes, what it printed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import msgspec

from bioxen.errors import BioXenException
from bioxen.protocol.services import TaskProgress
from bioxen.server.workers.base import Solved, Task
from bioxen.server.workers.capture import Capture
from bioxen.server.workers.frames import (
    FrameReader,
    FrameTooLargeError,
    FromWorker,
    Progress,
    decode_from_worker,
)

_INBOX = 1 << 16


@dataclass(slots=True, eq=False)
class Ticket:
    """A task somebody waits for."""

    id: int
    task: Task
    frame: bytes
    answer: asyncio.Future[Solved]
    timer: asyncio.TimerHandle | None = None
    deaths: list[str] = field(default_factory=list)
    """How workers died under it."""
    diagnostics: str = ""
    """What the last of them printed."""
    told: TaskProgress | None = None
    """How far it is."""

    def note(self, said: Progress) -> None:
        """Note how far it is. A second try begins anew, and is silent until it is further than the first."""
        if self.told is None or said.fraction > self.told.fraction:
            self.told = TaskProgress(fraction=said.fraction, phase=said.phase)
            if self.task.heard is not None:
                self.task.heard(self.told)


class Link(asyncio.BufferedProtocol):
    """The connection with one worker.

    Args:
        worker: the schedule's number of it.
        on_message: called with this link and what the worker says.
        on_closed: called with this link when the worker's end of the socket closed.
    """

    def __init__(
        self,
        worker: int,
        on_message: Callable[[Link, FromWorker], None],
        on_closed: Callable[[Link], None],
    ) -> None:
        self.worker = worker
        self.capture = Capture()
        self.pid: int | None = None
        self.ticket: Ticket | None = None
        self.began = 0.0
        self.tasks = 0
        self.status: int | None = None
        self.exited = False
        self.closed = False
        self.fault: BioXenException | None = None
        """Why it could not start, in its own words."""
        self.start_timer: asyncio.TimerHandle | None = None
        self._on_message, self._on_closed = on_message, on_closed
        self._inbox = memoryview(bytearray(_INBOX))
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without being an instance

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio calls it so
        """Lend one buffer for ever: asyncio's own way makes and frees 256 KB for each small answer."""
        return self._inbox

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on what the worker says; hang up on one that speaks nonsense."""
        try:
            for body in self._reader.feed(self._inbox[:nbytes]):
                self._on_message(self, decode_from_worker(body))
        except (FrameTooLargeError, msgspec.DecodeError):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        """Tell the pool: everything the worker said has been heard."""
        self.closed = True
        self._on_closed(self)

    def send(self, ticket: Ticket, now: float) -> None:
        """Give the worker a task."""
        self.ticket, self.began = ticket, now
        self.tasks += 1
        if self._transport is not None:
            self._transport.write(ticket.frame)

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def epitaph(self) -> str:
        """Return in a word how the worker died."""
        if self.status is None:
            return "lost"
        if self.status < 0:
            with contextlib.suppress(ValueError):
                return signal.Signals(-self.status).name
        return f"exit status {self.status}"
