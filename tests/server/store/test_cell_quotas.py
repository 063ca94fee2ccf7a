"""Quotas of cells: what is counted for whom, who is refused what, and what a cell without any costs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, func, select, text
from tests.server.stores import store_at, url_of

from bioxen.errors import OverloadError, ResourceExhaustionError, ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.jobs import Estimate
from bioxen.protocol.quotas import CellQuotas, Quotas
from bioxen.server.store import cell_quotas, cell_usage, cells, history, jobs, snapshots
from bioxen.server.store.cell_quotas import CellGate, own_quotas
from bioxen.server.store.cell_spending import spend
from bioxen.server.store.cell_usage import usage_of_cell
from bioxen.server.store.cells import CellRecord, NewCell
from bioxen.server.store.database import MIGRATIONS
from bioxen.server.store.history import Computed
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.quotas import Gate
from bioxen.server.store.store import Store
from bioxen.server.store.tables import job_cells, spent
from bioxen.server.store.window import WINDOW

MEASURED = Estimate(seconds=3.0, memory_bytes=1, basis="measured")


def cell(store: Store, vm_id: str, **quotas: Any) -> CellRecord:
    own = own_quotas(parse(CellQuotas, quotas))
    new = NewCell(vm_id=vm_id, biological_type="ecoli", image="{}", delta='{"seed":1}', quotas=own)
    store.write_now(cells.add, "ada", [new])
    return store.read_now(cells.find, "ada", vm_id)


def submit(
    store: Store,
    gate: Gate,
    job_id: str,
    records: Sequence[CellRecord] = (),
    *,
    estimate: Estimate | None = None,
    parts: int = 1,
) -> None:
    alone = len(records) == 1
    new = NewJob(
        job_id=job_id,
        owner_id="ada",
        process_code="metabolic_fba",
        request="{}",
        request_digest="d" * 64,
        parts_total=parts,
        vm_id=records[0].vm_id if alone else None,
        advances=True if alone else None,
        cells=records,
        estimate=estimate,
    )
    store.write_now(jobs.submit, new, gate.admit)


def finish(store: Store, job_id: str, digest: str, size: int, seconds: float) -> None:
    store.write_now(jobs.begin, job_id)
    store.write_now(jobs.finish_shard, job_id, 0, digest * 64, size, seconds)
    store.write_now(jobs.complete, job_id, digest * 64, size, 0.0)


def gate(owner: Quotas | None = None, **defaults: Any) -> Gate:
    return Gate(owner or Quotas(), CellGate(parse(CellQuotas, defaults)))


def refused(
    store: Store, gate: Gate, fault: type[Exception], records: Sequence[CellRecord], **more: Any
) -> dict[str, Any]:
    """Return the details with which a job is refused; nothing of it is left."""
    with pytest.raises(fault) as told:
        submit(store, gate, "refused", records, **more)
    assert isinstance(told.value, OverloadError | ResourceExhaustionError)
    assert records[-1].vm_id in told.value.message and told.value.details["vm_id"] == records[-1].vm_id
    assert "refused" not in [job.job_id for job in store.read_now(jobs.page, "ada").jobs]
    return told.value.details


def test_a_cells_own_quotas_go_before_those_of_every_cell(store: Store) -> None:
    every = CellGate(CellQuotas(cpu_seconds=5.0, queued_jobs=3))
    one = cell(store, "one", cpu_seconds=None, running_jobs=4)
    assert every.quotas(one.quotas) == CellQuotas(running_jobs=4, queued_jobs=3, cpu_seconds=None)
    plain = cell(store, "plain")
    assert plain.quotas is None
    assert every.quotas(plain.quotas) == CellQuotas(cpu_seconds=5.0, queued_jobs=3)
    for wrong in ({"running_jobs": 0}, {"cpu_seconds": float("nan")}, {"wishes": 3}):
        with pytest.raises(ValidationError):
            parse(CellQuotas, wrong)


def test_a_full_queue_refuses_that_cell_and_no_other(store: Store) -> None:
    one, other = cell(store, "one", queued_jobs=2), cell(store, "other", queued_jobs=2)
    door = gate()
    submit(store, door, "a", [one])
    submit(store, door, "b", [one])
    details = refused(store, door, OverloadError, [one])
    assert (details["quota"], details["used"], details["limit"]) == ("queued_jobs", 2, 2)
    assert details["retry_after"] > 0
    submit(store, door, "c", [other])
    submit(store, door, "d")
    finish(store, "a", "1", 10, 1.0)
    submit(store, door, "e", [one])


def test_the_owners_quota_holds_beside_the_cells_and_the_error_says_whose(store: Store) -> None:
    one = cell(store, "one", queued_jobs=3)
    door = gate(Quotas(queued_jobs=1))
    submit(store, door, "a", [one])
    with pytest.raises(OverloadError, match="owner ada has 1 jobs") as told:
        submit(store, door, "b", [one])
    assert told.value.details["owner"] == "ada" and "vm_id" not in told.value.details
    assert "bioxen cells quota" not in told.value.details["remedy"]


def test_documents_snapshots_history_and_results_are_a_cells_bytes(store: Store) -> None:
    one = cell(store, "one", stored_bytes=300)
    kept = CellGate()

    def stored() -> int:
        return store.read_now(usage_of_cell, one.cell_id).stored_bytes

    assert stored() == len('{"seed":1}')
    store.write_now(snapshots.take_snapshot, one, None)
    assert stored() == len('{"seed":1}')  # the same document, once
    living = '{"time":1.0}'
    store.write_now(lambda c: cells.change(c, [one.cell_id], living=living))
    store.write_now(snapshots.take_snapshot, one, None)
    assert stored() == len('{"seed":1}') + len(living)
    done = Computed(
        process_code="metabolic_fba",
        context='{"report":"fluxes"}',
        advance=False,
        delta='{"seed":1}',
        living=living,
        request_digest="1" * 64,
        result_digest="2" * 64,
    )
    store.write_now(history.add_computed, one.cell_id, done)
    documents = len('{"seed":1}') + len(living) + len('{"report":"fluxes"}')
    assert stored() == documents
    for job_id, digest in (("a", "1"), ("b", "1"), ("c", "2")):
        submit(store, gate(), job_id, [one])
        finish(store, job_id, digest, 150, 1.0)
    assert stored() == documents + 300
    details = refused(store, gate(), ResourceExhaustionError, [one])
    assert (details["quota"], details["used"], details["limit"]) == ("stored_bytes", documents + 300, 300)
    with pytest.raises(ResourceExhaustionError, match="cell one take"):
        store.read_now(kept.check_room, one)
    with pytest.raises(ResourceExhaustionError, match="cell one take"):
        store.read_now(kept.check, one)
    twin = cell(store, "twin", stored_bytes=300)
    submit(store, gate(), "d", [twin])


def test_jobs_and_processes_count_together_for_a_day(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one = cell(store, "one", cpu_seconds=5.0)
    submit(store, gate(), "a", [one])
    finish(store, "a", "1", 1, 2.0)
    for seconds in (1.0, 0.5):
        store.write_now(spend, one.cell_id, seconds)
    assert store.read_now(usage_of_cell, one.cell_id).cpu_seconds == 3.5
    details = refused(store, gate(), ResourceExhaustionError, [one], estimate=MEASURED)
    assert (details["estimate"], details["used"]) == (3.0, 3.5)
    submit(store, gate(), "b", [one], estimate=replace_basis(MEASURED))
    store.write_now(spend, one.cell_id, 1.5)
    details = refused(store, gate(), ResourceExhaustionError, [one])
    assert (details["quota"], details["used"], details["limit"]) == ("cpu_seconds", 5.0, 5.0)
    assert 85_000 < details["retry_after"] <= 86_400
    with pytest.raises(ResourceExhaustionError, match=r"cell one computed for 5 s .* of 5 s"):
        store.read_now(CellGate().check, one)
    monkeypatch.setattr(cell_usage, "WINDOW", -WINDOW)  # a day later
    store.read_now(CellGate().check, one)


def replace_basis(estimate: Estimate) -> Estimate:
    return estimate.model_copy(update={"basis": "assumed"})


def test_old_computing_time_goes_when_new_one_comes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one = cell(store, "one")
    store.write_now(spend, one.cell_id, 1.0)
    store.write_now(lambda c: c.execute(spent.update().values(since="2001-01-01T00:00:00.000000+00:00")))
    store.write_now(spend, one.cell_id, 2.0)
    store.write_now(spend, 12345, 2.0)  # a cell that is gone
    assert store.read_now(lambda c: c.execute(select(spent.c.cell_id, spent.c.seconds)).all()) == [
        (one.cell_id, 2.0)
    ]


def test_what_is_remembered_of_a_cell_takes_in_what_it_computes(store: Store) -> None:
    one, door = cell(store, "one", cpu_seconds=1.0), CellGate()
    store.read_now(door.check, one)
    door.computed(one, 1.0)
    with pytest.raises(ResourceExhaustionError) as told:
        store.read_now(door.check, one)
    assert 86_000 < told.value.details["retry_after"] <= 86_400


def test_a_population_counts_in_shares_for_the_cells_with_quotas(store: Store) -> None:
    members = [cell(store, f"m{number}") for number in range(3)]
    limited = cell(store, "limited", cpu_seconds=2.0)
    everyone = [*members, limited]
    submit(store, gate(), "a", everyone, estimate=MEASURED)  # 0.75 s for each
    assert store.read_now(lambda c: c.execute(select(job_cells.c.cell_id, job_cells.c.share)).all()) == [
        (limited.cell_id, 0.25)
    ]
    finish(store, "a", "1", 400, 8.0)
    usage = store.read_now(usage_of_cell, limited.cell_id)
    assert (usage.cpu_seconds, usage.stored_bytes) == (2.0, 100 + len('{"seed":1}'))
    details = refused(store, gate(), ResourceExhaustionError, everyone)
    assert (details["used"], details["limit"]) == (2.0, 2.0)
    submit(store, gate(), "b", members)
    refused(store, gate(queued_jobs=1), ResourceExhaustionError, everyone)
    submit(store, gate(queued_jobs=1), "c", members)  # from here on each of them has a quota
    refused(store, gate(queued_jobs=1), OverloadError, [members[0]])


def test_what_a_destroyed_cell_used_is_its_owners_alone(store: Store) -> None:
    one = cell(store, "one", cpu_seconds=1.0)
    submit(store, gate(), "a", [one])
    finish(store, "a", "1", 10, 5.0)
    store.write_now(spend, one.cell_id, 5.0)
    store.write_now(cells.remove, [one.cell_id])
    submit(store, gate(), "late", [one])  # it was destroyed between the look and the job
    again = cell(store, "one", cpu_seconds=1.0)
    assert store.read_now(usage_of_cell, again.cell_id).cpu_seconds == 0.0
    submit(store, gate(), "b", [again])
    for table in (job_cells, spent):
        with store._engine.connect() as connection:
            count = connection.execute(select(func.count()).select_from(table)).scalar()
        assert count == (1 if table is job_cells else 0)


def test_a_cell_without_quotas_costs_no_look(store: Store) -> None:
    plain, limited = cell(store, "plain"), cell(store, "limited", cpu_seconds=9.0, queued_jobs=9)
    sent: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda _c, _k, statement, *_: sent.append(statement))
    door = gate()
    submit(store, door, "warm up")

    def statements(job_id: str, records: Sequence[CellRecord]) -> int:
        sent.clear()
        submit(store, door, job_id, records)
        return len(sent)

    without = statements("a", ())
    assert statements("b", [plain]) == without + 1  # the row that says whose job it is
    assert statements("c", [plain] * 50) == without
    assert statements("d", [limited]) > without + 1
    sent.clear()
    store.read_now(CellGate().check, plain)
    assert all("begin" in statement.lower() for statement in sent)


def test_sums_of_many_cells_are_forgotten_before_they_grow(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cell_quotas, "MOST_REMEMBERED", 2)
    door = CellGate()
    for number in range(5):
        store.read_now(door.check, cell(store, f"c{number}", cpu_seconds=1.0))
        assert len(door._sums) <= 2


def test_the_migration_finds_the_cells_of_jobs(tmp_path: Path) -> None:
    url = url_of(tmp_path)
    engine = create_engine(url)

    def migrate(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    with engine.begin() as connection:
        migrate(connection)
        connection.exec_driver_sql("insert into owners values ('ada', 'ada', '{}', 'then')")
        connection.exec_driver_sql("insert into texts values (1, 'd', '{}')")
        connection.exec_driver_sql(
            "insert into cells (cell_id, owner_id, vm_id, biological_type, image, delta, state,"
            " processes_executed, cache_hits, created_at) values (7, 'ada', 'one', 'ecoli', 1, 1, 'running',"
            " 0, 0, 'then')"
        )
        calls = {"grow": (7, True), "look": (7, False), "gone": (8, True)}
        for job_id, (cell_id, advance) in calls.items():
            call = {"process_code": "metabolic_fba", "context": {"cell": '{"cell":'}, "advance": advance}
            document = {"cell": "one", "call": call, "cell_id": cell_id}
            _old_job(connection, job_id, "one", json.dumps(document, separators=(",", ":")))
        _old_job(connection, "plain", "one", '{"process_code": "metabolic_fba"}')
    engine.dispose()
    store = store_at(tmp_path).open()
    found = {job.job_id: (job.advances, job.quotas) for job in store.read_now(jobs.waiting)}
    assert found == {"grow": (True, None), "look": (False, None), "gone": (True, None), "plain": (None, None)}
    rows = store.read_now(lambda c: c.execute(select(job_cells).order_by(job_cells.c.job_id)).all())
    assert [tuple(row) for row in rows] == [(7, "grow", 1.0), (7, "look", 1.0)]
    store.close()


def _old_job(connection: Connection, job_id: str, vm_id: str, request: str) -> None:
    connection.execute(
        text(
            "insert into jobs (job_id, owner_id, vm_id, process_code, request, request_digest, priority,"
            " state, cancel_asked, attempts, parts_done, parts_total, seconds, created_at)"
            " values (:job_id, 'ada', :vm_id, 'metabolic_fba', :request, 'd', 50, 'queued', false, 0, 0, 1,"
            " 0.0, 'then')"
        ),
        {"job_id": job_id, "vm_id": vm_id, "request": request},
    )
