"""Stores that earlier versions wrote, as `tools.archive_store` kept them: all in them is read."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select
from tests.vm.doubles import FakeServices

from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import TimeCourseRequest
from bioxen.protocol.metabolic import MetabolicResult
from bioxen.protocol.quotas import Quotas
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.jobs.beginning import read_job
from bioxen.server.store import database, history, jobs, models
from bioxen.server.store.cell_quotas import CellGate
from bioxen.server.store.cell_usage import usage_of_cell
from bioxen.server.store.cells import find
from bioxen.server.store.database import MIGRATIONS
from bioxen.server.store.lineage import lineage
from bioxen.server.store.owners import LOCAL
from bioxen.server.store.quotas import quotas_of
from bioxen.server.store.snapshots import list_snapshots, take_snapshot
from bioxen.server.store.store import Store
from bioxen.server.store.tables import metadata, spent
from bioxen.server.store.tokens import list_tokens

ARCHIVE = Path(__file__).with_name("archive")
OF_A_MODEL = TimeCourseRequest(process_code="kinetic_ode", model="gone")
SCHEMAS = sorted(path.name.partition(".")[0] for path in ARCHIVE.iterdir())


@pytest.fixture(params=SCHEMAS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with tarfile.open(ARCHIVE / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    store = Store.at(tmp_path).open()
    yield store
    store.close()


def test_every_schema_but_the_newest_has_its_archive() -> None:
    known = database.revisions()
    revisions = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert (known[-1], set(known)) == (head, revisions)
    assert revisions - {head} <= set(SCHEMAS) <= revisions


def test_it_is_brought_to_the_newest_schema(store: Store) -> None:
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_its_cells_stand_where_they_stood(store: Store) -> None:
    async def main() -> None:
        cells = HypervisorRuntime(store)
        cells.ask(FakeServices().client())
        culture, mutant = await cells.status(LOCAL, "culture"), await cells.status(LOCAL, "mutant")
        assert culture.state == "running" and culture.living is not None
        assert culture.living == mutant.living and culture.living.time == 1.0
        assert culture.delta.constraints == {"EX_glc__D_e": (-8.0, 1000.0)}
        assert mutant.delta.gene_knockouts == ["b2276", "b1723"]
        assert (await cells.status(LOCAL, "clock")).biological_type == "syn3a"
        lineage = await cells.lineage(LOCAL, "mutant")
        assert [kin.vm_id for kin in lineage.ancestors] == ["mutant", "culture"]
        (snapshot,) = await cells.snapshots(LOCAL, "culture")
        assert (snapshot.name, snapshot.living) == ("inoculum", None)
        await cells.restore(LOCAL, "culture", snapshot.number)
        assert (await cells.status(LOCAL, "culture")).living is None
        cells.close()

    asyncio.run(main())
    entries, _ = store.read_now(history.computed, store.read_now(find, LOCAL, "mutant"), 0, 10)
    assert [one.process_code for one in entries] == ["metabolic_fba"]


def test_its_jobs_are_read_and_those_in_the_middle_go_on(store: Store) -> None:
    of_no_cell = [job for job in store.read_now(jobs.page, LOCAL).jobs if job.vm_id is None]
    found = {job.state: job for job in of_no_cell}
    assert set(found) == {"done", "failed", "unknown", "queued", "cancelled"}
    result = parse(MetabolicResult, store.blobs.read(found["done"].result_digest or ""))
    assert result.optimal_objective == pytest.approx(0.873922, abs=1e-6)
    assert found["failed"].error is not None and found["failed"].error["code"] == "BX013"
    running = found["unknown"]  # nobody has taken it over yet
    assert 0 < running.parts_done < running.parts_total
    resumed = read_job(store.write_now(jobs.begin, running.job_id), LOCAL)
    assert len(resumed.finished) == running.parts_done and resumed.total == running.parts_total
    for digest in resumed.finished.values():
        assert parse(MetabolicResult, store.blobs.read(digest)).batch is not None
    queued = read_job(store.write_now(jobs.begin, found["queued"].job_id), LOCAL)
    assert not queued.finished and queued.next_piece() is not None


def test_its_cells_keep_their_quotas_and_what_they_used(store: Store, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["store"] < "0002":
        pytest.skip("cells had no quotas")
    bounded = store.read_now(find, LOCAL, "bounded")
    assert CellGate().quotas(bounded.quotas).cpu_seconds == 600.0
    usage = store.read_now(usage_of_cell, bounded.cell_id)
    (of_job,) = (job for job in store.read_now(jobs.page, LOCAL).jobs if job.vm_id == "bounded")
    assert of_job.state == "done" and usage.stored_bytes > 1000
    mine = select(spent.c.seconds).where(spent.c.cell_id == bounded.cell_id)
    assert store.read_now(lambda c: c.execute(mine).scalar_one()) > 0.0  # of a day long past


def test_its_owners_keep_their_models_and_jobs_theirs(store: Store, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["store"] < "0003":
        pytest.skip("owners had no models")
    (decay,) = store.read_now(models.listed, LOCAL)
    assert (decay.id, decay.licence, decay.origin) == ("decay", "CC0-1.0", "owner")
    kept = store.read_now(models.find, LOCAL, "decay")
    assert kept is not None and "k = 0.1" in kept.text
    job = store.read_now(jobs.known, LOCAL, "of-a-model", OF_A_MODEL.fingerprint())
    assert job is not None and not job.ended
    begun = read_job(store.write_now(jobs.begin, job.job_id), LOCAL).request
    assert isinstance(begun, TimeCourseRequest) and "k = 0.2" in (begun.kinetic_code or "")
    assert begun.known_as == "gone"


def test_its_cells_keep_their_past(store: Store, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["store"] < "0004":
        pytest.skip("edits left no trace")
    revised = store.read_now(find, LOCAL, "revised")
    entries, _ = store.read_now(history.page, revised, 0, 10)
    told = [
        (one.kind, one.snapshot, one.before.delta.seed, one.after and one.after.delta.seed) for one in entries
    ]
    assert told == [("edit", None, 1, 2), ("edit", None, 2, 3), ("restore", 1, 3, 2)]
    assert [one.name for one in store.read_now(list_snapshots, revised)] == ["seed 2"]
    assert store.write_now(take_snapshot, revised, None).number == 3
    (offshoot,) = store.read_now(lineage, revised).children
    assert (offshoot.vm_id, offshoot.parent, offshoot.snapshot) == ("offshoot", "revised", 2)


def test_its_owners_keep_their_quotas_and_tokens(store: Store) -> None:
    assert store.read_now(quotas_of, "ada", Quotas()).running_jobs == 8
    (token,) = store.read_now(list_tokens, "ada")
    assert token.scopes == ["jobs", "cells"] and token.revoked_at is not None
