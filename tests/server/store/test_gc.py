"""Making room: what is old goes, what is wanted stays, also beside a writer."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from bioxen.errors import JobNotFoundError
from bioxen.server.store import cells, jobs, snapshots
from bioxen.server.store.arrays import StoredArrays
from bioxen.server.store.cells import NewCell
from bioxen.server.store.gc import GRACE, Removed, collect
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.results import array_is_kept
from bioxen.server.store.store import Store
from bioxen.server.store.tables import jobs as table
from bioxen.server.store.tables import results

OLD = "2020-01-01T00:00:00.000000+00:00"


def aged(store: Store, digest: str) -> None:
    path = store.blobs._path(digest)
    os.utime(path, (0, 0))


def make(store: Store, job_id: str, content: bytes, *, done: bool = True) -> str:
    new = NewJob(
        job_id=job_id,
        owner_id="ada",
        process_code="metabolic_fba",
        request="{}",
        request_digest="d" * 64,
        parts_total=1,
    )
    digest = store.blobs.write(content)
    store.write_now(jobs.submit, new)
    store.write_now(jobs.begin, job_id)
    store.write_now(jobs.finish_shard, job_id, 0, digest, len(content), 1.0)
    if done:
        store.write_now(jobs.complete, job_id, digest, len(content), 0.0)
    return digest


def end_long_ago(store: Store, job_id: str) -> None:
    def change(connection: Connection) -> None:
        connection.execute(update(table).where(table.c.job_id == job_id).values(finished_at=OLD))

    store.write_now(change)


def test_results_go_before_records_and_shared_ones_stay(store: Store) -> None:
    shared, own, new = (
        make(store, "old", b"shared"),
        make(store, "own", b"own"),
        make(store, "new", b"shared"),
    )
    assert shared == new
    running = make(store, "running", b"half", done=False)
    for job_id in ("old", "own", "running"):
        end_long_ago(store, job_id)
    for digest in (shared, own, running):
        aged(store, digest)
    none = timedelta(0)
    assert collect(store, 30, 100_000, none) == Removed(
        jobs=0, emptied=2, texts=0, files=1, bytes=len(b"own")
    )
    assert set(store.blobs.digests()) == {shared, running}
    assert store.read_now(jobs.find, "ada", "own").result_digest is None
    assert store.read_now(jobs.find, "ada", "new").result_digest == shared
    assert store.read_now(jobs.find_shard, "ada", "running", 0) == running
    assert collect(store, 30, 365, none).jobs == 2
    with pytest.raises(JobNotFoundError):
        store.read_now(jobs.find, "ada", "own")
    assert store.read_now(jobs.find, "ada", "running").state == "running"


def test_files_that_nothing_mentions_go_when_they_are_old(store: Store) -> None:
    forgotten, fresh = store.blobs.write(b"forgotten"), store.blobs.write(b"fresh")
    aged(store, forgotten)
    removed = collect(store, 30, 365)
    assert (removed.files, removed.bytes) == (1, len(b"forgotten"))
    assert list(store.blobs.digests()) == [fresh]


def test_who_writes_an_old_content_again_keeps_it(store: Store) -> None:
    digest = store.blobs.write(b"again")
    aged(store, digest)
    assert store.blobs.write(b"again") == digest
    assert collect(store, 30, 365).files == 0
    assert store.blobs.read(digest) == b"again"
    assert store.blobs.remove_old(digest, time.time() - GRACE.total_seconds()) is None
    assert store.blobs.remove_old("0" * 64, time.time()) is None


def test_what_a_killed_writer_left_goes_too(store: Store, tmp_path: Path) -> None:
    digest = store.blobs.write(b"whole")
    left = store.blobs._path(digest).with_name(".aside-killed")
    left.write_bytes(b"ha")
    os.utime(left, (0, 0))
    collect(store, 30, 365)
    assert not left.exists()
    assert store.blobs.read(digest) == b"whole"


def test_arrays_go_by_their_own_age(store: Store) -> None:
    """No row refers to them: a job's result, or an answer in somebody's hands, names them."""
    arrays = StoredArrays(store)
    old, new, again = (arrays.keep(b"header", memoryview(numbers)) for numbers in (b"old", b"new", b"again"))

    def age(connection: Connection) -> None:
        for one in (old, again):
            connection.execute(update(results).where(results.c.digest == one.digest).values(created_at=OLD))

    store.write_now(age)
    for one in (old, new):
        aged(store, one.digest)
    assert arrays.keep(b"header", memoryview(b"again")) == again  # wanted once more
    removed = collect(store, 30, 365, timedelta(0))
    assert (removed.files, removed.bytes) == (1, old.size)
    assert [store.read_now(array_is_kept, one.digest) for one in (old, new, again)] == [False, True, True]
    assert store.blobs.read(new.digest) == b"headernew"


def test_documents_of_cells_go_with_the_last_that_refers_to_them(store: Store) -> None:
    def cell(vm_id: str, delta: str = "{}", living: str | None = None) -> NewCell:
        return NewCell(vm_id=vm_id, biological_type="ecoli", image="{}", delta=delta, living=living)

    new = [
        cell("kept", living='{"time":1}'),
        cell("gone", delta='{"seed":1}'),
        cell("old", delta='{"seed":2}'),
    ]
    store.write_now(cells.add, "ada", new)
    old = store.read_now(cells.find, "ada", "old")
    store.write_now(snapshots.take_snapshot, old, None)
    store.write_now(lambda connection: cells.change(connection, [old.cell_id], delta='{"seed":3}'))
    assert collect(store, 30, 365).texts == 0
    store.write_now(cells.remove, [store.read_now(cells.find, "ada", "gone").cell_id])
    assert collect(store, 30, 365).texts == 1
    assert store.read_now(snapshots.find_snapshot, old, 1).delta.seed == 2
    assert store.read_now(cells.find, "ada", "kept").living == '{"time":1}'
    store.write_now(cells.add, "ada", [cell("again", delta='{"seed":1}')])
    assert store.read_now(cells.find, "ada", "again").delta == '{"seed":1}'
