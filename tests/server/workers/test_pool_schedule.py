"""The schedule keeps its rules under every order of events."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bioxen.server.workers.actions import Action, Actions, Assign, Fail, Kill, Reason, Spawn
from bioxen.server.workers.schedule import (
    CONFINED_AT,
    HOPELESS_STARTS,
    KEPT_FREE,
    MAX_TRIES,
    PATIENCE,
    URGENT_IN_A_ROW,
    Job,
    Phase,
    Schedule,
)

SIZE, QUEUE_LIMIT, PROGRAMS = 3, 5, 2
A, B = ("engine", "a"), ("engine", "b")
KEYS = st.sampled_from([None, A, B, ("engine", "c"), ("engine", "d")])


class ScheduleMachine(RuleBasedStateMachine):
    """A pool in which anything may happen next; it keeps its own book of what must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule(size=SIZE, queue_limit=QUEUE_LIMIT, programs=PROGRAMS)
        self.last_job = 0
        self.open: set[int] = set()
        self.ended: set[int] = set()
        self.pure: dict[int, bool] = {}
        self.tries: Counter[int] = Counter()
        self.doing: dict[int, int] = {}
        self.alive: set[int] = set()
        self.starting: set[int] = set()
        self.obey(self.schedule.start())

    @property
    def waiting(self) -> list[Job]:
        return [*self.schedule.usual, *self.schedule.background]

    def obey(self, actions: Actions) -> None:
        for action in actions:
            self.obey_one(action)

    def obey_one(self, action: Action) -> None:
        if isinstance(action, Spawn):
            self.alive.add(action.worker)
            self.starting.add(action.worker)
        elif isinstance(action, Assign):
            assert action.worker in self.alive - self.starting
            assert action.worker not in self.doing
            assert action.job in self.open
            self.doing[action.worker] = action.job
            self.tries[action.job] += 1
            assert self.tries[action.job] <= (MAX_TRIES if self.pure[action.job] else 1)
        elif isinstance(action, Fail):
            self.end(action.job)
        else:
            assert isinstance(action, Kill)
            assert action.worker in self.alive

    def end(self, job: int) -> None:
        assert job in self.open
        self.open.remove(job)
        self.ended.add(job)

    @rule(key=KEYS, pure=st.booleans(), background=st.booleans())
    def submit(self, key: tuple[str, str] | None, pure: bool, background: bool) -> None:
        self.last_job += 1
        self.open.add(self.last_job)
        self.pure[self.last_job] = pure
        self.obey(self.schedule.submit(self.last_job, key, pure=pure, background=background))

    @precondition(lambda self: self.starting)
    @rule(data=st.data())
    def ready(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.starting)))
        self.starting.remove(worker)
        self.obey(self.schedule.ready(worker))

    @precondition(lambda self: self.doing)
    @rule(data=st.data(), retire=st.booleans())
    def finished(self, data: st.DataObject, retire: bool) -> None:
        worker = data.draw(st.sampled_from(sorted(self.doing)))
        job = self.doing.pop(worker)
        if job in self.open:  # else its answer crossed the order to kill it
            self.end(job)
        self.obey(self.schedule.finished(worker, 0.1, retire=retire))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def died(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.alive)))
        self.alive.remove(worker)
        self.starting.discard(worker)
        self.doing.pop(worker, None)
        self.obey(self.schedule.died(worker))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.alive)))
        self.obey(self.schedule.kill(worker))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.open)))
        self.end(job)
        self.obey(self.schedule.cancel(job))

    @invariant()
    def as_many_workers_as_wanted(self) -> None:
        assert set(self.schedule.workers) == self.alive
        assert len(self.alive) == SIZE

    @invariant()
    def no_job_is_lost_or_answered_twice(self) -> None:
        assert set(self.schedule.jobs) == self.open
        waiting = {job.id for job in self.waiting}
        running = {job for job in self.doing.values() if job in self.open}
        assert waiting | running == self.open
        assert not waiting & running

    @invariant()
    def nobody_idles_while_there_is_work(self) -> None:
        idle = [w for w in self.schedule.workers.values() if w.phase is Phase.IDLE]
        if idle:
            running = {self.schedule.jobs[job].key for job in self.doing.values() if job in self.open}
            for job in self.waiting:
                if job.background and not self.schedule.takes_background:
                    continue
                assert self.schedule.is_confined(job.key)
                assert job.key in running

    @invariant()
    def the_queue_is_bounded_and_patient(self) -> None:
        assert self.schedule.waiting <= QUEUE_LIMIT + SIZE  # retried jobs come on top
        assert all(job.overtaken <= PATIENCE for job in self.waiting)
        assert all(len(worker.warm) <= PROGRAMS for worker in self.schedule.workers.values())

    def teardown(self) -> None:
        self.obey(self.schedule.close())
        assert not self.open


