"""The past of cells: who comes from which snapshot of whom, each change in order, and what is deleted."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from tests.server.hypervisor.bench import Bench
from tests.server.hypervisor.test_kept_cells import call, make

from bioxen.errors import ResourceExhaustionError, VmNotFoundError, VmStateError
from bioxen.protocol.cells import Delta
from bioxen.protocol.lineage import ForkSpec, HistoryEntry, Lineage
from bioxen.protocol.quotas import CellQuotas
from bioxen.server.hypervisor import changes, execution
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.store import paging
from bioxen.server.store.owners import LOCAL
from bioxen.server.store.texts import drop_unused_texts


def grow(bench: Bench, vm_id: str, hours: float = 1.0) -> None:
    bench.do(
        bench.cells.processes.execute(LOCAL, vm_id, call("metabolic_dfba", advance=True, time_end=hours))
    )


def edit(bench: Bench, vm_id: str, *genes: str) -> None:
    bench.do(bench.cells.set_delta(LOCAL, vm_id, Delta(gene_knockouts=list(genes))))


def history(bench: Bench, vm_id: str, after: int = 0, limit: int = 100) -> list[HistoryEntry]:
    return bench.do(bench.cells.history(LOCAL, vm_id, after, limit)).entries


def fork(bench: Bench, vm_id: str, *new: str, **spec: Any) -> None:
    bench.do(bench.cells.fork(LOCAL, vm_id, [ForkSpec(vm_id=one, **spec) for one in new]))


def pages(bench: Bench, vm_id: str, limit: int) -> list[Lineage]:
    found = [bench.do(bench.cells.lineage(LOCAL, vm_id, None, limit))]
    while found[-1].next is not None:
        found.append(bench.do(bench.cells.lineage(LOCAL, vm_id, found[-1].next, limit)))
    return found


def test_the_history_tells_how_a_cell_came_to_be_what_it_is(bench: Bench) -> None:
    make(bench, "a", delta={"gene_knockouts": ["b1"]})
    bench.do(bench.cells.snapshot(LOCAL, "a", "new"))
    grow(bench, "a")
    edit(bench, "a", "b2")
    edit(bench, "a", "b2")  # asked twice, edited once
    bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_fba", objective="PFK")))
    grow(bench, "a", 2.0)
    bench.do(bench.cells.restore(LOCAL, "a", 1))
    edit(bench, "a", "b3")
    bench.restart()
    entries = history(bench, "a")
    assert [(one.number, one.kind, one.process_code, one.snapshot) for one in entries] == [
        (1, "process", "metabolic_dfba", None),
        (2, "edit", None, None),
        (3, "process", "metabolic_fba", None),
        (4, "process", "metabolic_dfba", None),
        (5, "restore", None, 1),
        (6, "edit", None, None),
    ]
    assert [one.context for one in entries[1:4]] == [None, {"objective": "PFK"}, {"time_end": 2.0}]
    stands = entries[0].before
    assert (stands.delta.gene_knockouts, stands.living) == (["b1"], None)
    for one in entries:
        assert one.before == stands
        stands = one.after or stands
    assert [one.number for one in entries if one.after is None] == [3]
    now = bench.do(bench.cells.status(LOCAL, "a"))
    assert (now.delta, now.living) == (stands.delta, stands.living)
    assert entries[4].before.living is not None and entries[4].before.living.time == 3.0


def test_a_replay_leaves_out_what_was_not_computed(bench: Bench) -> None:
    make(bench, "a")
    edit(bench, "a", "b1")
    grow(bench, "a")
    edit(bench, "a", "b2")
    bench.do(bench.cells.snapshot(LOCAL, "a", None))
    bench.do(bench.cells.restore(LOCAL, "a", 1))
    grow(bench, "a")
    replay = bench.do(bench.cells.processes.replay(LOCAL, "a", 0, 1))
    assert ([one.number for one in replay.entries], replay.same, replay.next) == ([2], True, 2)
    replay = bench.do(bench.cells.processes.replay(LOCAL, "a", 2, 1))
    assert ([one.number for one in replay.entries], replay.same, replay.next) == ([5], True, None)


def test_a_fork_says_from_which_snapshot_it_comes_also_when_that_is_deleted(bench: Bench) -> None:
    make(bench, "a")
    for gene in ("b1", "b2"):
        edit(bench, "a", gene)
        grow(bench, "a")
        bench.do(bench.cells.snapshot(LOCAL, "a", gene))
    first = bench.do(bench.cells.snapshots(LOCAL, "a"))[0]
    fork(bench, "a", "old", snapshot=1, changes=Delta(gene_knockouts=["b9"]))
    fork(bench, "a", "present")
    bench.do(bench.cells.delete_snapshot(LOCAL, "a", 1))
    bench.restart()
    kin = bench.do(bench.cells.lineage(LOCAL, "old")).ancestors
    assert [(one.vm_id, one.parent, one.snapshot) for one in kin] == [("old", "a", 1), ("a", None, None)]
    assert kin[0].changes == Delta(gene_knockouts=["b9"])
    children = bench.do(bench.cells.lineage(LOCAL, "a")).children
    assert [(one.vm_id, one.parent, one.snapshot) for one in children] == [
        ("old", "a", 1),
        ("present", "a", None),
    ]
    old = bench.do(bench.cells.status(LOCAL, "old"))
    assert (old.delta.gene_knockouts, old.living) == (["b1", "b9"], first.living)


def test_a_deleted_snapshot_is_gone_and_its_number_stays_taken(bench: Bench) -> None:
    make(bench, "a")
    for name in ("one", "two"):
        bench.do(bench.cells.snapshot(LOCAL, "a", name))
    bench.do(bench.cells.restore(LOCAL, "a", 2))
    bench.do(bench.cells.delete_snapshot(LOCAL, "a", 2))
    assert [one.name for one in bench.do(bench.cells.snapshots(LOCAL, "a"))] == ["one"]
    asks: list[tuple[Any, Any]] = [
        (bench.cells.delete_snapshot, 2),
        (bench.cells.restore, 2),
        (bench.cells.fork, [ForkSpec(vm_id="b", snapshot=2)]),
    ]
    for ask, what in asks:
        with pytest.raises(VmStateError, match="no snapshot 2 any more: it was deleted") as refused:
            bench.do(ask(LOCAL, "a", what))
        assert refused.value.place == "snapshot" and refused.value.remedy
    with pytest.raises(VmStateError, match="no snapshot 3"):
        bench.do(bench.cells.delete_snapshot(LOCAL, "a", 3))
    with pytest.raises(VmNotFoundError):
        bench.do(bench.cells.delete_snapshot("ada", "a", 1))
    assert history(bench, "a")[-1].snapshot == 2
    assert bench.do(bench.cells.snapshot(LOCAL, "a", "three")).number == 3


def test_what_a_deleted_snapshot_held_goes_when_nothing_else_has_it(bench: Bench) -> None:
    make(bench, "a", "b")
    for name in ("a", "b"):
        edit(bench, name, "b1")
        bench.do(bench.cells.snapshot(LOCAL, name, None))
    bench.do(bench.cells.delete_snapshot(LOCAL, "a", 1))
    bench.store.write_now(drop_unused_texts)
    assert bench.do(bench.cells.status(LOCAL, "a")).delta.gene_knockouts == ["b1"]
    assert history(bench, "a")[0].after is not None  # the history has the edits still
    bench.do(bench.cells.delete_snapshot(LOCAL, "b", 1))
    bench.do(bench.cells.act(LOCAL, ["a", "b"], "destroy"))
    assert bench.store.write_now(drop_unused_texts) > 0
    with bench.store._engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from texts").scalar() == 0


def test_children_come_in_pages_and_none_is_lost_or_told_twice(bench: Bench) -> None:
    make(bench, "a", "x", run=False)
    fork(bench, "a", *(f"c{number:02}" for number in range(20)))
    fork(bench, "x", "other")
    found = pages(bench, "a", 7)
    assert [len(one.children) for one in found] == [7, 7, 6]
    assert [kin.vm_id for one in found for kin in one.children] == [f"c{number:02}" for number in range(20)]
    assert {one.ancestors[0].vm_id for one in found} == {"a"}
    assert [len(one.children) for one in pages(bench, "a", 20)] == [20]
    assert bench.do(bench.cells.lineage(LOCAL, "a", "c18", 5)).children[0].vm_id == "c19"
    assert bench.do(bench.cells.lineage(LOCAL, "a", "d", 5)).children == []


def test_children_of_one_id_stay_on_one_page(bench: Bench) -> None:
    make(bench, "a", run=False)
    for number in range(3):  # destroyed, and remembered for the cell that descends from it
        fork(bench, "a", "b")
        fork(bench, "b", f"of-b-{number}")
        bench.do(bench.cells.act(LOCAL, ["b"], "destroy"))
    fork(bench, "a", "b", "c")
    found = pages(bench, "a", 2)
    told = [[(kin.vm_id, kin.destroyed) for kin in one.children] for one in found]
    assert told == [[("b", True)] * 3 + [("b", False)], [("c", False)]]
    bench.do(bench.cells.act(LOCAL, ["c"], "destroy"))
    assert [len(one.children) for one in pages(bench, "a", 2)] == [4]


def test_a_long_line_of_forks_is_told_to_its_beginning(bench: Bench) -> None:
    make(bench, "c000", run=False)
    for number in range(120):
        fork(bench, f"c{number:03}", f"c{number + 1:03}")
    line = bench.do(bench.cells.lineage(LOCAL, "c120")).ancestors
    assert [one.vm_id for one in line] == [f"c{number:03}" for number in range(120, -1, -1)]


def test_pages_of_large_documents_end_early_and_lose_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(bench, "a")
    for number in range(9):
        edit(bench, "a", f"b{number}", *(f"x{one:04}" for one in range(100)))
    monkeypatch.setattr(paging, "MOST_CHARACTERS", 5000)
    numbers: list[int] = []
    after, asked = 0, 0
    while True:
        page = bench.do(bench.cells.history(LOCAL, "a", after, 100))
        numbers += [one.number for one in page.entries]
        asked += 1
        if page.next is None:
            break
        after = page.next
    assert numbers == list(range(1, 10)) and asked > 1


def test_a_cell_that_stores_too_much_is_not_edited(bench: Bench) -> None:
    make(bench, "a")
    edit(bench, "a", "b1")
    bench.do(bench.cells.set_quotas(LOCAL, "a", CellQuotas(stored_bytes=20)))
    with pytest.raises(ResourceExhaustionError, match="bytes, of 20"):
        edit(bench, "a", "b2")
    edit(bench, "a", "b1")  # it is that already
    assert len(history(bench, "a")) == 1


def test_a_process_that_ends_after_an_edit_says_what_it_was_computed_with(bench: Bench) -> None:
    make(bench, "a")
    cells: HypervisorRuntime = bench.cells

    (before,) = bench.do(cells.records(LOCAL, ["a"]))
    edit(bench, "a", "b1")
    router = bench.do(cells._hosts.of(LOCAL)).router(None)
    ran = bench.do(
        cells.processes._in_thread(LOCAL, partial(execution.run, before, call("metabolic_fba"), router, None))
    )
    bench.do(cells._hosts.change(LOCAL, changes.ran, before, ran.done, ran.living, False, 0.0))
    edited, computed = history(bench, "a")
    assert (edited.kind, computed.kind, computed.after) == ("edit", "process", None)
    assert computed.before == edited.before
    assert bench.do(cells.processes.replay(LOCAL, "a", 0, 10)).same
