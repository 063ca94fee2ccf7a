"""The default worker pool: own processes on this machine, each of which may die at any time.

Around the pool: `schedule` decides, `nursery` makes and kills processes, a `link` speaks with each of them;
`zygote` and `worker` are the code on the other side. This file joins them and owns the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import Self

from bioxen.errors import BioXenException, EngineCrashError, ServiceUnavailableError, ValidationError
from bioxen.protocol.services import EngineInfo, TaskProgress, WorkerHealth
from bioxen.server.workers import faults, guard, tracing
from bioxen.server.workers.actions import Action, Assign, Fail, Kill, Reason, Spawn
from bioxen.server.workers.base import Solved, Task
from bioxen.server.workers.capture import without_traceback
from bioxen.server.workers.config import WorkerConfig, default_memory_limit, usable_cores
from bioxen.server.workers.frames import (
    Compute,
    Done,
    Failed,
    FrameTooLargeError,
    FromWorker,
    Progress,
    Ready,
    Setup,
    pack,
)
from bioxen.server.workers.link import Link, Ticket
from bioxen.server.workers.nursery import Nursery
from bioxen.server.workers.schedule import Schedule
from bioxen.server.workers.watch import MemoryWatch

_log = logging.getLogger(__name__)
_LOOK_EVERY = 64
"""Tasks of a worker between two looks at how it has grown."""
_LAST_WORDS = 1.0
"""Seconds in which a dead worker's socket is read to its end, should a child of its hold it open."""


