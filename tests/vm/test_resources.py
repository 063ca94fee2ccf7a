from __future__ import annotations

import math

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bioxen.errors import (
    BioXenException,
    ConfigurationError,
    ResourceAllocationError,
    ResourceExhaustionError,
    VmStateError,
)
from bioxen.protocol.cells import Resources
from bioxen.vm.factory import create_bio_vm
from bioxen.vm.hypervisor import BioXenHypervisor
from bioxen.vm.resources import Capacity, Ledger

SMALL = Capacity(ribosomes=100, memory_mb=10.0, cell_limit=0.5)
IDS = st.sampled_from(["a", "b", "c", "d"])


class Accounting(RuleBasedStateMachine):
    """Never more is granted than there is, and a refusal changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(SMALL)
        self.held: dict[str, Resources] = {}

    @rule(vm=IDS, ribosomes=st.integers(0, 60), share=st.floats(0, 0.6), memory=st.floats(0, 6))
    def grant(self, vm: str, ribosomes: int, share: float, memory: float) -> None:
        wanted = Resources(ribosomes=ribosomes, atp_share=share, memory_mb=memory)
        try:
            self.ledger.grant(vm, wanted)
        except BioXenException:
            return
        self.held[vm] = wanted

    @rule(vm=IDS)
    def release(self, vm: str) -> None:
        self.ledger.release(vm)
        self.held.pop(vm, None)

    @invariant()
    def is_exact(self) -> None:
        for vm in "abcd":
            assert self.ledger.granted(vm) == self.held.get(vm)
        left = self.ledger.left()
        for name, total in (("ribosomes", 100), ("atp_share", 1.0), ("memory_mb", 10.0)):
            held = math.fsum(cell[name] for cell in self.held.values())
            assert left[name] >= 0
            assert math.isclose(held + left[name], total, abs_tol=1e-5)
            assert all(cell[name] <= total / 2 + 1e-6 for cell in self.held.values())


TestAccounting = Accounting.TestCase


def test_ten_tenths_are_one() -> None:
    ledger = Ledger(Capacity())
    for number in range(10):
        ledger.grant(str(number), Resources(atp_share=0.1))
    assert ledger.left()["atp_share"] == 0
    with pytest.raises(ResourceExhaustionError, match="0 is left"):
        ledger.grant("11", Resources(atp_share=0.1))


@pytest.mark.parametrize(
    "wrong", [{"ribosomes": -1}, {"cell_limit": 0}, {"memory_mb": math.nan}, {"atp_share": 2}]
)
def test_a_capacity_makes_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        Capacity(**wrong)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    "amounts",
    [
        {"ribosomes": -1},
        {"atp_share": 1.5},
        {"priority": 101},
        {"memory_mb": math.inf},
        {"ribosome": 1},
        {"ribosomes": 0.5},
    ],
)
def test_senseless_amounts_are_refused(amounts: dict[str, float]) -> None:
    cell = create_bio_vm("a", "ecoli")
    with pytest.raises(ResourceAllocationError) as caught:
        cell.allocate_resources(amounts)
    assert caught.value.place in amounts
    assert not cell.get_resource_usage().granted


def test_a_cell_alone_keeps_a_wish() -> None:
    cell = create_bio_vm("a", "ecoli", config={"resources": {"ribosomes": 10}})
    usage = cell.allocate_resources(atp_share=0.25)
    assert (usage.ribosomes, usage.atp_share, usage.granted) == (10, 0.25, False)
    with BioXenHypervisor(capacity=SMALL) as hypervisor:
        hypervisor.register_vm(cell)
        assert cell.get_resource_usage()["granted"]
        assert hypervisor.resources_left() == {"ribosomes": 90, "atp_share": 0.75, "memory_mb": 10}


def test_more_than_a_cell_may_hold_and_more_than_is_left() -> None:
    with BioXenHypervisor(capacity=SMALL) as hypervisor:
        for name in "ab":
            hypervisor.create_vm(name).allocate_resources(ribosomes=45)
        third = hypervisor.create_vm("c")
        with pytest.raises(ResourceAllocationError, match="at most 50"):
            third.allocate_resources(ribosomes=51)
        with pytest.raises(ResourceExhaustionError, match="10 is left"):
            third.allocate_resources(ribosomes=11)
        assert third.get_status().resources is None
        third.allocate_resources(ribosomes=10)
        with pytest.raises(ResourceExhaustionError):
            hypervisor.create_vm("d", config={"resources": {"ribosomes": 1}})
        assert "d" not in hypervisor


def test_a_stopped_cell_gives_back_and_claims_again() -> None:
    with BioXenHypervisor(capacity=SMALL) as hypervisor:
        first = hypervisor.create_vm("a", config={"resources": {"atp_share": 0.5}})
        first.start()
        first.pause()
        assert hypervisor.resources_left()["atp_share"] == 0.5
        first.stop()
        assert hypervisor.resources_left()["atp_share"] == 1.0
        assert not first.get_resource_usage().granted
        for name in "bc":
            hypervisor.create_vm(name, config={"resources": {"atp_share": 0.5}})
        with pytest.raises(ResourceExhaustionError):
            first.start()
        assert first.state == "stopped"
        hypervisor.destroy_vm("b")
        first.start()
        assert first.get_resource_usage().granted
        assert hypervisor.remove_vm("a").state == "running"
        assert hypervisor.resources_left()["atp_share"] == 0.5


def test_memory_bounds_the_edits() -> None:
    cell = create_bio_vm("a", "ecoli")
    cell.knock_out_genes(*(f"b{number:04}" for number in range(1000)))
    used = cell.get_resource_usage().memory_used_mb
    assert 0.005 < used < 0.02
    with pytest.raises(ResourceAllocationError, match="at least"):
        cell.allocate_resources(memory_mb=used / 2)
    cell.allocate_resources(memory_mb=used * 1.01)
    with pytest.raises(ResourceExhaustionError, match="memory"):
        cell.knock_out_genes(*(f"c{number:04}" for number in range(1000)))
    assert len(cell.delta.gene_knockouts) == 1000


def test_memory_bounds_a_new_cell_too() -> None:
    config = {"delta": {"gene_knockouts": ["b0002"]}, "resources": {"memory_mb": 1e-6}}
    with pytest.raises(ResourceAllocationError, match="less than the cell's edits take"):
        create_bio_vm("a", "ecoli", config=config)


def test_a_destroyed_cell_holds_nothing() -> None:
    cell = create_bio_vm("a", "ecoli")
    cell.destroy()
    with pytest.raises(VmStateError, match="hold resources"):
        cell.allocate_resources(ribosomes=1)
