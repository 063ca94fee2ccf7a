"""Quotas: what is used is added up from the records, and the quota that is used up is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.stores import store_at

from bioxen.errors import OverloadError, ResourceExhaustionError, ValidationError
from bioxen.protocol.jobs import Estimate
from bioxen.protocol.quotas import Quotas
from bioxen.server.store import jobs, quotas
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.owners import add_owner
from bioxen.server.store.quotas import Gate, quotas_of, set_quotas, usage_of
from bioxen.server.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = store_at(tmp_path).open()
    for owner in ("ada", "bob"):
        store.write_now(add_owner, owner)
    yield store
    store.close()


def submit(
    store: Store,
    gate: Gate,
    job_id: str,
    owner: str = "ada",
    key: str | None = None,
    estimate: Estimate | None = None,
) -> None:
    new = NewJob(
        job_id=job_id,
        owner_id=owner,
        process_code="metabolic_fba",
        request="{}",
        request_digest="d" * 64,
        parts_total=1,
        idempotency_key=key,
        estimate=estimate,
    )
    store.write_now(jobs.submit, new, gate.admit)


def finish(store: Store, job_id: str, digest: str, size: int, seconds: float) -> None:
    store.write_now(jobs.begin, job_id)
    store.write_now(jobs.finish_shard, job_id, 0, digest, size, seconds)
    store.write_now(jobs.complete, job_id, digest, size, 0.0)


def test_what_the_store_says_of_an_owner_goes_before_the_servers_own(store: Store) -> None:
    defaults = Quotas(running_jobs=3)
    store.write_now(set_quotas, "ada", {"running_jobs": 5})
    store.write_now(set_quotas, "ada", {"stored_bytes": None})
    assert store.read_now(quotas_of, "ada", defaults) == Quotas(running_jobs=5, stored_bytes=None)
    assert store.read_now(quotas_of, "bob", defaults) == defaults
    store.write_now(set_quotas, "ada", {"cpu_seconds": 1.5}, True)
    assert store.read_now(quotas_of, "ada", defaults) == Quotas(running_jobs=3, cpu_seconds=1.5)
    for wrong in ({"running_jobs": 0}, {"running_jobs": "8"}, {"wishes": 3}):
        with pytest.raises(ValidationError):
            store.write_now(set_quotas, "ada", wrong)


def test_a_full_queue_refuses_its_owner_and_nobody_else(store: Store) -> None:
    gate = Gate(Quotas(queued_jobs=2))
    submit(store, gate, "a", key="first")
    submit(store, gate, "b")
    with pytest.raises(OverloadError, match="ada has 2 jobs that have not ended, of 2") as refused:
        submit(store, gate, "c")
    assert refused.value.details["quota"] == "queued_jobs"
    assert refused.value.details["used"] == refused.value.details["limit"] == 2
    assert refused.value.details["retry_after"] > 0
    submit(store, gate, "d", key="first")  # the job is there already
    submit(store, gate, "e", owner="bob")
    finish(store, "a", "1" * 64, 10, 1.0)
    submit(store, gate, "c")


def test_bytes_are_counted_once_and_refuse_when_used_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "REMEMBERED", -1.0)
    gate = Gate(Quotas(stored_bytes=150))
    for job_id, digest in (("a", "1"), ("b", "1"), ("c", "2")):
        submit(store, gate, job_id)
        finish(store, job_id, digest * 64, 100, 2.5)
        if job_id == "b":
            assert store.read_now(usage_of, "ada").stored_bytes == 100
    usage = store.read_now(usage_of, "ada")
    assert usage.model_dump() == {
        "running_jobs": 0,
        "queued_jobs": 0,
        "stored_bytes": 200,
        "cpu_seconds": 7.5,
    }
    with pytest.raises(ResourceExhaustionError, match="take 200 bytes, of 150") as refused:
        submit(store, gate, "d")
    assert refused.value.details["quota"] == "stored_bytes"


def test_computing_time_of_a_day_refuses_when_used_up(store: Store) -> None:
    gate = Gate(Quotas(cpu_seconds=5.0))
    submit(store, gate, "a")
    finish(store, "a", "1" * 64, 1, 6.0)
    gate = Gate(Quotas(cpu_seconds=5.0))
    with pytest.raises(ResourceExhaustionError, match="computed for 6 s") as refused:
        submit(store, gate, "b")
    assert 86_000 < refused.value.details["retry_after"] <= 86_400
    submit(store, gate, "b", owner="bob")


def test_a_job_that_was_measured_to_go_beyond_the_day_is_refused(store: Store) -> None:
    gate = Gate(Quotas(cpu_seconds=5.0))
    submit(store, gate, "a", estimate=Estimate(seconds=4.0, memory_bytes=1, basis="measured"))
    finish(store, "a", "1" * 64, 1, 2.0)
    gate = Gate(Quotas(cpu_seconds=5.0))
    submit(store, gate, "b", estimate=Estimate(seconds=2.9, memory_bytes=1, basis="measured"))
    submit(store, gate, "c", estimate=Estimate(seconds=1e9, memory_bytes=1, basis="assumed"))
    with pytest.raises(ResourceExhaustionError, match=r"estimated to compute for 3\.1 s") as refused:
        submit(store, gate, "d", estimate=Estimate(seconds=3.1, memory_bytes=1, basis="measured"))
    details = refused.value.details
    assert (details["quota"], details["estimate"], details["used"], details["limit"]) == (
        "cpu_seconds",
        3.1,
        2.0,
        5.0,
    )