class LocalPool:
    """A pool of worker processes on this machine.

    It lives in one event loop, and its processes die with the thread that loop runs in::

        async with LocalPool(engines=("metabolic",)) as pool:
            result = await pool.run(task)

    Args:
        engines: engines by name (entry points of `bioxen.engines`) or as `module:Class`.
        size: number of workers, by default one for each core.
        queue_limit: number of tasks that may wait before `OverloadError`.
        memory_limit: bytes of resident memory each worker may hold.
        config: the rest.
    """

    def __init__(
        self,
        *,
        engines: Iterable[str] = ("metabolic",),
        size: int | None = None,
        queue_limit: int = 1024,
        memory_limit: int | None = None,
        config: WorkerConfig | None = None,
    ) -> None:
        self._config = config or WorkerConfig()
        self._size = size or usable_cores()
        self._memory_limit = memory_limit or default_memory_limit(self._size)
        programs = self._config.programs
        self._schedule = Schedule(size=self._size, queue_limit=queue_limit, programs=programs)
        setup = Setup(
            tuple(engines), self._config.sys_path, self._config.repository, programs, self._memory_limit
        )
        self._nursery = Nursery(setup, self._config.start_timeout, self._on_exited)
        self._links: dict[int, Link] = {}
        self._tickets: dict[int, Ticket] = {}
        self._ids = count(1)
        self._completed = 0
        self._spawning: set[asyncio.Task[None]] = set()
        self._watch = MemoryWatch(self._links, self._memory_limit, self._on_hunger)
        self._full: asyncio.Future[None] | None = None
        self._failure: BioXenException | None = None
        self.engines: tuple[EngineInfo, ...] = ()
        """The engines with their versions, known once the pool has started."""
        self.tally: Counter[str] = Counter()
        """What the workers counted, by `kind: reason`."""

    @property
    def zygote_pid(self) -> int | None:
        """The process whose children the workers are."""
        return self._nursery.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # The pool's interface

    async def start(self) -> None:
        """Start the workers; return when all of them are ready (`WorkerPool.start`)."""
        self._full = asyncio.get_running_loop().create_future()
        try:
            await self._nursery.start()
            self._perform(self._schedule.start())
            await asyncio.wait_for(self._full, self._config.start_timeout)
        except TimeoutError:
            await self.close()
            words = f"The workers were not ready within {self._config.start_timeout:g} s."
            raise self._failure or ServiceUnavailableError(words) from None
        except BaseException:
            await self.close()
            raise

    async def run(self, task: Task) -> bytes:
        """Return the result of `task` as JSON (`WorkerPool.run`)."""
        return (await self.solve(task)).result

    async def solve(self, task: Task) -> Solved:
        """Return the answer to `task` (`WorkerPool.solve`); cancelling stops the computation."""
        answer: asyncio.Future[Solved] = asyncio.get_running_loop().create_future()
        ticket = Ticket(next(self._ids), task, _frame(task), answer)
        key = None if task.digest is None else (task.engine, task.digest)
        self._tickets[ticket.id] = ticket
        try:
            self._perform(self._schedule.submit(ticket.id, key, pure=task.pure, background=task.background))
            return await answer
        finally:
            del self._tickets[ticket.id]
            if ticket.timer is not None:
                ticket.timer.cancel()
            self._perform(self._schedule.cancel(ticket.id))  # does something only if it still runs or waits

    def progress(self, request_id: str) -> TaskProgress | None:
        """Return how far a task of that request is (`WorkerPool.progress`)."""
        of_request = (ticket for ticket in self._tickets.values() if ticket.task.request_id == request_id)
        return next((ticket.told for ticket in of_request if ticket.told is not None), None)

    def health(self) -> WorkerHealth:
        """Return the state of the pool now."""
        schedule = self._schedule
        return WorkerHealth(
            size=self._size,
            ready=schedule.ready_workers,
            busy=schedule.busy_workers,
            queued=schedule.waiting,
            queue_limit=schedule.queue_limit,
            replaced=schedule.replaced,
            completed=self._completed,
        )

    async def close(self) -> None:
        """Stop every worker; tasks that still run or wait fail with `ServiceUnavailableError`."""
        self._perform(self._schedule.close())
        for spawning in self._spawning:
            spawning.cancel()
        await asyncio.gather(*self._spawning, return_exceptions=True)
        self._watch.stop()
        await self._nursery.close()
        for link in list(self._links.values()):
            link.abort()
            self._bury(link)
        await asyncio.sleep(0)  # the transports close in the loop's next round

    # What the schedule wants

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Assign):
                self._assign(action)
            elif isinstance(action, Fail):
                self._settle(self._tickets.get(action.job), self._fault(action))
            elif isinstance(action, Kill):
                self._nursery.kill(action.worker)
            elif isinstance(action, Spawn):
                spawning = asyncio.get_running_loop().create_task(self._spawn(action))
                self._spawning.add(spawning)
                spawning.add_done_callback(self._spawning.discard)

    def _assign(self, action: Assign) -> None:
        loop = asyncio.get_running_loop()
        ticket = self._tickets[action.job]
        if ticket.timer is None:  # a second try gets what the first one left
            ticket.timer = loop.call_later(ticket.task.deadline, self._expire, ticket)
        self._watch.start()
        self._links[action.worker].send(ticket, loop.time())

    def _fault(self, action: Fail) -> BioXenException:
        if action.reason is Reason.OVERLOADED:
            return faults.overloaded(self._schedule.queue_limit, self._schedule.retry_after)
        if action.reason is Reason.CRASHED:
            return faults.crashed(self._tickets[action.job])
        return faults.unavailable(self._failure if self._schedule.hopeless else None)

    async def _spawn(self, action: Spawn) -> None:
        await asyncio.sleep(action.delay)
        try:
            await self._nursery.start()
            await self._connect(action.worker)
        except Exception as error:  # whatever it is: a worker that is not there is never waited for again
            self._failure = error if isinstance(error, BioXenException) else EngineCrashError(str(error))
            self._perform(self._schedule.died(action.worker))
            self._check_full()

    async def _connect(self, worker: int) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            link = Link(worker, self._on_message, self._on_closed)
            undo.callback(link.capture.close)
            await loop.create_unix_connection(lambda: link, sock=ours)
            undo.pop_all()
            self._links[worker] = link
            link.start_timer = loop.call_later(self._config.start_timeout, self._give_up_on, worker)
            self._nursery.fork(worker, theirs, link.capture)

    # What workers say

    def _on_message(self, link: Link, message: FromWorker) -> None:
        if isinstance(message, Ready):
            self._on_ready(link, message)
        elif link.pid is None and isinstance(message, Failed):
            link.fault = faults.told(message)
        elif link.ticket is not None:
            if isinstance(message, Progress):
                link.ticket.note(message)
            else:
                self._on_answer(link, link.ticket, message)

    def _on_ready(self, link: Link, message: Ready) -> None:
        link.pid = message.pid
        if link.start_timer is not None:
            link.start_timer.cancel()
        self.engines = message.infos()
        self._failure = None
        self._perform(self._schedule.ready(link.worker))
        self._check_full()

    def _on_answer(self, link: Link, ticket: Ticket, message: Done | Failed) -> None:
        link.ticket = None
        retire, seconds = self._is_worn(link), asyncio.get_running_loop().time() - link.began
        if isinstance(message, Done):
            self._note(ticket, message)
            self._settle(ticket, Solved(message.result, message.exact, seconds))
        else:
            retire = retire or message.retire
            if message.traceback:
                with tracing.named(ticket.task.request_id):
                    _log.error("The engine %s failed:\n%s", ticket.task.engine, message.traceback)
            self._settle(ticket, faults.told(message))
        self._completed += 1
        self._perform(self._schedule.finished(link.worker, seconds, retire=retire))

    def _note(self, ticket: Ticket, done: Done) -> None:
        """Add up what was counted under a task, and log what was printed."""
        self.tally.update(done.tally)
        if done.output:
            with tracing.named(ticket.task.request_id):
                words = without_traceback(done.output)
                _log.info("The engine %s printed: %s", ticket.task.engine, words)

    def _is_worn(self, link: Link) -> bool:
        """Return whether the worker should make room for a fresh one, now that it has no task."""
        if link.tasks >= self._config.recycle_after:
            return True
        return link.tasks % _LOOK_EVERY == 0 and guard.resident_memory(link.pid) > self._memory_limit // 2

    # How workers end

    def _on_exited(self, worker: int, status: int | None) -> None:
        link = self._links.get(worker)
        if link is None:
            return
        link.exited, link.status = True, status
        if link.closed:
            self._bury(link)
        else:  # its last answer may still be in the socket
            asyncio.get_running_loop().call_later(_LAST_WORDS, link.abort)

    def _on_closed(self, link: Link) -> None:
        if link.exited:
            self._bury(link)
        else:
            self._perform(self._schedule.kill(link.worker))

    def _give_up_on(self, worker: int) -> None:
        self._perform(self._schedule.kill(worker))

    def _bury(self, link: Link) -> None:
        if self._links.pop(link.worker, None) is None:
            return
        words = link.capture.tail()
        link.capture.close()
        if link.start_timer is not None:
            link.start_timer.cancel()
        if link.pid is None:
            self._failure = link.fault or faults.stillborn(link.epitaph(), words)
        if link.ticket is not None:
            link.ticket.deaths.append(link.epitaph())
            link.ticket.diagnostics = words
        with tracing.named(link.ticket.task.request_id if link.ticket is not None else ""):
            _log.info("Worker %d ended (%s). %s", link.worker, link.epitaph(), words)
        self._perform(self._schedule.died(link.worker))
        self._check_full()

    # Clock

    def _expire(self, ticket: Ticket) -> None:
        self._stop(ticket, faults.with_diagnostics(faults.timed_out(ticket), self._printed(ticket)))

    def _on_hunger(self, ticket: Ticket, used: int) -> None:
        fault = faults.outgrew_memory(used, self._memory_limit)
        self._stop(ticket, faults.with_diagnostics(fault, self._printed(ticket)))

    def _printed(self, ticket: Ticket) -> str:
        """Return what the worker that computes a task has printed under it."""
        link = next((link for link in self._links.values() if link.ticket is ticket), None)
        return link.capture.tail() if link is not None else ""

    def _stop(self, ticket: Ticket, fault: BioXenException) -> None:
        self._settle(ticket, fault)
        self._perform(self._schedule.cancel(ticket.id))

    # Answers

    def _settle(self, ticket: Ticket | None, outcome: Solved | BioXenException) -> None:
        if ticket is None or ticket.answer.done():
            return
        if isinstance(outcome, BioXenException):
            ticket.answer.set_exception(outcome)
        else:
            ticket.answer.set_result(outcome)

    def _check_full(self) -> None:
        if self._full is None or self._full.done():
            return
        if self._schedule.hopeless:
            self._full.set_exception(self._failure or faults.unavailable(None))
        elif self._schedule.ready_workers == self._size:
            self._full.set_result(None)


def _frame(task: Task) -> bytes:
    try:
        said = Compute(task.engine, task.payload, task.digest, task.source, task.measure, task.closely)
        return pack(said)
    except FrameTooLargeError as error:
        raise ValidationError(f"The request is too large. {error}") from error