TestScheduleMachine = ScheduleMachine.TestCase
TestScheduleMachine.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


def running_schedule(size: int = 2, queue_limit: int = 10) -> Schedule:
    schedule = Schedule(size=size, queue_limit=queue_limit, programs=PROGRAMS)
    for spawn in schedule.start():
        assert isinstance(spawn, Spawn)
        schedule.ready(spawn.worker)
    return schedule


def only(actions: Actions) -> Action:
    (action,) = actions
    return action


def test_a_job_goes_where_its_program_is_warm() -> None:
    schedule = running_schedule()
    assert only(schedule.submit(1, A, pure=True)) == Assign(1, 1)
    assert only(schedule.submit(2, B, pure=True)) == Assign(2, 2)
    schedule.finished(1, 0.1)
    schedule.finished(2, 0.1)
    assert only(schedule.submit(3, B, pure=True)) == Assign(3, 2)
    assert only(schedule.submit(4, A, pure=True)) == Assign(4, 1)


def test_a_cold_job_waits_only_so_long() -> None:
    schedule = running_schedule(size=1, queue_limit=100)
    schedule.submit(0, A, pure=True)
    schedule.submit(1, B, pure=True)
    for job in range(2, 30):
        schedule.submit(job, A, pure=True)
    order: list[int] = []
    while 1 not in order:
        action = only(schedule.finished(1, 0.1))
        assert isinstance(action, Assign)
        order.append(action.job)
    assert order == [*range(2, 2 + PATIENCE), 1]


def test_a_poisoned_program_is_confined_to_one_worker() -> None:
    schedule = running_schedule(size=2, queue_limit=100)
    job = 0
    while not schedule.is_confined(A):
        job += 1
        assign = next(a for a in schedule.submit(job, A, pure=False) if isinstance(a, Assign))
        spawn = next(a for a in schedule.died(assign.worker) if isinstance(a, Spawn))
        schedule.ready(spawn.worker)
    assert job == CONFINED_AT
    assert isinstance(only(schedule.submit(100, A, pure=True)), Assign)
    assert schedule.submit(101, A, pure=True) == []  # an idle worker is there, but not for this program
    assert isinstance(only(schedule.submit(102, B, pure=True)), Assign)


def test_a_confined_program_earns_its_freedom() -> None:
    schedule = running_schedule(size=2, queue_limit=100)
    for job in range(CONFINED_AT):
        assign = only(schedule.submit(job, A, pure=False))
        assert isinstance(assign, Assign)
        spawn = next(a for a in schedule.died(assign.worker) if isinstance(a, Spawn))
        schedule.ready(spawn.worker)
    assign = only(schedule.submit(10, A, pure=True))
    assert isinstance(assign, Assign)
    schedule.finished(assign.worker, 0.1)
    assert not schedule.is_confined(A)


def test_a_full_queue_says_when_to_come_back() -> None:
    schedule = running_schedule(size=1, queue_limit=1)
    schedule.submit(1, None, pure=True)
    schedule.submit(2, None, pure=True)
    assert only(schedule.submit(3, None, pure=True)) == Fail(3, Reason.OVERLOADED)
    assert schedule.retry_after > 0


