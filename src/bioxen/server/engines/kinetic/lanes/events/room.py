"""Where events wait for their delays, and for their turn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.given import Events
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled, inlined
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH


class Room(NamedTuple):
    """The events that wait in each lane, in the order in which they were triggered."""

    length: NDArray[np.int64]
    due: NDArray[np.float64]
    """[lanes][places]: when each is to be carried out."""
    event: NDArray[np.int64]
    """[lanes][places]"""
    values: NDArray[np.float64]
    """[lanes][places][targets]: what those assign that keep the values of their trigger's time."""
    going: NDArray[np.bool_]
    """[lanes]: whether something may be due; see `occur`."""
    code: NDArray[np.int64]
    """[lanes]: what went wrong, or `DONE`."""


@compiled
def waiting_room(events: Events) -> Room:
    """Return an empty room."""
    most = 0
    for event in range(events.size):
        most = max(most, events.pointers[event + 1] - events.pointers[event])
    return Room(
        np.zeros(WIDTH, np.int64),
        np.zeros((WIDTH, events.room)),
        np.zeros((WIDTH, events.room), np.int64),
        np.zeros((WIDTH, events.room, most)),
        np.zeros(WIDTH, np.bool_),
        np.zeros(WIDTH, np.int64),
    )


@inlined
def next_due(room: Room, lane: int) -> float:
    """Return when the next event that waits is to be carried out; infinity where none waits."""
    soonest = np.inf
    for place in range(room.length[lane]):
        soonest = min(soonest, room.due[lane, place])
    return soonest


@inlined
def leave(room: Room, lane: int, place: int) -> None:
    """Remove what waits at a place; the rest moves up."""
    for at in range(place, room.length[lane] - 1):
        room.due[lane, at] = room.due[lane, at + 1]
        room.event[lane, at] = room.event[lane, at + 1]
        for target in range(room.values.shape[2]):
            room.values[lane, at, target] = room.values[lane, at + 1, target]
    room.length[lane] -= 1


@inlined
def cancel(room: Room, lane: int, event: int) -> None:
    """Remove everything of one event that waits."""
    place = 0
    while place < room.length[lane]:
        if room.event[lane, place] == event:
            leave(room, lane, place)
        else:
            place += 1
