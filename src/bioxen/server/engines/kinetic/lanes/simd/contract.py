"""What the drivers ask of a model's program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Addresses(Protocol):
    """Addresses of a program's functions `f(t, y, p, out)`; 0 where there is none."""

    rates: int
    fluxes: int
    jacobian: int
    time_rate: int
    triggers: int
    assign: Sequence[int]


class Runnable(Protocol):
    """A model's program, as the drivers see it."""

    width: int
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    default_states: NDArray[np.float64]
    default_parameters: NDArray[np.float64]
    state_scale: NDArray[np.float64]
    jacobian_rows: NDArray[np.int32]
    jacobian_columns: NDArray[np.int32]
    event_count: int
    event_initial_values: Sequence[bool]
    root_count: int
    addresses: Any
