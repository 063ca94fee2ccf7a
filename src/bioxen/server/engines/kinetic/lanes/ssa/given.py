"""What the drivers are given, in the tuples that they pass on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.given import Events

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

    events: Events
    functions: NDArray[np.int64]
    """Addresses: rates of the clocks, crossings; 0 where there is nothing."""
    clocks: Numbers
    """States that follow the time."""
    crossings: int
    watch: bool
    """Whether a firing may change a trigger."""
    restless: bool
    """Whether a firing may change when something jumps."""
    rows: NDArray[np.int64]
    """First rows: propensities, rates of the clocks, crossings; then the number of all rows."""


CLOCKS, CROSSINGS = range(2)
"""Places in `Occasions.functions`."""
AT_PROPENSITIES, AT_CLOCKS, AT_CROSSINGS = range(3)
"""Places in `Occasions.rows`."""
