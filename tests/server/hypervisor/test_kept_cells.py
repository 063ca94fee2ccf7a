"""Cells outlive the server: their life, edits, claims, forks, snapshots, past."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.hypervisor.bench import Bench

from bioxen.errors import (
    BioXenException,
    ResourceExhaustionError,
    ValidationError,
    VmCreationError,
    VmNotFoundError,
    VmStateError,
)
from bioxen.protocol.cells import CellProcessCall, Delta, Resources, VmConfig, VmSpec
from bioxen.protocol.lineage import ForkSpec
from bioxen.server.store.owners import LOCAL
from bioxen.server.store.texts import drop_unused_texts


def make(bench: Bench, *vm_ids: str, owner: str = LOCAL, run: bool = True, **config: Any) -> None:
    settings = VmConfig.model_validate(config)
    specs = [VmSpec(vm_id=one, biological_type="ecoli", config=settings) for one in vm_ids]
    bench.do(bench.cells.create(owner, specs))
    if run:
        bench.do(bench.cells.act(owner, vm_ids, "start"))


def call(code: str, *, advance: bool = False, **context: Any) -> CellProcessCall:
    return CellProcessCall(process_code=code, context=context, advance=advance)


def test_a_cell_is_there_after_a_restart_with_all_it_had(bench: Bench) -> None:
    make(bench, "a", resources={"ribosomes": 600_000})
    bench.do(bench.cells.set_delta(LOCAL, "a", Delta(gene_knockouts=["b0001"])))
    bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_dfba", advance=True, time_end=2.0)))
    before = bench.do(bench.cells.status(LOCAL, "a"))
    bench.restart()
    assert bench.do(bench.cells.status(LOCAL, "a")) == before
    assert (before.state, before.processes_executed) == ("running", 1)
    with pytest.raises(ResourceExhaustionError):  # the claim is there again as well
        make(bench, "b", resources={"ribosomes": 600_000})
    with pytest.raises(VmNotFoundError):
        bench.do(bench.cells.status(LOCAL, "b"))


def test_a_claim_that_cannot_be_met_leaves_everything_as_it_was(bench: Bench) -> None:
    make(bench, "a", resources={"ribosomes": 700_000})
    with pytest.raises(ResourceExhaustionError):
        bench.do(bench.cells.create(LOCAL, [_asks("b", 200_000), _asks("c", 200_000)]))
    assert [vm.vm_id for vm in bench.do(bench.cells.page(LOCAL)).vms] == ["a"]
    make(bench, "d", resources={"ribosomes": 300_000})  # nothing of b's claim was left behind
    bench.do(bench.cells.act(LOCAL, ["a"], "stop"))
    bench.do(bench.cells.allocate(LOCAL, "d", Resources(ribosomes=900_000)))
    with pytest.raises(ResourceExhaustionError):
        bench.do(bench.cells.act(LOCAL, ["a"], "start"))
    assert bench.do(bench.cells.status(LOCAL, "a")).state == "stopped"


def _asks(vm_id: str, ribosomes: int) -> VmSpec:
    config = VmConfig(resources=Resources(ribosomes=ribosomes))
    return VmSpec(vm_id=vm_id, biological_type="ecoli", config=config)


def test_bulk_changes_are_for_all_or_none(bench: Bench) -> None:
    make(bench, "a", "b", "c")
    bench.do(bench.cells.act(LOCAL, ["b"], "pause"))
    with pytest.raises(VmStateError, match="'b'"):
        bench.do(bench.cells.act(LOCAL, ["a", "b", "c"], "pause"))
    assert bench.do(bench.cells.status(LOCAL, "a")).state == "running"
    with pytest.raises(VmNotFoundError) as missing:
        bench.do(bench.cells.act(LOCAL, ["a", "x"], "destroy"))
    assert missing.value.place == "vm_ids.1"
    with pytest.raises(VmCreationError, match="'c' is registered already"):
        make(bench, "d", "c")
    with pytest.raises(VmCreationError, match="given twice"):
        make(bench, "e", "e")
    assert len(bench.do(bench.cells.page(LOCAL)).vms) == 3


def test_owners_do_not_see_each_other(bench: Bench) -> None:
    make(bench, "a")
    make(bench, "a", owner="ada", run=False)
    assert bench.do(bench.cells.status("ada", "a")).state == "created"
    bench.do(bench.cells.act("ada", ["a"], "destroy"))
    assert bench.do(bench.cells.status(LOCAL, "a")).state == "running"
    with pytest.raises(VmNotFoundError):
        bench.do(bench.cells.status("ada", "a"))


def test_pages_are_in_order_and_filtered(bench: Bench) -> None:
    make(bench, *(f"c{number:02}" for number in range(25)))
    bench.do(bench.cells.create(LOCAL, [VmSpec(vm_id="y", biological_type="yeast")]))
    seen, after = [], None
    while True:
        page = bench.do(bench.cells.page(LOCAL, after=after, limit=7, state="running"))
        seen += [vm.vm_id for vm in page.vms]
        if page.next is None:
            break
        after = page.next
    assert seen == [f"c{number:02}" for number in range(25)]
    yeasts = bench.do(bench.cells.page(LOCAL, biological_type="yeast"))
    assert [vm.vm_id for vm in yeasts.vms] == ["y"]


def test_a_fork_begins_where_the_other_stands_and_goes_its_own_way(bench: Bench) -> None:
    make(bench, "mother", delta={"gene_knockouts": ["b1"], "constraints": {"R": [0.0, 1.0]}})
    bench.do(bench.cells.processes.execute(LOCAL, "mother", call("metabolic_dfba", advance=True)))
    changes = Delta(gene_knockouts=["b2"], constraints={"R": (0.0, 2.0)}, medium={})
    bench.do(bench.cells.fork(LOCAL, "mother", [ForkSpec(vm_id="daughter", changes=changes)]))
    bench.do(bench.cells.fork(LOCAL, "daughter", [ForkSpec(vm_id="granddaughter")]))
    mother, daughter = (bench.do(bench.cells.status(LOCAL, one)) for one in ("mother", "daughter"))
    assert (daughter.living, daughter.state) == (mother.living, "running")
    assert daughter.delta == Delta(gene_knockouts=["b1", "b2"], constraints={"R": (0.0, 2.0)}, medium={})
    bench.do(bench.cells.processes.execute(LOCAL, "daughter", call("metabolic_dfba", advance=True)))
    assert bench.do(bench.cells.status(LOCAL, "mother")) == mother

    bench.do(bench.cells.act(LOCAL, ["mother"], "destroy"))
    kin = bench.do(bench.cells.lineage(LOCAL, "granddaughter")).ancestors
    assert [(one.vm_id, one.destroyed) for one in kin] == [
        ("granddaughter", False),
        ("daughter", False),
        ("mother", True),
    ]
    assert (kin[1].changes, kin[2].changes) == (changes, None)
    assert [one.vm_id for one in bench.do(bench.cells.lineage(LOCAL, "daughter")).children] == [
        "granddaughter"
    ]
    make(bench, "mother")  # the name is free again, and the new cell is nobody's mother
    assert bench.do(bench.cells.lineage(LOCAL, "mother")).children == []
    bench.do(bench.cells.act(LOCAL, ["daughter", "granddaughter", "mother"], "destroy"))
    assert bench.store.write_now(drop_unused_texts) > 0
    with bench.store._engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from cells").scalar() == 0
        assert connection.exec_driver_sql("select count(*) from texts").scalar() == 0


def test_any_snapshot_can_be_gone_to_and_forked_from(bench: Bench) -> None:
    make(bench, "a")
    states = []
    for knockout in ("b1", "b2", "b3"):
        bench.do(bench.cells.set_delta(LOCAL, "a", Delta(gene_knockouts=[knockout])))
        bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_dfba", advance=True)))
        snapshot = bench.do(bench.cells.snapshot(LOCAL, "a", f"after {knockout}"))
        states.append((snapshot.delta, snapshot.living))
    bench.restart()
    for number in (1, 3, 2):
        status = bench.do(bench.cells.restore(LOCAL, "a", number))
        assert (status.delta, status.living) == states[number - 1]
        vm_id = f"from-{number}"
        bench.do(bench.cells.fork(LOCAL, "a", [ForkSpec(vm_id=vm_id, snapshot=4 - number)]))
        forked = bench.do(bench.cells.status(LOCAL, vm_id))
        assert (forked.delta, forked.living) == states[3 - number]
    assert [one.name for one in bench.do(bench.cells.snapshots(LOCAL, "a"))] == [
        "after b1",
        "after b2",
        "after b3",
    ]
    with pytest.raises(VmStateError, match="no snapshot 4") as missing:
        bench.do(bench.cells.restore(LOCAL, "a", 4))
    assert missing.value.place == "snapshot"


def test_a_process_starts_where_the_last_one_ended(bench: Bench) -> None:
    make(bench, "a")

    def dfba(**context: Any) -> Any:
        bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_dfba", advance=True, **context)))
        return bench.do(bench.cells.status(LOCAL, "a")).living

    assert dfba(time_end=2.0).model_dump(exclude_defaults=True) == {
        "time": 2.0,
        "biomass": 0.02,
        "concentrations": {"EX_glc__D_e": 5.0},
    }
    living = dfba(time_end=3.0, initial_concentrations={"EX_ac_e": 1.0})
    assert (living.time, living.biomass) == (5.0, 0.04)
    assert living.concentrations == {"EX_glc__D_e": 2.5, "EX_ac_e": 0.5}
    bench.do(
        bench.cells.processes.execute(LOCAL, "a", call("metabolic_dfba", time_end=3.0))
    )  # looks ahead alone
    assert bench.services.requests[-1]["initial_biomass"] == 0.04
    assert bench.do(bench.cells.status(LOCAL, "a")).living == living

    for end in (10.0, 30.0):
        bench.do(bench.cells.processes.execute(LOCAL, "a", call("kinetic_ode", advance=True, time_end=10.0)))
        now = bench.do(bench.cells.status(LOCAL, "a")).living
        assert now is not None and now.biomass == 0.04
        assert now.species["[mRNA]"] == now.model_time == (10.0 if end == 10.0 else 20.0)
    with pytest.raises(ValidationError, match="clock stands at 20"):
        bench.do(bench.cells.processes.execute(LOCAL, "a", call("kinetic_ode", time_start=0.0)))


def test_what_has_run_out_is_not_taken_up(bench: Bench) -> None:
    make(bench, "a", delta={"constraints": {"EX_glc__D_e": [-8.0, 500.0]}})
    bench.services.changes = {
        "dynamics": {
            "time": [0.0, 1.0],
            "biomass": [0.1, 0.2],
            "concentrations": {"EX_glc__D_e": [1.0, 0.0], "EX_ac_e": [0.0, 2.0]},
            "growth_rate": [0.1, 0.1],
            "ended": "time_end",
        }
    }
    bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_dfba", advance=True)))
    bench.services.changes = {}
    bench.do(
        bench.cells.processes.execute(LOCAL, "a", call("metabolic_fba", constraints={"PFK": [0.0, 1.0]}))
    )
    assert bench.services.requests[-1]["constraints"] == {"EX_glc__D_e": [0.0, 500.0], "PFK": [0.0, 1.0]}


@pytest.mark.parametrize(
    ("code", "context", "place"),
    [
        ("metabolic_fba", {}, "advance"),
        ("transcription_everything", {}, "advance"),
        ("kinetic_steady_state", {}, "advance"),
        ("kinetic_ode", {"outputs": ["[mRNA]"]}, "outputs"),
    ],
)
def test_what_cannot_advance_a_cell_says_so(
    bench: Bench, code: str, context: dict[str, Any], place: str
) -> None:
    make(bench, "a")
    with pytest.raises(ValidationError) as refused:
        bench.do(bench.cells.processes.execute(LOCAL, "a", call(code, advance=True, **context)))
    assert refused.value.place == place and refused.value.remedy
    assert bench.do(bench.cells.history(LOCAL, "a", 0, 10)).entries == []


def test_nothing_advances_by_a_problem_without_solution_or_to_no_number(bench: Bench) -> None:
    make(bench, "a")
    bench.services.changes = {"status": "infeasible", "dynamics": None, "optimal_objective": None}
    bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_dfba", advance=True)))
    assert bench.do(bench.cells.status(LOCAL, "a")).living is None
    bench.services.changes = {"final_state": {"[mRNA]": None}}
    with pytest.raises(BioXenException, match="not a finite number"):
        bench.do(bench.cells.processes.execute(LOCAL, "a", call("kinetic_ode", advance=True)))
    assert bench.do(bench.cells.status(LOCAL, "a")).living is None


def test_replay_gives_the_same_bytes_or_says_which_are_not(bench: Bench) -> None:
    make(bench, "a")
    bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_dfba", advance=True, time_end=1.0)))
    bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_fba")))
    bench.do(bench.cells.set_delta(LOCAL, "a", Delta(reaction_knockouts=["PFK"])))
    bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_dfba", advance=True, time_end=2.0)))
    status = bench.do(bench.cells.status(LOCAL, "a"))
    bench.restart()
    replay = bench.do(bench.cells.processes.replay(LOCAL, "a", 0, 100))
    assert (replay.same, len(replay.entries), replay.next) == (True, 3, None)
    assert bench.do(bench.cells.status(LOCAL, "a")) == status
    assert bench.do(bench.cells.processes.replay(LOCAL, "a", 0, 2)).next == 2

    bench.services.changes = {"optimal_objective": 0.5}
    replay = bench.do(bench.cells.processes.replay(LOCAL, "a", 0, 100))
    assert (replay.same, [one.same for one in replay.entries]) == (False, [False] * 3)
    entries = bench.do(bench.cells.history(LOCAL, "a", 0, 10)).entries
    assert [(one.kind, one.advance) for one in entries] == [
        ("process", True),
        ("process", False),
        ("edit", False),
        ("process", True),
    ]


def test_symbolic_runs_are_counted_but_are_no_past(bench: Bench) -> None:
    make(bench, "a")
    result = bench.do(bench.cells.processes.execute(LOCAL, "a", call("transcription_everything")))
    assert result.symbolic
    assert bench.do(bench.cells.status(LOCAL, "a")).processes_executed == 1
    assert bench.do(bench.cells.history(LOCAL, "a", 0, 10)).entries == []


def test_enhanced_cells_remember(bench: Bench) -> None:
    make(bench, "a", enable_computation_caching=True)
    hits = [
        bench.do(bench.cells.processes.execute(LOCAL, "a", call("metabolic_fba"))).cache_hit for _ in range(2)
    ]
    assert (hits, bench.do(bench.cells.status(LOCAL, "a")).cache_hits) == ([False, True], 1)
    assert len(bench.services.requests) == 1
