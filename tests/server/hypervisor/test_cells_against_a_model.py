"""Cells against a plain model of them, with restarts and kills of the server in between."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.server.hypervisor.bench import SECONDS, Bench, Metered
from tests.server.stores import SERVER

from bioxen.errors import ResourceExhaustionError, VmCreationError, VmStateError
from bioxen.protocol.cells import CellProcessCall, Delta, Resources, VmConfig, VmSpec
from bioxen.protocol.lineage import ForkSpec, Standing
from bioxen.protocol.quotas import CellQuotas
from bioxen.server.store.owners import LOCAL
from bioxen.vm.lifecycle import Verb

NAMES = ["a", "b", "c"]
RIBOSOMES = 1_000_000
MOVES = {
    "start": {"created": "running", "stopped": "running"},
    "pause": {"running": "paused"},
    "resume": {"paused": "running"},
    "stop": {"running": "stopped", "paused": "stopped"},
}
names = st.sampled_from(NAMES)


@dataclass
class Plain:
    """A cell as a dictionary would have it."""

    state: str = "created"
    genes: list[str] = field(default_factory=list)
    hours: float = 0.0
    biomass: float | None = None
    wanted: int | None = None
    runs: int = 0
    limit: float | None = None
    spent: float = 0.0
    mother: str | None = None
    snapshot: int | None = None
    snapshots: list[tuple[list[str], float, float | None] | None] = field(default_factory=list)
    """Null for those that were deleted."""
    past: list[str] = field(default_factory=list)
    """The kinds of its history."""

    @property
    def refusals(self) -> list[type[Exception]]:
        """What a process may be refused with."""
        used_up = self.limit is not None and self.spent >= self.limit
        return [
            *([VmStateError] if self.state != "running" else []),
            *([ResourceExhaustionError] if used_up else []),
        ]

    @property
    def held(self) -> int:
        return 0 if self.state == "stopped" else self.wanted or 0


class CellsMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self._folder.name))
        self.bench.services = Metered()
        self.bench.cells.ask(self.bench.services.client())
        self.plain: dict[str, Plain] = {}

    def teardown(self) -> None:
        self.bench.end()
        self._folder.cleanup()

    def room(self, without: str) -> int:
        return RIBOSOMES - sum(cell.held for name, cell in self.plain.items() if name != without)

    def attempt(self, call: Any, *expected: type[Exception]) -> bool:
        """Do it; tell whether it was done. Exactly the faults that are expected may come."""
        if not expected:
            self.bench.do(call)
            return True
        try:
            self.bench.do(call)
        except expected:
            return False
        raise AssertionError(f"none of {expected} came")

    @rule(name=names, wanted=st.sampled_from([None, 100_000, 600_000]))
    def create(self, name: str, wanted: int | None) -> None:
        asked = None if wanted is None else Resources(ribosomes=wanted)
        spec = VmSpec(vm_id=name, biological_type="ecoli", config=VmConfig(resources=asked))
        expected: list[type[Exception]] = []
        if name in self.plain:
            expected = [VmCreationError]
        elif (wanted or 0) > self.room(name):
            expected = [ResourceExhaustionError]
        if self.attempt(self.bench.cells.create(LOCAL, [spec]), *expected):
            self.plain[name] = Plain(wanted=wanted)

    @initialize()
    def two_that_run(self) -> None:
        specs = [VmSpec(vm_id=name, biological_type="ecoli") for name in NAMES[:2]]
        self.attempt(self.bench.cells.create(LOCAL, specs))
        self.attempt(self.bench.cells.act(LOCAL, NAMES[:2], "start"))
        self.plain = {name: Plain(state="running") for name in NAMES[:2]}

    @precondition(lambda self: len(self.plain) > 1)
    @rule(data=st.data())
    def destroy(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.plain)))
        self.attempt(self.bench.cells.act(LOCAL, [name], "destroy"))
        del self.plain[name]

    @precondition(lambda self: self.plain)
    @rule(data=st.data(), verb=st.sampled_from(sorted(MOVES)))
    def act(self, data: st.DataObject, verb: Verb) -> None:
        some = data.draw(st.lists(st.sampled_from(sorted(self.plain)), min_size=1, unique=True))
        call = self.bench.cells.act(LOCAL, some, verb)
        if any(self.plain[name].state not in MOVES[verb] for name in some):
            assert not self.attempt(call, VmStateError)
            return
        trial = copy.deepcopy(self.plain)
        for name in some:
            trial[name].state = MOVES[verb][trial[name].state]
        short = sum(cell.held for cell in trial.values()) > RIBOSOMES
        if self.attempt(call, *([ResourceExhaustionError] if short else [])):
            self.plain = trial

    @precondition(lambda self: self.plain)
    @rule(data=st.data(), genes=st.lists(st.sampled_from(["b1", "b2", "b3"]), unique=True))
    def edit(self, data: st.DataObject, genes: list[str]) -> None:
        name = data.draw(st.sampled_from(sorted(self.plain)))
        self.attempt(self.bench.cells.set_delta(LOCAL, name, Delta(gene_knockouts=genes)))
        if genes != self.plain[name].genes:
            self.plain[name].past.append("edit")
        self.plain[name].genes = genes

    @precondition(lambda self: self.plain)
    @rule(data=st.data(), wanted=st.sampled_from([0, 300_000, 900_000]))
    def allocate(self, data: st.DataObject, wanted: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.plain)))
        cell = self.plain[name]
        short = cell.state != "stopped" and wanted > self.room(name)
        call = self.bench.cells.allocate(LOCAL, name, Resources(ribosomes=wanted))
        if self.attempt(call, *([ResourceExhaustionError] if short else [])):
            cell.wanted = wanted

    @precondition(lambda self: self.plain)
    @rule(data=st.data(), new=names, genes=st.lists(st.sampled_from(["b1", "b4"]), unique=True))
    def fork(self, data: st.DataObject, new: str, genes: list[str]) -> None:
        source = data.draw(st.sampled_from(sorted(self.plain)))
        mother = self.plain[source]
        at = data.draw(st.sampled_from([None, *range(1, len(mother.snapshots) + 1)]))
        spec = ForkSpec(vm_id=new, snapshot=at, changes=Delta(gene_knockouts=genes))
        call = self.bench.cells.fork(LOCAL, source, [spec])
        now = mother.genes, mother.hours, mother.biomass
        begin = now if at is None else mother.snapshots[at - 1]
        refused = [VmCreationError] if new in self.plain else []
        if self.attempt(call, *([VmStateError] if begin is None else refused)) and begin is not None:
            united = list(dict.fromkeys([*begin[0], *genes]))
            _, hours, biomass = begin
            self.plain[new] = Plain(mother.state, united, hours, biomass, limit=mother.limit)
            self.plain[new].mother, self.plain[new].snapshot = source, at

    @precondition(lambda self: self.plain)
    @rule(data=st.data())
    def snapshot(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.plain)))
        cell = self.plain[name]
        self.attempt(self.bench.cells.snapshot(LOCAL, name, None))
        cell.snapshots.append((cell.genes, cell.hours, cell.biomass))

    @precondition(lambda self: any(cell.snapshots for cell in self.plain.values()))
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        name, cell, number = self.some_snapshot(data)
        kept = cell.snapshots[number - 1]
        call = self.bench.cells.restore(LOCAL, name, number)
        if self.attempt(call, *([VmStateError] if kept is None else [])) and kept is not None:
            cell.genes, cell.hours, cell.biomass = kept
            cell.past.append("restore")

    @precondition(lambda self: any(cell.snapshots for cell in self.plain.values()))
    @rule(data=st.data())
    def delete_snapshot(self, data: st.DataObject) -> None:
        name, cell, number = self.some_snapshot(data)
        call = self.bench.cells.delete_snapshot(LOCAL, name, number)
        if self.attempt(call, *([VmStateError] if cell.snapshots[number - 1] is None else [])):
            cell.snapshots[number - 1] = None

    def some_snapshot(self, data: st.DataObject) -> tuple[str, Plain, int]:
        name = data.draw(st.sampled_from(sorted(n for n, c in self.plain.items() if c.snapshots)))
        cell = self.plain[name]
        return name, cell, data.draw(st.integers(1, len(cell.snapshots)))

    @precondition(lambda self: self.plain)
    @rule(data=st.data(), advance=st.booleans())
    def grow(self, data: st.DataObject, advance: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.plain)))
        cell = self.plain[name]
        process = CellProcessCall(process_code="metabolic_dfba", context={"time_end": 2.0}, advance=advance)
        call = self.bench.cells.processes.execute(LOCAL, name, process)
        if self.attempt(call, *cell.refusals):
            cell.runs += 1
            cell.past.append("process")
            cell.spent += SECONDS
            if advance:
                cell.hours += 2.0
                cell.biomass = 2 * (0.01 if cell.biomass is None else cell.biomass)

    @precondition(lambda self: self.plain)
    @rule(data=st.data(), limit=st.sampled_from([None, 1.0, 5.0]))
    def limit(self, data: st.DataObject, limit: float | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.plain)))
        self.bench.do(self.bench.cells.set_quotas(LOCAL, name, CellQuotas(cpu_seconds=limit)))
        self.plain[name].limit = limit

    @rule()
    def look_at_quotas(self) -> None:
        for name, cell in self.plain.items():
            report = self.bench.do(self.bench.cells.resources(LOCAL, name))
            assert (report.quotas.cpu_seconds, report.usage.cpu_seconds) == (cell.limit, cell.spent)
            assert (report.ribosomes if report.granted else 0) == cell.held

    @precondition(lambda self: any(not cell.refusals for cell in self.plain.values()))
    @rule(data=st.data())
    def grow_and_go_back(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(n for n, c in self.plain.items() if not c.refusals)))
        cell = self.plain[name]
        self.attempt(self.bench.cells.snapshot(LOCAL, name, "before"))
        cell.snapshots.append((cell.genes, cell.hours, cell.biomass))
        process = CellProcessCall(process_code="metabolic_dfba", context={"time_end": 1.0}, advance=True)
        self.attempt(self.bench.cells.processes.execute(LOCAL, name, process))
        cell.runs += 1
        cell.past += ["process", "restore"]
        cell.spent += SECONDS
        self.attempt(self.bench.cells.restore(LOCAL, name, len(cell.snapshots)))

    @rule()
    def restart(self) -> None:
        self.bench.restart()

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        page = self.bench.do(self.bench.cells.page(LOCAL))
        assert [vm.vm_id for vm in page.vms] == sorted(self.plain)
        for vm in page.vms:
            cell = self.plain[vm.vm_id]
            assert (vm.state, vm.delta.gene_knockouts) == (cell.state, cell.genes)
            assert vm.processes_executed == cell.runs
            living = (0.0, None) if vm.living is None else (vm.living.time, vm.living.biomass)
            assert living == (cell.hours, cell.biomass)
            assert (vm.resources.ribosomes if vm.resources else 0) == cell.held

    @invariant()
    def the_past_is_whole(self) -> None:
        for name, cell in self.plain.items():
            entries = self.bench.do(self.bench.cells.history(LOCAL, name, 0, 100)).entries
            assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
            assert [entry.kind for entry in entries] == cell.past
            moves = [entry for entry in entries if entry.after is not None]
            assert [entry.before for entry in moves[1:]] == [entry.after for entry in moves[:-1]]
            status = self.bench.do(self.bench.cells.status(LOCAL, name))
            assert not moves or moves[-1].after == Standing(delta=status.delta, living=status.living)
            ancestors = self.bench.do(self.bench.cells.lineage(LOCAL, name)).ancestors
            assert [one.vm_id for one in ancestors][:2] == [name, *([cell.mother] if cell.mother else [])]
            assert (ancestors[0].parent, ancestors[0].snapshot) == (cell.mother, cell.snapshot)


EXAMPLES = 30 if SERVER is None else 5
CellsMachine.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None)
TestCells = CellsMachine.TestCase
