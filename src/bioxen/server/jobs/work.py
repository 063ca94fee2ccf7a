"""The life of a job from its beginning to its end: parts, lost parts, the result, a cancel, a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

from bioxen.errors import BioXenException, ComputationError, ComputationTimeoutError, JobStateError
from bioxen.protocol.jobs import Job
from bioxen.protocol.services import TaskProgress
from bioxen.server.cache.status import watching
from bioxen.server.jobs.beginning import read_job
from bioxen.server.jobs.calls import CellCalls
from bioxen.server.jobs.endings import Endings, failing, in_words, lived, name_of
from bioxen.server.jobs.estimates import Estimates
from bioxen.server.jobs.line import Line
from bioxen.server.jobs.news import News
from bioxen.server.jobs.patience import PatientStore, until_services_can
from bioxen.server.jobs.results import Change, Results
from bioxen.server.jobs.routing import routed
from bioxen.server.jobs.running import Running
from bioxen.server.orchestrator.computation import Computer
from bioxen.server.orchestrator.cutting import Piece, moved
from bioxen.server.store import jobs
from bioxen.server.store.arrays import StoredArrays
from bioxen.server.store.jobs import Begun
from bioxen.server.store.store import Store
from bioxen.server.workers import hearing, tracing, urgency

TRIES = 3
"""Times that lost parts of a job are computed again."""


class Work:
    """The jobs that have begun.

    Args:
        store: where the jobs are.
        computer: what computes.
        line: where jobs wait for something of them to be started.
        estimates: learns from what parts took.
        news: tells listeners what happens.
        calls: knows the cells of the store.
    """

    def __init__(
        self,
        store: Store,
        computer: Computer,
        line: Line,
        estimates: Estimates,
        news: News,
        calls: CellCalls | None,
    ) -> None:
        self.running: dict[str, Running] = {}
        self._store = PatientStore(store)
        self.endings = Endings(self._store)
        self._results = Results(self._store, StoredArrays(store), calls)
        self._computer, self._calls = computer, calls
        self._line, self._estimates, self._news = line, estimates, news
        self._beginning: set[str] = set()
        """Jobs whose requests are being read; a cancel takes them out."""
        self._lost: Counter[str] = Counter()
        """How often parts of a job were found lost."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Stop what runs; the next server goes on with it."""
        for running in self.running.values():
            running.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Beginning

    async def begin(self, owner: str, job_id: str) -> Running | None:
        """Start to work on a job; return `None` where there is nothing to work on."""
        with tracing.named(name_of(job_id)):
            try:
                begun, running = await self._read(owner, job_id)
            except JobStateError:  # it was cancelled while it waited
                return None
            except Exception as error:  # another version accepted it, say, or its cell is stopped now
                self._beginning.discard(job_id)
                await self.endings.record(job_id, failing(job_id, in_words(error)))
                self._news.tell(job_id)
                return None
            if job_id not in self._beginning:
                return None
            self._beginning.discard(job_id)
            self.running[job_id] = running
            return await self._go_on(running, begun)

    async def _read(self, owner: str, job_id: str) -> tuple[Begun, Running]:
        resolve = None if self._calls is None else self._calls.resolve
        begun = await self._store.write(jobs.begin, job_id, resolve)
        self._beginning.add(job_id)
        running = await asyncio.to_thread(read_job, begun, owner)  # a large one takes a second
        await self._estimates.recall(job_id, running.request)
        return begun, running

    async def _go_on(self, running: Running, begun: Begun) -> Running | None:
        """Take up a job as the server that began it left it."""
        if begun.cancel_asked:
            await self._end(running, lambda c: jobs.cancelled(c, running.job_id))
            return None
        if (deadline := begun.deadline) is not None:
            running.timer = asyncio.get_running_loop().call_later(
                deadline, lambda: self._spawn(running, self._expire(running, deadline))
            )
        self._news.tell(running.job_id)
        if running.complete:  # the last server died between the last part and the end
            self._spawn(running, self._complete(running))
        return running

    # Parts

    def start(self, running: Running, number: int, piece: Piece) -> asyncio.Task[None]:
        """Start a part of a job; the task ends when the part is recorded, or the job has ended."""
        task = self._spawn(running, self._part(running, number, piece), number)
        running.tasks.add(task)
        task.add_done_callback(running.tasks.discard)
        return task

    async def _part(self, running: Running, number: int, piece: Piece) -> None:
        hearing.listen(partial(self._hear, running, number))
        try:
            with urgency.background():
                result, seconds = await until_services_can(lambda: self._compute(running, piece))
            digest = await self._store.keep(result)
            await self._store.write(jobs.finish_shard, running.job_id, number, digest, len(result), seconds)
        except JobStateError:
            return  # it ended in the meantime
        except BioXenException as error:
            await self._fail(running, moved(error, piece.offset))
            return
        running.finished[number] = digest
        running.told.pop(number, None)  # after the record: whoever looks before and after sees no less
        self._news.tell(running.job_id)
        if running.complete:
            running.stop_limit()
            await self._complete(running)

    def _hear(self, running: Running, number: int, said: TaskProgress) -> None:
        if running.hear(number, said):
            self._news.tell(running.job_id)

    async def _compute(self, running: Running, piece: Piece) -> tuple[bytes, float]:
        """Return the result of a part, and the seconds it took."""
        request = await routed(running, piece.request, self._computer, self._store)
        start = time.perf_counter()
        try:
            with watching() as seen, running.allowance.counting():
                result = await running.splitting.answer(request, self._computer.compute)
        finally:
            self._line.charge(running.owner, time.perf_counter() - start)
        self._limit(running)
        # What workers were busy for, where the service says it: waiting for one is no computing.
        seconds = time.perf_counter() - start if seen.origin is None else seen.seconds
        await self._estimates.learn(piece.request, seconds, seen)
        return result, seconds

    def _limit(self, running: Running) -> None:
        """See that a job in parts ends when its request's own deadline has passed."""
        if (left := running.allowance.left()) is None or running.total < 2:
            return
        running.stop_limit()
        running.limit = asyncio.get_running_loop().call_later(
            left, lambda: self._spawn(running, self._overrun(running))
        )

    # The result

    async def _complete(self, running: Running) -> None:
        """Put the parts together and record the result, or compute once more what was lost of them."""
        parts, lost = await self._results.collect(running)
        if lost:
            await self._again(running, lost)
            return
        try:
            complete = await self._results.make(running, parts)
        except BioXenException as error:
            await self._fail(running, error)
            return
        await self._end(running, complete)

    async def _again(self, running: Running, lost: Mapping[int, ComputationError]) -> None:
        """Compute parts once more whose results are lost; a disk that keeps losing them ends the job."""
        self._lost[running.job_id] += 1
        if self._lost[running.job_id] > TRIES:
            await self._fail(running, next(iter(lost.values())))
        elif self.running.get(running.job_id) is running:
            await self._store.write(jobs.forget_shards, running.job_id, list(lost))
            self.running.pop(running.job_id)
            running.stop_clocks()
            self._line.rejoin(running.owner, running.job_id, running.priority)

    # The end

    async def cancel(self, owner: str, job: Job) -> None:
        """Stop a job of which the store knows already that it is to be cancelled."""
        running = self.running.get(job.job_id)
        if running is not None:
            await self._end(running, lambda c: jobs.cancelled(c, job.job_id))
            return
        self._beginning.discard(job.job_id)
        self._line.leave(owner, job.job_id)
        if not job.ended:  # its request is being read, or it waits to be resumed
            with contextlib.suppress(JobStateError):
                await self._store.write(jobs.cancelled, job.job_id)

    async def _fail(self, running: Running, error: BioXenException) -> None:
        await self._end(running, failing(running.job_id, error))

    async def _expire(self, running: Running, deadline: float) -> None:
        await self._fail(
            running,
            ComputationTimeoutError(
                f"The job was stopped at its deadline of {deadline:g} s.",
                details={"place": "deadline", "remedy": "Give it more time, or ask for less."},
            ),
        )

    async def _overrun(self, running: Running) -> None:
        await self._fail(running, running.allowance.over(len(running.finished), running.total, "parts"))

    async def _end(self, running: Running, change: Change) -> None:
        """Record the end of a job and stop what is left of it. Only the first end counts."""
        if self.running.pop(running.job_id, None) is None:
            return
        self._line.step_out(running.owner, running.job_id)
        self._lost.pop(running.job_id, None)
        try:
            await self.endings.record(running.job_id, change)
        finally:
            self._line.leave(running.owner, running.job_id)
            running.stop(but=asyncio.current_task())
            self._news.tell(running.job_id)

    def _spawn(
        self, running: Running, life: Coroutine[Any, Any, None], part: int | None = None
    ) -> asyncio.Task[None]:
        name = name_of(running.job_id, part)
        task = asyncio.get_running_loop().create_task(lived(name, life, partial(self._fail, running)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
