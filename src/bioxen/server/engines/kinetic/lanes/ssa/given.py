"""What the drivers are given, in the tuples that they pass on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int32]
Truths = NDArray[np.bool_]


class Reactions(NamedTuple):
    """What each reaction changes, and what changes each state."""

    size: int
    """How many there are."""
    pointers: Numbers
    """Where each reaction's entries begin."""
    species: Numbers
    changes: Floats
    of_states: Numbers
    """Where each state's entries begin."""
    reactions: Numbers
    changes_of_states: Floats


class Occasions(NamedTuple):
    """What happens besides reactions, and where the working numbers for it lie."""

    functions: NDArray[np.int64]
    """Addresses: rates of the clocks, triggers, crossings, delays and then priorities; then of each event the
    arguments of its draws, its values, the arguments of its delay's draws; 0 where there is nothing."""
    clocks: Numbers
    """States that follow the time."""
    events: int
    crossings: int
    watch: bool
    """Whether a firing may change a trigger."""
    restless: bool
    """Whether a firing may change when something jumps."""
    initially: Truths
    keeps: Truths
    """Whether values are those of the time of the trigger."""
    persistent: Truths
    ranked: Truths
    """Whether an event has a priority."""
    pointers: Numbers
    """Where each event's targets begin."""
    targets: Numbers
    """States, then parameters, that events set."""
    draws: Numbers
    """Where each event's draws begin; those of its values come before those of its delay."""
    delay_draws: Numbers
    """Where those of its delay begin."""
    codes: Numbers
    """Distributions of the draws."""
    whole: Truths
    """States that are numbers of molecules."""
    rows: NDArray[np.int64]
    """First rows: draws, propensities, rates of the clocks, triggers, triggers seen, crossings, delays and
    priorities, values, arguments of draws; then the number of all rows."""
    room: int
    """How many events may wait in a lane."""


CLOCKS, TRIGGERS, CROSSINGS, TIMING, EACH = range(5)
"""Places in `Occasions.functions`; from `EACH` on three for every event."""
ARGUMENTS_OF_VALUES, VALUES, ARGUMENTS_OF_DELAY = range(3)
(
    AT_DRAWS,
    AT_PROPENSITIES,
    AT_CLOCKS,
    AT_TRIGGERS,
    AT_SEEN,
    AT_CROSSINGS,
    AT_TIMING,
    AT_VALUES,
    AT_ARGUMENTS,
) = range(9)
"""Places in `Occasions.rows`."""
