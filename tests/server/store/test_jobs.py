"""Records of jobs: what was accepted is there, states only go forward, a key gives one job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import integers
from sqlalchemy import Connection, update
from tests.server.stores import SERVER, store_at

from bioxen.errors import JobNotFoundError, JobStateError
from bioxen.protocol.jobs import ENDED, NEXT, JobState
from bioxen.server.store import jobs
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.owners import add_owner
from bioxen.server.store.store import Store
from bioxen.server.store.tables import jobs as table


def new(
    job_id: str, *, key: str | None = None, owner: str = "ada", parts: int = 3, request: str = "{}"
) -> NewJob:
    return NewJob(
        job_id=job_id,
        owner_id=owner,
        process_code="metabolic_batch",
        request=request,
        request_digest=request,
        parts_total=parts,
        idempotency_key=key,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = store_at(tmp_path).open()
    for owner in ("ada", "bob"):
        store.write_now(add_owner, owner)
    yield store
    store.close()


def test_a_job_goes_from_queued_to_done_and_survives_the_process(tmp_path: Path) -> None:
    store = store_at(tmp_path).open()
    store.write_now(add_owner, "ada")

    def life(connection: Connection) -> None:
        jobs.submit(connection, new("j1"))
        assert jobs.begin(connection, "j1").finished == {}
        jobs.finish_shard(connection, "j1", 2, "d2", 10, 0.5)
        assert jobs.find(connection, "ada", "j1").parts_done == 1

    store.write_now(life)
    store.close()
    again = store_at(tmp_path).open()
    assert [work.job_id for work in again.read_now(jobs.waiting)] == ["j1"]
    assert again.write_now(jobs.begin, "j1").finished == {2: "d2"}
    again.write_now(jobs.complete, "j1", "whole", 20, 0.25)
    job = again.read_now(jobs.find, "ada", "j1")
    assert (job.state, job.attempts, job.parts_done, job.seconds) == ("done", 2, 3, 0.75)
    assert job.result_digest == "whole" and job.ended
    assert again.read_now(jobs.waiting) == []
    again.close()


def test_the_same_key_gives_the_same_job(store: Store) -> None:
    first = store.write_now(jobs.submit, new("j1", key="k"))
    again = store.write_now(jobs.submit, new("j2", key="k"))
    assert again == first
    other = store.write_now(jobs.submit, new("j3", key="k", owner="bob"))
    assert other.job_id == "j3"
    with pytest.raises(JobStateError, match="used for another request"):
        store.write_now(jobs.submit, new("j4", key="k", request="[]"))


def test_one_owner_does_not_see_anothers_jobs(store: Store) -> None:
    store.write_now(jobs.submit, new("j1"))
    with pytest.raises(JobNotFoundError):
        store.read_now(jobs.find, "bob", "j1")
    with pytest.raises(JobNotFoundError):
        store.write_now(jobs.ask_to_cancel, "bob", "j1")
    assert store.read_now(jobs.page, "bob").jobs == []


def test_a_cancelled_job_takes_no_more_parts(store: Store) -> None:
    store.write_now(jobs.submit, new("j1"))
    store.write_now(jobs.begin, "j1")
    assert store.write_now(jobs.ask_to_cancel, "ada", "j1").cancel_asked
    store.write_now(jobs.cancelled, "j1")
    with pytest.raises(JobStateError, match="is cancelled"):
        store.write_now(jobs.finish_shard, "j1", 0, "d", 1, 0.1)
    assert store.write_now(jobs.ask_to_cancel, "ada", "j1").state == "cancelled"
    assert store.read_now(jobs.find, "ada", "j1").parts_done == 0


def test_pages_give_every_job_once(store: Store) -> None:
    for number in range(7):
        store.write_now(jobs.submit, new(f"j{number}"))
    seen, after = [], None
    while True:
        page = store.read_now(jobs.page, "ada", after=after, limit=3)
        seen += [job.job_id for job in page.jobs]
        after = page.next
        if after is None:
            break
    assert seen == [f"j{number}" for number in reversed(range(7))]


def beat_long_ago(connection: Connection) -> None:
    connection.execute(update(table).values(heartbeat_at="2020-01-01T00:00:00.000000+00:00"))


def test_a_job_whose_server_fell_silent_is_unknown_until_it_is_taken_over(store: Store) -> None:
    store.write_now(jobs.submit, new("j1"))
    store.write_now(jobs.begin, "j1")
    store.write_now(jobs.submit, new("j2"))
    store.write_now(beat_long_ago)
    job = store.read_now(jobs.find, "ada", "j1")
    assert (job.state, job.ended, job.error) == ("unknown", False, None)
    assert [one.job_id for one in store.read_now(lambda c: jobs.page(c, "ada", state="unknown")).jobs] == [
        "j1"
    ]
    assert store.read_now(lambda c: jobs.page(c, "ada", state="running")).jobs == []
    assert store.read_now(jobs.state_counts)["unknown"] == 1
    assert [work.job_id for work in store.read_now(jobs.waiting)] == ["j1", "j2"]
    store.write_now(jobs.beat)
    assert store.read_now(jobs.find, "ada", "j1").state == "running"
    assert store.read_now(jobs.find, "ada", "j2").state == "queued"


def test_a_job_whose_result_is_lost_is_unknown_and_has_ended(store: Store) -> None:
    for job_id in ("j1", "j2"):
        store.write_now(jobs.submit, new(job_id))
        store.write_now(jobs.begin, job_id)
        store.write_now(jobs.complete, job_id, f"digest of {job_id}", 10, 0.1)
    store.write_now(jobs.lose, "digest of j1", {"code": "BX018", "detail": "It is missing."})
    job = store.read_now(jobs.find, "ada", "j1")
    assert (job.state, job.ended) == ("unknown", True)
    assert job.error is not None and job.error["detail"] == "It is missing."
    assert store.read_now(jobs.find, "ada", "j2").state == "done"
    store.write_now(jobs.regain, "digest of j1")
    again = store.read_now(jobs.find, "ada", "j1")
    assert (again.state, again.error) == ("done", None)


def test_a_part_counts_once_however_often_it_is_recorded(store: Store) -> None:
    store.write_now(jobs.submit, new("j1"))
    store.write_now(jobs.begin, "j1")
    for _ in range(2):
        store.write_now(jobs.finish_shard, "j1", 0, "d", 1, 0.5)
        assert store.read_now(jobs.find, "ada", "j1").parts_done == 1
    store.write_now(jobs.forget_shards, "j1", [0, 1])
    job = store.read_now(jobs.find, "ada", "j1")
    assert (job.parts_done, job.seconds) == (0, 0.5)


class Life(RuleBasedStateMachine):
    """Any order of events: no state ever goes backwards, and the record agrees with a plain model of it."""

    ids = Bundle("ids")

    @initialize()
    def open(self) -> None:
        self.folder = TemporaryDirectory()
        folder = Path(self.folder.name)
        self.store = (store_at(folder) if SERVER else Store("sqlite:///:memory:", folder)).open()
        self.store.write_now(add_owner, "ada")
        self.states: dict[str, JobState] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule(target=ids)
    def submit(self) -> str:
        job_id = f"j{len(self.states)}"
        self.store.write_now(jobs.submit, new(job_id))
        self.states[job_id] = "queued"
        return job_id

    def _try(self, job_id: str, state: JobState, change: object) -> None:
        allowed = state in NEXT[self.states[job_id]] or (state == self.states[job_id] == "running")
        try:
            self.store.write_now(change)  # type: ignore[arg-type]
        except JobStateError:
            assert not allowed
        else:
            assert allowed
            self.states[job_id] = state

    @rule(job_id=ids)
    def begin(self, job_id: str) -> None:
        self._try(job_id, "running", lambda c: jobs.begin(c, job_id))

    @rule(job_id=ids)
    def complete(self, job_id: str) -> None:
        self._try(job_id, "done", lambda c: jobs.complete(c, job_id, "d", 1, 0.0))

    @rule(job_id=ids)
    def fail(self, job_id: str) -> None:
        self._try(job_id, "failed", lambda c: jobs.fail(c, job_id, {"code": "BX018"}))

    @rule(job_id=ids)
    def stop(self, job_id: str) -> None:
        self._try(job_id, "cancelled", lambda c: jobs.cancelled(c, job_id))

    @rule(job_id=ids, number=integers(0, 2))
    def shard(self, job_id: str, number: int) -> None:
        def change(connection: Connection) -> None:
            jobs.finish_shard(connection, job_id, number, f"d{number}", 1, 0.1)

        before = self.store.read_now(jobs.find, "ada", job_id).parts_done
        try:
            self.store.write_now(change)
        except Exception:  # a part twice, or of a job that does not run
            after = self.store.read_now(jobs.find, "ada", job_id).parts_done
            assert after == before

    @invariant()
    def records_agree(self) -> None:
        if not hasattr(self, "states"):
            return
        open_jobs = {work.job_id for work in self.store.read_now(jobs.waiting)}
        for job_id, state in self.states.items():
            assert self.store.read_now(jobs.find, "ada", job_id).state == state
            assert (job_id in open_jobs) == (state not in ENDED)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25 if SERVER is None else 5, stateful_step_count=25, deadline=None)
