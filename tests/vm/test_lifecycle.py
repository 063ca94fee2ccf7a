from __future__ import annotations

from typing import get_args

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bioxen.errors import BioXenErrorCode, BioXenException, VmStateError
from bioxen.protocol.cells import VmState
from bioxen.vm.factory import create_bio_vm
from bioxen.vm.lifecycle import Verb, advance, allowed

STATES: tuple[VmState, ...] = get_args(VmState)

TABLE = {
    ("created", "start"): "running",
    ("running", "pause"): "paused",
    ("running", "stop"): "stopped",
    ("paused", "resume"): "running",
    ("paused", "stop"): "stopped",
    ("stopped", "start"): "running",
    **{(state, "destroy"): "destroyed" for state in ("created", "running", "paused", "stopped")},
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", get_args(Verb))
def test_every_pair_of_state_and_verb(state: VmState, verb: Verb) -> None:
    if (state, verb) in TABLE:
        assert advance(state, verb, "a") == TABLE[state, verb]
        assert verb in allowed(state)
        return
    with pytest.raises(VmStateError) as caught:
        advance(state, verb, "a")
    assert caught.value.details["state"] == state
    assert caught.value.details["allowed"] == list(allowed(state))
    assert state in caught.value.message
    assert caught.value.remedy


def test_an_illegal_move_is_a_bioxen_exception_with_its_code() -> None:
    with pytest.raises(BioXenException) as caught:
        create_bio_vm("a", "ecoli").pause()
    assert caught.value.code is BioXenErrorCode.VM_STATE_ERROR
    assert "start()" in str(caught.value)


class CellLife(RuleBasedStateMachine):
    """A cell against the simplest model of it: what may be done is done, all else changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = create_bio_vm("a", "ecoli")
        self.state = "created"

    def move(self, verb: Verb) -> None:
        following = TABLE.get((self.state, verb))
        if following is None:
            with pytest.raises(VmStateError):
                getattr(self.cell, verb)()
        else:
            getattr(self.cell, verb)()
            self.state = following

    @rule()
    def start(self) -> None:
        self.move("start")

    @rule()
    def pause(self) -> None:
        self.move("pause")

    @rule()
    def resume(self) -> None:
        self.move("resume")

    @rule()
    def stop(self) -> None:
        self.move("stop")

    @precondition(lambda self: self.state == "stopped")
    @rule()
    def destroy(self) -> None:
        self.move("destroy")

    @rule()
    def execute(self) -> None:
        if self.state == "running":
            assert self.cell.execute_biological_process("metabolic_fba").symbolic
        else:
            with pytest.raises(VmStateError, match="cannot execute a process"):
                self.cell.execute_biological_process("metabolic_fba")

    @rule()
    def edit(self) -> None:
        if self.state == "destroyed":
            with pytest.raises(VmStateError, match="be edited"):
                self.cell.knock_out_genes("b0002")
        else:
            self.cell.knock_out_genes("b0002")

    @invariant()
    def agrees(self) -> None:
        assert self.cell.state == self.cell.get_status().state == self.state


TestCellLife = CellLife.TestCase