def test_failing_starts_are_tried_again_ever_more_slowly() -> None:
    schedule = Schedule(size=1, queue_limit=10, programs=PROGRAMS)
    spawn = only(schedule.start())
    schedule.submit(1, None, pure=True)
    delays: list[float] = []
    failed: Actions = []
    for _ in range(12):
        assert isinstance(spawn, Spawn)
        delays.append(spawn.delay)
        spawn, *rest = schedule.died(spawn.worker)
        failed += rest
    assert delays == sorted(delays)
    assert delays[0] == 0 < delays[-1]
    assert failed == [Fail(1, Reason.UNAVAILABLE)]
    assert schedule.failed_starts >= HOPELESS_STARTS
    assert only(schedule.submit(2, None, pure=True)) == Fail(2, Reason.UNAVAILABLE)
    assert isinstance(spawn, Spawn)
    schedule.ready(spawn.worker)
    assert isinstance(only(schedule.submit(3, None, pure=True)), Assign)


def test_the_background_waits_but_not_for_ever() -> None:
    schedule = running_schedule(size=1, queue_limit=1000)
    schedule.submit(0, A, pure=True)
    for job in range(1, 4):
        schedule.submit(job, A, pure=True, background=True)
    for job in range(10, 50):
        schedule.submit(job, A, pure=True)
    order = []
    while schedule.jobs:
        order += [action.job for action in schedule.finished(1, 0.1) if isinstance(action, Assign)]
    assert [order.index(job) for job in range(1, 4)] == [
        URGENT_IN_A_ROW - 1,  # the first job that ran was an urgent one too
        2 * URGENT_IN_A_ROW,
        42,
    ]
    assert [job for job in order if job >= 10] == list(range(10, 50))


def test_one_worker_is_kept_free_for_whoever_asked_last() -> None:
    schedule = running_schedule(size=2, queue_limit=1000)
    for job in range(200):
        schedule.submit(job, A, pure=True, background=True)
    assert {w.job is not None for w in schedule.workers.values()} == {True}  # nobody asks: both work
    schedule.submit(1000, A, pure=True)
    first, second = schedule.workers.values()
    assert [a.job for a in schedule.finished(first.id, 0.1) if isinstance(a, Assign)] == [1000]
    assert schedule.finished(first.id, 0.001) == []
    assert isinstance(only(schedule.submit(1001, A, pure=True)), Assign)  # at once
    schedule.finished(first.id, 0.001)
    busy = second.id
    for _ in range(int(KEPT_FREE / 0.25) - 1):
        follows = only(schedule.finished(busy, 0.25))
        assert isinstance(follows, Assign)
        busy = follows.worker
    assert len(schedule.finished(busy, 0.25)) == 2  # that was long ago: both work again


def kept_free(size: int) -> tuple[Schedule, list[int]]:
    """Return a schedule with much in the background whose worker is kept free, and the busy workers."""
    schedule = running_schedule(size=size, queue_limit=1000)
    schedule.submit(0, A, pure=True)
    for job in range(1, 200):
        schedule.submit(job, A, pure=True, background=True)
    (free,) = (worker.id for worker in schedule.workers.values() if worker.job and worker.job.id == 0)
    assert schedule.finished(free, 0.001) == []
    return schedule, [worker.id for worker in schedule.workers.values() if worker.job is not None]


def test_a_worker_is_kept_free_for_no_longer_than_one_long_part() -> None:
    schedule, (busy,) = kept_free(2)
    assert len(schedule.finished(busy, 15.0)) == 2


def test_a_worker_is_kept_free_for_as_long_however_many_there_are() -> None:
    schedule, busy = kept_free(9)
    for _ in range(int(KEPT_FREE / 0.25) - 1):
        busy = [action.worker for worker in busy for action in schedule.finished(worker, 0.25)]  # type: ignore[union-attr]
        assert len(busy) == 8
    *most, last = busy
    assert all(len(schedule.finished(worker, 0.25)) == 1 for worker in most)
    assert len(schedule.finished(last, 0.25)) == 2


def test_parts_that_never_end_do_not_keep_a_worker_idle() -> None:
    schedule, (busy,) = kept_free(2)
    assert any(isinstance(action, Assign) for action in schedule.died(busy))
    schedule, (busy,) = kept_free(2)
    job = schedule.workers[busy].job
    assert job is not None
    assert any(isinstance(action, Assign) for action in schedule.cancel(job.id))
