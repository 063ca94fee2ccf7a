"""A point in a run to come back to: pivots made after it are written over."""

from __future__ import annotations

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.state import State


@compiled
def save(s: State, saved: State) -> None:
    """Note where `s` stands."""
    _copy(s, saved)


@compiled
def restore(s: State, saved: State) -> None:
    """Go back there."""
    _copy(saved, s)


@compiled
def _copy(source: State, target: State) -> None:
    target.basic[:], target.x_basic[:] = source.basic, source.x_basic
    target.low_basic[:], target.high_basic[:] = source.low_basic, source.high_basic
    target.nonbasic[:], target.x[:] = source.nonbasic, source.x
    target.low[:], target.high[:] = source.low, source.high
    target.row_weights[:], target.column_weights[:] = source.row_weights, source.column_weights
    target.slopes[:] = source.slopes
    target.feasible[:], target.k[:] = source.feasible, source.k
