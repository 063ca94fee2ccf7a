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
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from bioxen.errors import (
    BioXenException,
    ComputationError,
    ComputationTimeoutError,
    JobStateError,
    OverloadError,
    ServiceUnavailableError,
)
from bioxen.protocol.base import fingerprint_of, parse
from bioxen.protocol.jobs import Job
from bioxen.protocol.processes import find_process
from bioxen.protocol.quotas import Quotas
from bioxen.server.jobs.fairness import FairQueue
from bioxen.server.jobs.limits import Limits
from bioxen.server.jobs.news import News
from bioxen.server.jobs.running import Running
from bioxen.server.orchestrator.computation import Computer
from bioxen.server.orchestrator.sharding import Piece, assemble, parts_of
from bioxen.server.store import faults, jobs
from bioxen.server.store.jobs import Begun, NewJob
from bioxen.server.store.owners import LOCAL, add_owner
from bioxen.server.store.quotas import Gate
from bioxen.server.store.store import Store
from bioxen.server.workers import tracing

T = TypeVar("T")
log = logging.getLogger("bioxen.jobs")
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
    """

    def __init__(self, store: Store, computer: Computer, slots: int, quotas: Quotas | None = None) -> None:
        self.quotas = quotas or Quotas()
        self._gate = Gate(self.quotas)
        self._limits = Limits(store, self.quotas)
        self._store = store
        self._computer = computer
        self._slots = slots
        self._queue = FairQueue()
        self._running: dict[str, Running] = {}
        self._busy = 0
        self._wake = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.news = News()

    async def start(self) -> None:
        """Take up every job that is not finished."""
        await self._store.write(add_owner, LOCAL)
        for work in await self._store.read(jobs.waiting):
            self._queue.add(work.owner_id, work.job_id, work.priority)
        self._loop_task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop what runs; the next server goes on with it."""
        if self._loop_task is not None:
            self._loop_task.cancel()
        for running in self._running.values():
            running.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, new: NewJob) -> Job:
        """Accept a job: when this returns it is on the disk.

        Raises:
            JobStateError: its key was used for another request.
            OverloadError, ResourceExhaustionError: a quota of its owner is used up.
        """
        job = await self._store.write(jobs.submit, new, self._gate.admit)
        if job.job_id == new.job_id:
            self._queue.add(new.owner_id, job.job_id, new.priority)
            self._wake.set()
        return job

    async def cancel(self, owner: str, job_id: str) -> Job:
        """Stop a job.

        Raises:
            JobNotFoundError: the owner has none of that id.
        """
        job = await self._store.write(jobs.ask_to_cancel, owner, job_id)
        running = self._running.get(job_id)
        if running is not None:
            await self._end(running, lambda c: jobs.cancelled(c, job_id))
        elif job.ended:
            self._queue.remove(owner, job_id)
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

    async def _next(self) -> tuple[str, str] | None:
        """Return the owner and the job of which a part should start."""
        full = await self._limits.reached(Counter(running.owner for running in self._running.values()))
        return self._queue.first(full, self._running)

    async def _start_part(self, owner: str, job_id: str) -> None:
        running = self._running.get(job_id) or await self._begin(owner, job_id)
        piece = running.next_piece() if running is not None else None
        if running is None or piece is None:
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
            begun = await self._store.write(jobs.begin, job_id)
        except JobStateError:  # it was cancelled while it waited
            return None
        try:
            running = self._running[job_id] = _read(begun, owner)
        except BioXenException as error:  # another version accepted it, whose processes are not ours
            problem = error.to_problem()
            await self._store.write(jobs.fail, job_id, problem)
            self.news.tell(job_id)
            return None
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
            with tracing.named(f"job-{running.job_id}-{number}"):
                result, seconds = await self._compute(running.owner, piece)
            digest = await self._keep(result)
            await _kept(
                lambda: self._store.write(
                    jobs.finish_shard, running.job_id, number, digest, len(result), seconds
                )
            )
        except JobStateError:
            return  # it ended in the meantime
        except BioXenException as error:
            await self._fail(running, error)
            return
        running.finished[number] = digest
        self.news.tell(running.job_id)
        if running.complete:
            await self._complete(running)

    async def _compute(self, owner: str, piece: Piece) -> tuple[bytes, float]:
        while True:
            start = time.perf_counter()
            try:
                result = await self._computer.compute(piece.request)
            except PASSING as error:
                log.info("A part waits: %s", error)
                await asyncio.sleep(float(error.details.get("retry_after", PATIENCE)))
                continue
            finally:
                self._queue.charge(owner, time.perf_counter() - start)
            return result, time.perf_counter() - start

    async def _complete(self, running: Running) -> None:
        """Put the parts together and record the result."""
        start = time.perf_counter()
        try:
            parts = [await self._fetch(running, number) for number in range(running.total)]
            result = await asyncio.to_thread(assemble, running.request, parts)
            digest = await self._keep(result)
        except BioXenException as error:
            await self._fail(running, error)
            return
        seconds = time.perf_counter() - start
        await self._end(running, lambda c: jobs.complete(c, running.job_id, digest, len(result), seconds))

    async def _fetch(self, running: Running, number: int) -> bytes:
        """Return the result of a finished part; one that was damaged on the disk is computed again."""
        try:
            return await _kept(lambda: self._store.fetch(running.finished[number]))
        except ComputationError as error:
            log.warning("Part %d of job %s is computed again: %s", number, running.job_id, error)
        piece = parts_of(running.request)[number]
        result, _ = await self._compute(running.owner, piece)
        await self._keep(result)
        return result

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

    async def _end(self, running: Running, change: Callable[[Any], None]) -> None:
        """Record the end of a job and stop what is left of it. Only the first end counts."""
        if self._running.pop(running.job_id, None) is None:
            return
        self._queue.remove(running.owner, running.job_id)
        with contextlib.suppress(JobStateError):
            await _kept(lambda: self._store.write(change))
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
    _check_undamaged(begun)
    request = parse(process.request, begun.request)
    every = list(enumerate(parts_of(request)))
    return Running(
        job_id=begun.job_id,
        owner=owner,
        request=request,
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
