"""Runs jobs: a few parts at a time, each recorded when it is finished, so that none is computed twice.

What the store says is the truth. This object holds only what is in work; when the process dies, the next one
reads from the store what is not finished and goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection

from bioxen.errors import (
    BioXenException,
    ComputationError,
    ComputationTimeoutError,
    JobStateError,
    OverloadError,
    ServiceUnavailableError,
)
from bioxen.protocol.base import fingerprint_of, parse
from bioxen.protocol.jobs import Estimate, Job
from bioxen.protocol.processes import find_process
from bioxen.protocol.quotas import Quotas
from bioxen.protocol.request import ComputeRequest
from bioxen.server.admission.estimator import Estimator
from bioxen.server.cache.status import watching
from bioxen.server.jobs.calls import CellCalls, is_call, request_in
from bioxen.server.jobs.estimates import Estimates
from bioxen.server.jobs.fairness import FairQueue
from bioxen.server.jobs.limits import Limits
from bioxen.server.jobs.news import News
from bioxen.server.jobs.running import Running
from bioxen.server.jobs.turns import Turns
from bioxen.server.orchestrator.computation import Computer
from bioxen.server.orchestrator.sharding import Piece, assemble, moved, parts_of
from bioxen.server.store import faults, jobs
from bioxen.server.store.arrays import StoredArrays
from bioxen.server.store.jobs import Begun, NewJob
from bioxen.server.store.owners import LOCAL, add_owner
from bioxen.server.store.quotas import Gate
from bioxen.server.store.store import Store
from bioxen.server.workers import tracing, urgency

log = logging.getLogger("bioxen.jobs")
BEAT = 10.0
"""Seconds between two words of a server about the jobs it works on; see `jobs.SILENT`."""
TRIES = 3
"""Times that lost parts of a job are computed again."""
T = TypeVar("T")
PATIENCE = 1.0
"""Seconds after which what found the services or the store full or away is tried again; jobs have time."""
PASSING = (OverloadError, ServiceUnavailableError)
"""Faults of the moment, not of the job."""


class JobRunner:
    """Works on the jobs of a store.

    Args:
        store: where the jobs are.
        computer: what computes.
        slots: parts under way at once. A few more than there are workers: what is asked without a job waits
            behind no more than these.
        quotas: what each owner may have, where the store says nothing else.
        calls: knows the cells of the store, whose processes are jobs too.
        estimator: says what jobs will take, and learns from what they took.
    """

    def __init__(
        self,
        store: Store,
        computer: Computer,
        slots: int,
        quotas: Quotas | None = None,
        calls: CellCalls | None = None,
        estimator: Estimator | None = None,
    ) -> None:
        self.quotas = quotas or Quotas()
        self._gate = Gate(self.quotas)
        self._limits = Limits(store, self.quotas)
        self.estimator = estimator or Estimator()
        self._estimates = Estimates(self.estimator)
        self._store = store
        self._computer = computer
        self._arrays = StoredArrays(store)
        self._slots = slots
        self._calls = calls
        self._lost: Counter[str] = Counter()
        """How often parts of a job were found lost."""
        self._queue = FairQueue()
        self._turns = Turns()
        self._running: dict[str, Running] = {}
        self._beginning: set[str] = set()
        """Jobs whose requests are being read; a cancel takes them out."""
        self._busy = 0
        self._wake = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.news = News()

    async def start(self) -> None:
        """Take up every job that is not finished."""
        await self._store.write(add_owner, LOCAL)
        await self._store.write(jobs.beat)  # they are this server's from now on
        waiting = await self._store.read(jobs.waiting)
        for work in sorted(waiting, key=lambda one: not one.begun):  # a cell's job that began goes on first
            if is_call(work.beginning) and work.vm_id is not None:
                self._turns.line_up(work.job_id, work.owner_id, work.vm_id, work.priority)
                if work.begun:
                    self._turns.take(work.job_id)
            self._queue.add(work.owner_id, work.job_id, work.priority)
        self._loop_task = asyncio.create_task(self._work())
        self._beating = asyncio.create_task(self._beat(self._loop_task))

    async def close(self) -> None:
        """Stop what runs; the next server goes on with it."""
        if self._loop_task is not None:
            self._loop_task.cancel()
            self._beating.cancel()
        for running in self._running.values():
            running.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, new: NewJob) -> Job:
        """Accept a job: when this returns it is on the disk.

        Raises:
            ResourceExhaustionError: it needs more memory than there is.
            JobStateError: its key was used for another request.
            OverloadError, ResourceExhaustionError: a quota of its owner is used up.
        """
        job = await self._store.write(jobs.submit, new, self._gate.admit)
        if job.job_id == new.job_id:
            if is_call(new.request) and new.vm_id is not None:
                self._turns.line_up(job.job_id, new.owner_id, new.vm_id, new.priority)
            self._queue.add(new.owner_id, job.job_id, new.priority)
            self._wake.set()
            self._estimates.keep(job.job_id, new.estimate)
        return self.with_estimate(job)

    def with_estimate(self, job: Job) -> Job:
        """Return `job` with what it was expected to take, where that is known."""
        return self._estimates.add_to(job)

    async def admit(self, request: ComputeRequest) -> Estimate | None:
        """Return what a job with `request` would take; null where its model cannot be looked at.

        Raises:
            ResourceExhaustionError: it needs more memory than there is.
        """
        return await self._estimates.admit(request)

    async def cancel(self, owner: str, job_id: str) -> Job:
        """Stop a job.

        Raises:
            JobNotFoundError: the owner has none of that id.
        """
        job = await self._store.write(jobs.ask_to_cancel, owner, job_id)
        running = self._running.get(job_id)
        if running is not None:
            await self._end(running, lambda c: jobs.cancelled(c, job_id))
        else:
            self._beginning.discard(job_id)
            self._leave(owner, job_id)
            if not job.ended:  # its request is being read, or it waits to be resumed
                with contextlib.suppress(JobStateError):
                    await self._write(jobs.cancelled, job_id)
        self.news.tell(job_id)
        return await self._store.read(jobs.find, owner, job_id)

    @property
    def parts_running(self) -> int:
        """Parts under way."""
        return self._busy

    # Giving out work

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                while self._busy < self._slots and (first := await self._next()) is not None:
                    await self._start_part(*first)
            except Exception as error:  # without this task no job would ever start again
                _log_trouble(error)
                await asyncio.sleep(PATIENCE)
                continue
            await self._wake.wait()

    async def _beat(self, working: asyncio.Task[None]) -> None:
        """Say again and again that the jobs that run are being worked on, as long as that is so."""
        while not working.done():
            await asyncio.sleep(BEAT)
            try:
                await self._store.write(jobs.beat)
            except Exception as error:  # the next word may get through
                _log_trouble(error)

    async def _write(self, change: Callable[..., T], *arguments: Any) -> T:
        """Return what a change of the store returns; where the disk is full, say, once there is room."""
        return await _kept(lambda: self._store.write(change, *arguments))

    async def _next(self) -> tuple[str, str] | None:
        """Return the owner and the job of which a part should start."""
        full = await self._limits.reached(Counter(running.owner for running in self._running.values()))
        return self._queue.first(full, self._running)

    async def _start_part(self, owner: str, job_id: str) -> None:
        if not self._turns.take(job_id):
            self._queue.remove(owner, job_id)
            return
        running = self._running.get(job_id) or await self._begin(owner, job_id)
        if running is None:
            self._leave(owner, job_id)
            return
        piece = running.next_piece()
        if piece is None:
            self._queue.remove(owner, job_id)
            return
        self._busy += 1
        task = asyncio.create_task(self._part(running, *piece))
        running.tasks.add(task)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._part_left(running, done))

    def _part_left(self, running: Running, task: asyncio.Task[None]) -> None:
        self._busy -= 1
        running.tasks.discard(task)
        self._tasks.discard(task)
        self._wake.set()

    async def _begin(self, owner: str, job_id: str) -> Running | None:
        """Start to work on a job; return `None` where there is nothing to work on."""
        try:
            resolve = None if self._calls is None else self._calls.resolve
            begun = await self._write(jobs.begin, job_id, resolve)
            self._beginning.add(job_id)
            running = await asyncio.to_thread(_read, begun, owner)  # a large one takes a second
            await self._estimates.recall(job_id, running.request)
        except JobStateError:  # it was cancelled while it waited
            return None
        except BioXenException as error:  # another version accepted it, say, or its cell is stopped now
            with contextlib.suppress(JobStateError):
                await self._write(jobs.fail, job_id, error.to_problem())
            self.news.tell(job_id)
            return None
        if job_id not in self._beginning:
            return None
        self._beginning.discard(job_id)
        self._running[job_id] = running
        if begun.cancel_asked:
            await self._end(running, lambda c: jobs.cancelled(c, job_id))
            return None
        if begun.deadline is not None:
            running.timer = asyncio.get_running_loop().call_later(
                begun.deadline, self._spawn, self._expire, running, begun.deadline
            )
        self.news.tell(job_id)
        if running.complete:  # the last server died between the last part and the end
            self._spawn(self._complete, running)
        return running

    # Parts

    async def _part(self, running: Running, number: int, piece: Piece) -> None:
        try:
            with tracing.named(f"job-{running.job_id}-{number}"), urgency.background():
                result, seconds = await self._compute(running.owner, piece)
            digest = await self._keep(result)
            await self._write(jobs.finish_shard, running.job_id, number, digest, len(result), seconds)
        except JobStateError:
            return  # it ended in the meantime
        except BioXenException as error:
            await self._fail(running, moved(error, piece.offset))
            return
        running.finished[number] = digest
        self.news.tell(running.job_id)
        if running.complete:
            await self._complete(running)

    async def _compute(self, owner: str, piece: Piece) -> tuple[bytes, float]:
        while True:
            start = time.perf_counter()
            try:
                with watching() as seen:
                    result = await self._computer.compute(piece.request)
            except PASSING as error:
                log.info("A part waits: %s", error)
                await asyncio.sleep(float(error.details.get("retry_after", PATIENCE)))
                continue
            finally:
                self._queue.charge(owner, time.perf_counter() - start)
            # What workers were busy for, where the service says it: waiting for one is no computing.
            seconds = time.perf_counter() - start if seen.origin is None else seen.seconds
            await self._estimates.learn(piece.request, seconds, seen)
            return result, seconds

    async def _complete(self, running: Running) -> None:
        """Put the parts together and record the result."""
        start = time.perf_counter()
        parts: list[bytes] = []
        lost: dict[int, ComputationError] = {}
        for number in range(running.total):
            try:
                parts.append(await self._fetch(running.finished[number]))
            except ComputationError as error:
                log.warning("A part of the job %s is computed again: %s", running.job_id, error)
                lost[number] = error
        if lost:
            await self._again(running, lost)
            return
        try:
            result = await asyncio.to_thread(assemble, running.request, parts, self._arrays)
            digest = await self._keep(result)
            settle = await asyncio.to_thread(self._settling, running, result)
        except BioXenException as error:
            await self._fail(running, error)
            return
        seconds = time.perf_counter() - start

        def complete(connection: Connection) -> None:
            jobs.complete(connection, running.job_id, digest, len(result), seconds)
            settle(connection)

        await self._end(running, complete)

    async def _again(self, running: Running, lost: Mapping[int, ComputationError]) -> None:
        """Compute parts once more whose results are lost; a disk that keeps losing them ends the job."""
        self._lost[running.job_id] += 1
        if self._lost[running.job_id] > TRIES:
            await self._fail(running, next(iter(lost.values())))
        elif self._running.get(running.job_id) is running:
            await self._write(jobs.forget_shards, running.job_id, list(lost))
            self._running.pop(running.job_id)
            if running.timer is not None:
                running.timer.cancel()
            self._queue.remove(running.owner, running.job_id)
            self._queue.add(running.owner, running.job_id, running.priority)
            self._wake.set()

    def _settling(self, running: Running, result: bytes) -> Callable[[Connection], None]:
        """Return what a result changes beside the job's own record."""
        if self._calls is None or not is_call(running.document):
            return lambda _: None
        return self._calls.settle(running.owner, running.document, result)

    async def _fetch(self, digest: str) -> bytes:
        return await _kept(lambda: self._store.fetch(digest))

    async def _keep(self, result: bytes) -> str:
        return await _kept(lambda: self._store.keep(result))

    async def _fail(self, running: Running, error: BioXenException) -> None:
        await self._end(running, lambda c: jobs.fail(c, running.job_id, error.to_problem()))

    async def _expire(self, running: Running, deadline: float) -> None:
        await self._fail(
            running,
            ComputationTimeoutError(
                f"The job was stopped at its deadline of {deadline:g} s.",
                details={"place": "deadline", "remedy": "Give it more time, or ask for less."},
            ),
        )

    def _leave(self, owner: str, job_id: str) -> None:
        """Take out a job of which nothing more starts; where others wait for its cell, the next one comes."""
        self._queue.remove(owner, job_id)
        following = self._turns.leave(job_id)
        if following is not None:
            self._queue.add(owner, *following)
            self._wake.set()

    async def _end(self, running: Running, change: Callable[[Connection], None]) -> None:
        """Record the end of a job and stop what is left of it. Only the first end counts."""
        if self._running.pop(running.job_id, None) is None:
            return
        self._queue.remove(running.owner, running.job_id)
        self._lost.pop(running.job_id, None)
        try:
            with contextlib.suppress(JobStateError):
                await self._write(change)
        except BioXenException as error:  # its cell was changed in the meantime, say
            with contextlib.suppress(JobStateError):
                await self._write(jobs.fail, running.job_id, error.to_problem())
        self._leave(running.owner, running.job_id)
        current = asyncio.current_task()
        running.tasks = {task for task in running.tasks if task is not current}
        running.stop()
        self.news.tell(running.job_id)

    def _spawn(self, call: Callable[..., Any], *arguments: Any) -> None:
        task = asyncio.get_running_loop().create_task(call(*arguments))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _read(begun: Begun, owner: str) -> Running:
    """Return the job with the parts that are left."""
    process = find_process(begun.process_code)
    if process is None:
        raise ComputationError(
            f"The job {begun.job_id} asks for {begun.process_code!r}, which this BioXen does not know.",
            details={"remedy": "The version that accepted it knows it."},
        )
    if not is_call(begun.request):  # the request of a cell's process follows from the cell's state
        _check_undamaged(begun)
    request = parse(process.request, request_in(begun.request))
    every = list(enumerate(parts_of(request)))
    return Running(
        job_id=begun.job_id,
        owner=owner,
        priority=begun.priority,
        request=request,
        document=begun.request if is_call(begun.request) else "",
        pieces=iter([(number, piece) for number, piece in every if number not in begun.finished]),
        total=len(every),
        finished=dict(begun.finished),
    )


def _check_undamaged(begun: Begun) -> None:
    """Return where the request is the one that was accepted.

    Raises:
        ComputationError: what the database holds is something else.
    """
    with contextlib.suppress(ValueError):
        if fingerprint_of(json.loads(begun.request)) == begun.request_digest:
            return
    raise ComputationError(
        f"The request of the job {begun.job_id} is not the one that was accepted: the store was damaged.",
        details={"place": "request", "remedy": "Submit it again, and have the disk looked at."},
    )


async def _kept(call: Callable[[], Awaitable[T]]) -> T:
    """Return what `call` returns, as soon as the store can do it: what was computed is not thrown away."""
    while True:
        try:
            return await call()
        except BioXenException as error:
            if not faults.is_stores(error):
                raise
            _log_trouble(error)
        await asyncio.sleep(PATIENCE)


def _log_trouble(error: Exception) -> None:
    known = isinstance(error, BioXenException) and faults.is_stores(error)
    log.warning("Jobs wait: %s", error, exc_info=None if known else error)
