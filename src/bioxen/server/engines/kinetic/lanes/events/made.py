"""From a program to what the drivers are given of its events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bioxen.server.engines.kinetic.lanes.events.given import ROOM, Events, Truths
from bioxen.server.engines.kinetic.lanes.simd.contract import Runnable

Drawn = tuple[Sequence[int], Sequence[int], Sequence[int]]
"""Draws of each event's values, those of its delay, then the distribution of each draw."""


def events_of(
    program: Runnable,
    functions: Sequence[int],
    rows: Sequence[int],
    *,
    roots: int,
    whole: Truths | None = None,
    ranked: Sequence[bool] = (),
    drawn: Drawn = ((), (), ()),
) -> Events:
    """Return the events of a program.

    Args:
        program: it names their targets and kinds.
        functions: addresses in the order of `Events.functions`.
        rows: where working numbers lie, in the order of `Events.rows`.
        roots: truths that are remembered; see `Events.roots`.
        whole: which states are numbers of molecules; then every number must be finite.
        ranked: which events have a priority, none where absent.
        drawn: none where absent.
    """
    count = program.event_count
    initially = np.zeros(roots, np.bool_)
    initially[:count] = program.event_initially
    sizes = [len(targets) for targets in program.event_targets]
    of_values, of_delays, codes = (each or [0] * count for each in drawn)
    starts = np.cumsum([0, *(sum(both) for both in zip(of_values, of_delays, strict=True))])
    return Events(
        functions=np.array(functions, np.int64),
        size=count,
        roots=roots,
        initially=initially,
        keeps=np.array(program.event_uses_trigger_values, np.bool_),
        persistent=np.array(program.event_persistent, np.bool_),
        ranked=np.array(ranked or [False] * count, np.bool_),
        finite=whole is not None,
        pointers=np.cumsum([0, *sizes]).astype(np.int32),
        targets=np.array([target for each in program.event_targets for target in each], np.int32),
        draws=starts.astype(np.int32),
        delay_draws=(starts[:-1] + np.array(of_values, np.int64)).astype(np.int32),
        codes=np.array(codes, np.int32),
        whole=np.zeros(len(program.states), np.bool_) if whole is None else whole,
        rows=np.array(rows, np.int64),
        room=ROOM if any(program.event_delayed) else max(count, 1),
    )
