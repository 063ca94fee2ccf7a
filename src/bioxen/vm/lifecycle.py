"""The life of a cell as a pure state machine.

::

    created ──start──▸ running ──pause──▸ paused ──resume──▸ running
                          │                  │
                          └──────stop────────┴──▸ stopped ──start──▸ running
    any of them ──destroy──▸ destroyed, from which nothing leads
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bioxen.errors import VmStateError
from bioxen.protocol.cells import VmState

Verb = Literal["start", "pause", "resume", "stop", "destroy"]

_MOVES: Mapping[VmState, Mapping[Verb, VmState]] = {
    "created": {"start": "running", "destroy": "destroyed"},
    "running": {"pause": "paused", "stop": "stopped", "destroy": "destroyed"},
    "paused": {"resume": "running", "stop": "stopped", "destroy": "destroyed"},
    "stopped": {"start": "running", "destroy": "destroyed"},
    "destroyed": {},
}


def allowed(state: VmState) -> tuple[Verb, ...]:
    """Return what a cell in `state` can do."""
    return tuple(_MOVES[state])


def advance(state: VmState, verb: Verb, vm_id: str) -> VmState:
    """Return the state that `verb` leads to.

    Raises:
        VmStateError: a cell in `state` cannot do that.
    """
    following = _MOVES[state].get(verb)
    if following is None:
        raise _illegal(state, verb, vm_id)
    return following


def require_running(state: VmState, vm_id: str) -> None:
    """Check that a cell in `state` can execute processes.

    Raises:
        VmStateError: it is not running.
    """
    if state != "running":
        raise _illegal(state, "execute a process", vm_id)


def require_alive(state: VmState, vm_id: str, action: str) -> None:
    """Check that a cell in `state` can still be changed.

    Raises:
        VmStateError: it is destroyed.
    """
    if state == "destroyed":
        raise _illegal(state, action, vm_id)


def _illegal(state: VmState, action: str, vm_id: str) -> VmStateError:
    verbs = allowed(state)
    remedy = f"It allows {' or '.join(f'{verb}()' for verb in verbs)}." if verbs else "Make a new cell."
    return VmStateError(
        f"The cell {vm_id!r} is {state} and cannot {action}.",
        details={"vm_id": vm_id, "state": state, "allowed": list(verbs), "remedy": remedy},
    )
