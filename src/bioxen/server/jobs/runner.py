"""Runs jobs: a few parts at a time, each recorded when it is finished, so that none is computed twice.

What the store says is the truth. This object holds only what is in work; when the process dies, the next one
reads from the store what is not finished and goes on from there.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from bioxen.protocol.jobs import Job
from bioxen.protocol.quotas import Quotas
from bioxen.server.admission.estimator import Estimator
from bioxen.server.jobs import patience
from bioxen.server.jobs.calls import CellCalls
from bioxen.server.jobs.estimates import Estimates
from bioxen.server.jobs.limits import Limits, turn_of
from bioxen.server.jobs.line import Line
from bioxen.server.jobs.news import News
from bioxen.server.jobs.work import Work
from bioxen.server.orchestrator.computation import Computer
from bioxen.server.standing import StandingTasks
from bioxen.server.store import jobs
from bioxen.server.store.cell_quotas import CellGate
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.owners import LOCAL, add_owner
from bioxen.server.store.quotas import Gate
from bioxen.server.store.store import Store

BEAT = 10.0
"""Seconds between two words of a server about the jobs it works on; see `jobs.SILENT`."""


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
        cells: what each cell may have.
    """

    def __init__(
        self,
        store: Store,
        computer: Computer,
        slots: int,
        quotas: Quotas | None = None,
        calls: CellCalls | None = None,
        estimator: Estimator | None = None,
        cells: CellGate | None = None,
    ) -> None:
        self.quotas = quotas or Quotas()
        self.estimator = estimator or Estimator()
        self.news = News()
        self._store = store
        self.cells = cells or CellGate()
        self._gate = Gate(self.quotas, self.cells)
        self._limits = Limits(store, self.quotas)
        self._estimates = Estimates(self.estimator)
        self._line = Line()
        self._work = Work(store, computer, self._line, self._estimates, self.news, calls)
        self.slots, self._busy = slots, 0
        self._standing = StandingTasks()
        self._failing: str | None = None
        """Why no part could be started the last time that one was to be."""

    async def start(self) -> None:
        """Take up every job that is not finished."""
        await self._store.write(add_owner, LOCAL)
        await self._store.write(jobs.beat)  # they are this server's from now on
        waiting = await self._store.read(jobs.waiting)
        for job in sorted(waiting, key=lambda one: not one.begun):  # a cell's job that began goes on first
            self._line.join(job.owner_id, job.job_id, job.priority, turn_of(job, self.cells))
            if job.begun:
                self._line.take_turn(job.job_id)
        self._standing.start("starts jobs", self._give_out())
        self._standing.start("says that jobs are worked on", self._beat())

    async def close(self) -> None:
        """Stop what runs; the next server goes on with it."""
        await self._standing.stop()
        await self._work.stop()

    @property
    def trouble(self) -> str | None:
        """What is wrong with this server's own work; `None` where jobs can run."""
        return self._standing.trouble or self._failing or self._work.endings.trouble

    async def submit(self, new: NewJob) -> Job:
        """Accept a job: when this returns it is on the disk.

        Raises:
            ResourceExhaustionError: it needs more memory than there is.
            JobStateError: its key was used for another request.
            OverloadError, ResourceExhaustionError: a quota of its owner, or of a cell, is used up.
        """
        job = await self._store.write(jobs.submit, new, self._gate.admit)
        if job.job_id == new.job_id:
            self._line.join(new.owner_id, new.job_id, new.priority, turn_of(new, self.cells))
            self._estimates.keep(job.job_id, new.estimate)
        return self.with_estimate(job)

    def with_estimate(self, job: Job) -> Job:
        """Return `job` with what it was expected to take, where that is known."""
        return self._estimates.add_to(job)

    def tells(self, job_id: str) -> bool:
        """Return whether a part of the job has told how far it is."""
        running = self._work.running.get(job_id)
        return running is not None and bool(running.told)

    async def look(self, owner: str, job_id: str) -> tuple[Job, set[int]]:
        """Return a job as it stands, with how far its parts are, and the numbers of those that are finished.

        What is under way is looked at before the record: a part that ends in between is finished, not gone.

        Raises:
            JobNotFoundError: the owner has none of that id.
        """
        running = self._work.running.get(job_id)
        told = [] if running is None else [running.told[number] for number in sorted(running.told)]
        job, finished = await self._store.read(jobs.progress, owner, job_id)
        if job.state == "running":
            under_way = [part for part in told if part.part not in finished]
            job = job.model_copy(update={"under_way": under_way})
        return self.with_estimate(job), finished

    def limit_cell(self, owner: str, vm_id: str, own: str | None) -> None:
        """Take in the quotas that a cell was given."""
        self._line.limit_cell(owner, vm_id, self.cells.quotas(own).running_jobs)

    async def cancel(self, owner: str, job_id: str) -> Job:
        """Stop a job.

        Raises:
            JobNotFoundError: the owner has none of that id.
        """
        await self._work.cancel(owner, await self._store.write(jobs.ask_to_cancel, owner, job_id))
        self.news.tell(job_id)
        return await self._store.read(jobs.find, owner, job_id)

    @property
    def parts_running(self) -> int:
        """Parts under way."""
        return self._busy

    async def _give_out(self) -> None:
        """Start parts for as long as slots are free, then wait until something moves."""
        while True:
            self._line.look()
            try:
                while self._busy < self.slots and (first := await self._next()) is not None:
                    await self._start_part(*first)
            except Exception as error:  # without this task no job would ever start again
                self._failing = None if patience.log_trouble(error) else f"No job can be started: {error!r}."
                await asyncio.sleep(patience.PATIENCE)
                continue
            self._failing = None
            await self._line.moved()

    async def _next(self) -> tuple[str, str] | None:
        """Return the owner and the job of which a part should start."""
        running = self._work.running
        full = await self._limits.reached(Counter(one.owner for one in running.values()))
        return self._line.first(full, running)

    async def _start_part(self, owner: str, job_id: str) -> None:
        if not self._line.take_turn(job_id):
            self._line.step_out(owner, job_id)
            return
        running = self._work.running.get(job_id) or await self._work.begin(owner, job_id)
        if running is None:
            self._line.leave(owner, job_id)
            return
        piece = running.next_piece()
        if piece is None:
            self._line.step_out(owner, job_id)
            return
        self._busy += 1
        self._work.start(running, *piece).add_done_callback(self._part_left)

    def _part_left(self, _: asyncio.Task[None]) -> None:
        self._busy -= 1
        self._line.nudge()

    async def _beat(self) -> None:
        """Say again and again that the jobs that run are being worked on, as long as that is so."""
        while True:
            await asyncio.sleep(BEAT)
            if self._standing.trouble is not None:
                continue
            try:
                await self._store.write(jobs.beat)
            except Exception as error:  # the next word may get through
                patience.log_trouble(error)
