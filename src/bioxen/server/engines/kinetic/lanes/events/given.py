"""What the drivers are given of a model's events, in a tuple that they pass on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int32]
Truths = NDArray[np.bool_]


class Events(NamedTuple):
    """The events of a model, and where the working numbers for them lie."""

    functions: NDArray[np.int64]
    """Addresses: triggers; delays, then priorities; of each event the arguments of its draws, its values, the
    arguments of its delay's draws; 0 where there is nothing."""
    size: int
    """How many there are."""
    roots: int
    """Truths that are remembered: those of the events' triggers, then what else jumps."""
    initially: Truths
    """What each of those counts as before the start."""
    keeps: Truths
    """Whether values are those of the time of the trigger."""
    persistent: Truths
    ranked: Truths
    """Whether an event has a priority; those without come after, in this order."""
    finite: bool
    """Whether a value that is not finite ends the member."""
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
    """First rows of each kind of working numbers."""
    room: int
    """How many events may wait in a lane."""


TRIGGERS, TIMING, EACH = range(3)
"""Places in `Events.functions`; from `EACH` on three for every event."""
ARGUMENTS_OF_VALUES, VALUES, ARGUMENTS_OF_DELAY = range(3)
(
    AT_TIME,
    AT_STATES,
    AT_PARAMETERS,
    AT_TRIGGERS,
    AT_SEEN,
    AT_TIMING,
    AT_VALUES,
    AT_ARGUMENTS,
    AT_DRAWS,
) = range(9)
"""Places in `Events.rows`: triggers remembered and those of now; delays and priorities; what an event
assigns; arguments of draws, and what was drawn."""

ROOM = 1000
"""Events that may wait for their delays in one lane."""
