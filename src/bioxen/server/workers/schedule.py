"""Which worker computes which job: a state machine without clock, sockets or processes.

Each public method is an event; it changes the state and returns the actions that follow from it. The pool
tells what happened and does what it is told. A worker's life::

    Spawn → starting → ready → idle ⇄ busy → (Kill → dying) → died → Spawn of the next

Rules that hold after every event (the property test checks them):

- at most `size` workers exist, at most one job runs on each, and each job ends exactly once;
- no worker is idle while a job waits that may run, but for the one that is kept free;
- after a job of the usual line, one worker of several is kept free of the background until the others have
  spent `KEPT_FREE` seconds each on jobs of the background that ended: who asked for that one may ask again,
  and would wait for a long job's end. So it is free for about so long, or until one job that is longer ends;
- a job whose worker died is tried once more if it is pure, and never a third time;
- a job that waits is overtaken by jobs of its line with a warm program at most `PATIENCE` times;
- jobs in the background wait in a line of their own: of those that wait in both, `URGENT_IN_A_ROW` of the
  usual line are taken and then one of the background's;
- a program under which workers keep dying is *confined*: one worker at a time computes on it, so that it
  cannot take the others out, while jobs on it that do no harm are still answered.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count, islice

from bioxen.server.workers.actions import Actions, Assign, Fail, Kill, Reason, Spawn

MAX_TRIES = 2
PATIENCE = 8
URGENT_IN_A_ROW = 16
KEPT_FREE = 2.0
"""Seconds; whoever works by hand or in a loop asks again before that."""
LOOKAHEAD = 32
"""How many waiting jobs are searched for one with a warm program."""
CONFINED_AT, STRIKES_MAX, STRIKES_KEPT = 3, 12, 1024
HOPELESS_STARTS = 3
"""Failed starts in a row after which, with no worker alive, jobs are refused rather than kept waiting."""
BACKOFF_FIRST, BACKOFF_MAX = 0.05, 5.0

ProgramKey = tuple[str, str]
"""Engine and digest of a compiled program."""


class Phase(Enum):
    """Where a worker is in its life."""

    STARTING = auto()
    IDLE = auto()
    BUSY = auto()
    DYING = auto()


@dataclass(slots=True)
class Job:
    """A job that waits or runs."""

    id: int
    key: ProgramKey | None
    pure: bool
    background: bool = False
    tries: int = 0
    overtaken: int = 0
    worker: int | None = None


@dataclass(slots=True)
class Worker:
    """A worker, and the programs it keeps warm, oldest first."""

    id: int
    phase: Phase = Phase.STARTING
    started: bool = False
    job: Job | None = None
    warm: OrderedDict[ProgramKey, None] = field(default_factory=OrderedDict)


class Schedule:
    """The state of a pool.

    Args:
        size: number of workers wanted.
        queue_limit: number of jobs that may wait.
        programs: number of programs a worker keeps warm; the schedule mirrors their eviction.
    """

    def __init__(self, *, size: int, queue_limit: int, programs: int) -> None:
        self.size, self.queue_limit, self.programs = size, queue_limit, programs
        self.jobs: dict[int, Job] = {}
        self.workers: dict[int, Worker] = {}
        self.usual: deque[Job] = deque()
        self.background: deque[Job] = deque()
        self._urgent_in_a_row = 0
        self._kept_free = 0.0
        """Seconds of computing in the background until the worker that is kept free is given back."""
        self.replaced = 0
        self.failed_starts = 0
        self._idle: OrderedDict[int, Worker] = OrderedDict()
        self._strikes: OrderedDict[ProgramKey, int] = OrderedDict()
        self._vain_deaths = 0
        self._mean_seconds = 0.1
        self._closed = False
        self._worker_ids = count(1)

    # Events

    def start(self) -> Actions:
        """The pool starts."""
        return [self._spawn(0.0) for _ in range(self.size)]

    def submit(self, job: int, key: ProgramKey | None, *, pure: bool, background: bool = False) -> Actions:
        """A job came in; `key` names the program it needs."""
        if self._closed or self.hopeless:
            return [Fail(job, Reason.UNAVAILABLE)]
        entry = self.jobs[job] = Job(job, key, pure, background)
        if not background:
            self._kept_free = KEPT_FREE * (self.size - 1)
        line = self._line(entry)
        line.append(entry)
        actions = self._dispatch()
        if entry.worker is None and self.waiting > self.queue_limit:
            line.pop()
            actions.append(self._fail(entry, Reason.OVERLOADED))
        return actions

    def ready(self, worker: int) -> Actions:
        """A worker that was starting can compute."""
        state = self.workers[worker]
        if state.phase is not Phase.STARTING:
            return []
        self.failed_starts = 0
        state.started = True
        self._to_idle(state)
        return self._dispatch()

    def finished(self, worker: int, seconds: float, *, retire: bool = False) -> Actions:
        """A busy worker answered its job after `seconds`; with `retire` it is to be replaced."""
        state = self.workers[worker]
        if state.job is None:
            return []
        self._mean_seconds += 0.1 * (seconds - self._mean_seconds)
        self._vain_deaths = 0
        if state.job.background:
            self._kept_free = max(0.0, self._kept_free - seconds)
        self._acquit(state.job.key)
        del self.jobs[state.job.id]
        state.job = None
        if retire:
            return [*self.kill(worker), *self._dispatch()]
        if state.phase is Phase.BUSY:  # else the answer came while the worker was being killed
            self._to_idle(state)
        return self._dispatch()

    def cancel(self, job: int) -> Actions:
        """Nobody waits for the job any more: its caller left, or its deadline or memory limit passed."""
        entry = self.jobs.pop(job, None)
        if entry is None:
            return []
        if entry.worker is None:
            self._line(entry).remove(entry)
            return []
        self.workers[entry.worker].job = None
        self._note_stop(entry)
        return [*self.kill(entry.worker), *self._dispatch()]

    def kill(self, worker: int) -> Actions:
        """A worker is of no use: it hangs at its start, or does not keep to the protocol."""
        state = self.workers.get(worker)
        if state is None or state.phase is Phase.DYING:
            return []
        self._idle.pop(worker, None)
        state.phase = Phase.DYING
        return [Kill(worker)]

    def died(self, worker: int) -> Actions:
        """A worker is gone, whoever killed it."""
        state = self.workers.pop(worker)
        self._idle.pop(worker, None)
        if self._closed:
            return []
        actions = self._mourn(state)
        if state.job is not None:
            self._note_stop(state.job)
            actions += self._retry(state.job)
        return [*actions, *self._dispatch()]

    def close(self) -> Actions:
        """The pool closes: no job is kept. The workers die with the pool's zygote."""
        self._closed = True
        self._clear()
        return [self._fail(job, Reason.UNAVAILABLE) for job in list(self.jobs.values())]

    # Questions

    @property
    def waiting(self) -> int:
        """Number of jobs that wait."""
        return len(self.usual) + len(self.background)

    @property
    def ready_workers(self) -> int:
        """Number of workers that compute or could."""
        return len(self._idle) + self.busy_workers

    @property
    def busy_workers(self) -> int:
        """Number of workers that compute."""
        return sum(w.phase is Phase.BUSY for w in self.workers.values())

    @property
    def takes_background(self) -> bool:
        """Whether one more worker may take a job of the background."""
        if not self._kept_free:
            return True
        taken = sum(w.job is not None and w.job.background for w in self.workers.values())
        return taken < self.size - 1

    @property
    def hopeless(self) -> bool:
        """Whether no worker is alive and the last starts all failed."""
        return self.failed_starts >= HOPELESS_STARTS and self.ready_workers == 0

    @property
    def retry_after(self) -> float:
        """Seconds until the queue has probably moved on: the mean time of recent jobs tells."""
        return round(max(0.05, self._mean_seconds * (self.waiting + 1) / self.size), 3)

    # Choosing

    def _dispatch(self) -> Actions:
        actions: Actions = []
        while self._idle and (job := self._next_job()) is not None:
            self._line(job).remove(job)
            self._urgent_in_a_row = 0 if job.background else self._urgent_in_a_row + 1
            actions.append(self._assign(job, self._worker_for(job.key)))
        return actions

    def _next_job(self) -> Job | None:
        """Return the job that comes first, if any that waits may run."""
        lines = [self.usual, self.background] if self.takes_background else [self.usual]
        if self._urgent_in_a_row >= URGENT_IN_A_ROW:
            lines.reverse()
        return next(filter(None, map(self._first_of, lines)), None)

    def _first_of(self, line: deque[Job]) -> Job | None:
        """Return the first job whose program an idle worker has warm, unless one before it lost patience."""
        overtaken: list[Job] = []
        for job in islice(self._runnable(line), LOOKAHEAD):
            if job.overtaken >= PATIENCE:
                return job
            if job.key is not None and any(job.key in worker.warm for worker in self._idle.values()):
                for other in overtaken:
                    other.overtaken += 1
                return job
            overtaken.append(job)
        return overtaken[0] if overtaken else None

    def _runnable(self, line: deque[Job]) -> Iterator[Job]:
        if not self._strikes:
            return iter(line)
        running = {w.job.key for w in self.workers.values() if w.job is not None}
        return (job for job in line if not (job.key in running and self.is_confined(job.key)))

    def is_confined(self, key: ProgramKey | None) -> bool:
        """Return whether one worker at a time may compute on the program."""
        return key is not None and self._strikes.get(key, 0) >= CONFINED_AT

    def _worker_for(self, key: ProgramKey | None) -> Worker:
        """Return an idle worker with the program warm, else the one with the fewest programs to lose."""
        idle = self._idle.values()
        warm = next((w for w in idle if key in w.warm), None) if key is not None else None
        return warm or min(idle, key=lambda w: len(w.warm))

    # Changing

    def _line(self, job: Job) -> deque[Job]:
        return self.background if job.background else self.usual

    def _clear(self) -> None:
        self.usual.clear()
        self.background.clear()

    def _spawn(self, delay: float) -> Spawn:
        worker = Worker(next(self._worker_ids))
        self.workers[worker.id] = worker
        return Spawn(worker.id, delay)

    def _assign(self, job: Job, worker: Worker) -> Assign:
        del self._idle[worker.id]
        worker.phase, worker.job, job.worker = Phase.BUSY, job, worker.id
        job.tries += 1
        if job.key is not None:
            worker.warm[job.key] = None
            worker.warm.move_to_end(job.key)
            if len(worker.warm) > self.programs:
                worker.warm.popitem(last=False)
        return Assign(job.id, worker.id)

    def _to_idle(self, worker: Worker) -> None:
        worker.phase = Phase.IDLE
        self._idle[worker.id] = worker

    def _fail(self, job: Job, reason: Reason) -> Fail:
        del self.jobs[job.id]
        return Fail(job.id, reason)

    def _mourn(self, worker: Worker) -> Actions:
        """Replace a dead worker; wait longer each time when workers die without having been of use."""
        self.replaced += 1
        self.failed_starts += not worker.started
        self._vain_deaths += not worker.started or worker.phase is Phase.IDLE
        actions: Actions = [self._spawn(self._backoff())]
        if self.hopeless:
            actions += [self._fail(job, Reason.UNAVAILABLE) for job in (*self.usual, *self.background)]
            self._clear()
        return actions

    def _backoff(self) -> float:
        excess = self._vain_deaths - self.size
        return 0.0 if excess <= 0 else min(BACKOFF_MAX, BACKOFF_FIRST * 2.0 ** min(excess, 16))

    def _note_stop(self, job: Job) -> None:
        """Give the worker back that is kept free: nothing tells how long a job ran that did not end."""
        if job.background:
            self._kept_free = 0.0

    def _retry(self, job: Job) -> Actions:
        self._accuse(job.key)
        if job.tries >= MAX_TRIES or not job.pure:
            return [self._fail(job, Reason.CRASHED)]
        job.worker, job.overtaken = None, PATIENCE
        self._line(job).appendleft(job)
        return []

    def _accuse(self, key: ProgramKey | None) -> None:
        if key is None:
            return
        self._strikes[key] = min(STRIKES_MAX, self._strikes.pop(key, 0) + 1)
        if len(self._strikes) > STRIKES_KEPT:
            self._strikes.popitem(last=False)

    def _acquit(self, key: ProgramKey | None) -> None:
        strikes = self._strikes.get(key, 0) if key is not None else 0
        if key is None or strikes == 0:
            return
        if strikes == 1:
            del self._strikes[key]
        else:
            self._strikes[key] = strikes - 1
