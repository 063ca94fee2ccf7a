"""The pool's side of one worker: its socket, what it computes, what it printed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import msgspec

from bioxen.errors import BioXenException
from bioxen.protocol.services import TaskProgress
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.workers.base import Solved, Task
from bioxen.server.workers.capture import Capture
from bioxen.server.workers.frames import (
    MAX_FRAME,
    Compute,
    FrameReader,
    FrameTooLargeError,
    FromWorker,
    Lacks,
    Progress,
    check_fits,
    decode_from_worker,
    pack,
)

_INBOX = 1 << 18
_TEXTS = 64
"""Texts of which is remembered that the worker had them: more than programs it usually keeps."""
_MOST_BYTES = 4
"""Bytes of a character in UTF-8, at most."""
_AROUND_TEXT = 1024
"""Bytes that a text takes in a message beside itself, at most."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A task somebody waits for."""

    id: int
    task: Task
    frame: bytes
    """It as a message, without the text of its model."""
    answer: asyncio.Future[Solved]
    timer: asyncio.TimerHandle | None = None
    deaths: list[str] = field(default_factory=list)
    """How workers died under it."""
    diagnostics: str = ""
    """What the last of them printed."""
    told: TaskProgress | None = None
    """How far it is."""

    @classmethod
    def of(cls, id: int, task: Task, answer: asyncio.Future[Solved]) -> Ticket:
        """Return a ticket for `task`.

        Raises:
            FrameTooLargeError: it does not fit into a message, with its model's text.
        """
        frame = _message(task)
        if task.source is not None:
            room = MAX_FRAME - len(frame) - _AROUND_TEXT
            if _MOST_BYTES * len(text := task.source.text) > room:  # else there is no need to count
                check_fits(len(frame) + _AROUND_TEXT + len(text.encode()))
        return cls(id, task, frame, answer)

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
        self._texts: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Engine and digest of models whose texts the worker was sent; it may have let some go since."""
        self._all_sent = True
        """Whether the task was sent with all that belongs to it."""
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
                self._hear(decode_from_worker(body))
        except (FrameTooLargeError, msgspec.DecodeError):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        """Tell the pool: everything the worker said has been heard."""
        self.closed = True
        self._on_closed(self)

    def send(self, ticket: Ticket, now: float) -> None:
        """Give the worker a task, without the text of its model where the worker was sent that before."""
        self.ticket, self.began = ticket, now
        self.tasks += 1
        source = ticket.task.source
        self._all_sent = source is None or (ticket.task.engine, source.digest) not in self._texts
        self._send(ticket)

    def _send(self, ticket: Ticket) -> None:
        source = ticket.task.source
        if source is not None:
            self._note((ticket.task.engine, source.digest))
        if self._transport is not None:
            whole = self._all_sent and source is not None
            self._transport.write(_message(ticket.task, source) if whole else ticket.frame)

    def _note(self, text: tuple[str, str]) -> None:
        self._texts[text] = None
        self._texts.move_to_end(text)
        if len(self._texts) > _TEXTS:
            self._texts.popitem(last=False)

    def _hear(self, message: FromWorker | Lacks) -> None:
        if not isinstance(message, Lacks):
            self._on_message(self, message)
        elif self._all_sent:  # it lacks nothing
            self.abort()
        elif self.ticket is not None:
            self._all_sent = True
            self._send(self.ticket)

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


def _message(task: Task, source: ModelSource | None = None) -> bytes:
    by_text = task.source is not None
    return pack(
        Compute(task.engine, task.payload, task.digest, source, task.measure, task.closely, by_text=by_text)
    )
