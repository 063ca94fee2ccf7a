"""Small systems written by hand, with the interface of compiled models: what they compute is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
from numba import types

from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH as W

_POINTER = types.CPointer(types.float64)
_KEPT: list[Any] = []


def address(function: Callable[..., None]) -> int:
    """Compile `function(lane, t, y, p, out)`; `t[lane]`, `y[i * W + lane]` and so on; return its address."""
    one = numba.njit(function)

    def every(t, y, p, out):
        for lane in range(W):
            one(lane, t, y, p, out)

    kept = numba.cfunc(types.void(_POINTER, _POINTER, _POINTER, _POINTER))(every)
    _KEPT.append(kept)
    return int(kept.address or 0)


@dataclass
class Ready:
    addresses: dict[str, int]

    def extended(self, parameters: Any) -> Any:
        return parameters


@dataclass
class System:
    """A program written by hand."""

    default_states: Any
    default_parameters: Any
    rates: int = 0
    fluxes: int = 0
    jacobian: int = 0
    pattern: tuple[tuple[int, int], ...] = ()
    time_rate: int = 0
    triggers: int = 0
    delays: int = 0
    assign: tuple[int, ...] = ()
    moments: int = 0
    moment_count: int = 0
    jumps_unpredictably: bool = False
    foreseen: Any = None
    jumps_with_states: bool = True
    event_count: int = 0
    event_initially: tuple[bool, ...] = ()
    event_persistent: tuple[bool, ...] = ()
    event_delayed: tuple[bool, ...] = ()
    event_uses_trigger_values: tuple[bool, ...] = ()
    event_targets: tuple[Any, ...] = ()
    root_count: int = 0
    stoichiometry: Any = None
    integral_stoichiometry: bool = False
    width: int = W
    state_scale: Any = None
    states: tuple[str, ...] = field(init=False)
    parameters: tuple[str, ...] = field(init=False)
    jacobian_rows: Any = field(init=False)
    jacobian_columns: Any = field(init=False)

    def __post_init__(self) -> None:
        self.default_states = np.array(self.default_states, float)
        self.default_parameters = np.array(self.default_parameters, float)
        self.states = tuple(f"y{i}" for i in range(len(self.default_states)))
        self.parameters = tuple(f"p{i}" for i in range(len(self.default_parameters)))
        self.state_scale = np.ones(len(self.states)) if self.state_scale is None else self.state_scale
        self.jacobian_rows = np.array([row for row, _ in self.pattern], np.int32)
        self.jacobian_columns = np.array([column for _, column in self.pattern], np.int32)

    def prepared(self, *functions: str) -> Ready:
        return Ready({name: getattr(self, name) for name in functions})


def vanderpol() -> System:
    def rates(lane, t, y, p, out):
        out[lane] = y[W + lane]
        out[W + lane] = p[lane] * (1 - y[lane] ** 2) * y[W + lane] - y[lane]

    def jacobian(lane, t, y, p, out):
        out[lane] = 1.0
        out[W + lane] = -2 * p[lane] * y[lane] * y[W + lane] - 1
        out[2 * W + lane] = p[lane] * (1 - y[lane] ** 2)

    return System(
        [2.0, 0.0], [5.0], rates=address(rates), jacobian=address(jacobian), pattern=((0, 1), (1, 0), (1, 1))
    )


def robertson() -> System:
    def rates(lane, t, y, p, out):
        a, b, c = y[lane], y[W + lane], y[2 * W + lane]
        slow, back, fast = p[lane] * a, p[W + lane] * b * c, p[2 * W + lane] * b * b
        out[lane] = back - slow
        out[W + lane] = slow - back - fast
        out[2 * W + lane] = fast

    def jacobian(lane, t, y, p, out):
        b, c = y[W + lane], y[2 * W + lane]
        k1, k2, k3 = p[lane], p[W + lane], p[2 * W + lane]
        numbers = (-k1, k2 * c, k2 * b, k1, -k2 * c - 2 * k3 * b, -k2 * b, 2 * k3 * b)
        for i in range(7):
            out[i * W + lane] = numbers[i]

    pattern = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 1))
    return System(
        [1.0, 0.0, 0.0], [0.04, 1e4, 3e7], rates=address(rates), jacobian=address(jacobian), pattern=pattern
    )


def driven() -> System:
    """y' = -p0 (y - cos t) - sin t: y = cos t + (y0 - 1) exp(-p0 t)."""

    def rates(lane, t, y, p, out):
        out[lane] = -p[lane] * (y[lane] - np.cos(t[lane])) - np.sin(t[lane])

    def jacobian(lane, t, y, p, out):
        out[lane] = -p[lane]

    def time_rate(lane, t, y, p, out):
        out[lane] = -p[lane] * np.sin(t[lane]) - np.cos(t[lane])

    return System(
        [1.5],
        [2.0],
        rates=address(rates),
        jacobian=address(jacobian),
        time_rate=address(time_rate),
        pattern=((0, 0),),
    )


def oscillator() -> System:
    """y'' = -p0^2 y."""

    def rates(lane, t, y, p, out):
        out[lane] = y[W + lane]
        out[W + lane] = -p[lane] * p[lane] * y[lane]

    def jacobian(lane, t, y, p, out):
        out[lane] = 1.0
        out[W + lane] = -p[lane] * p[lane]

    return System(
        [1.0, 0.0], [1.0], rates=address(rates), jacobian=address(jacobian), pattern=((0, 1), (1, 0))
    )


def bouncing_ball() -> System:
    """A ball that falls with p0 and bounces with p1 of its speed; each bounce is counted in p2."""

    def rates(lane, t, y, p, out):
        out[lane] = y[W + lane]
        out[W + lane] = -p[lane]

    def jacobian(lane, t, y, p, out):
        out[lane] = 1.0

    def triggers(lane, t, y, p, out):
        out[lane] = 1.0 if y[lane] < 0 else 0.0

    def bounce(lane, t, y, p, out):
        out[lane] = 0.0
        out[W + lane] = -p[W + lane] * y[W + lane]
        out[2 * W + lane] = p[2 * W + lane] + 1

    return System(
        [1.0, 0.0],
        [9.81, 0.8, 0.0],
        rates=address(rates),
        jacobian=address(jacobian),
        pattern=((0, 1),),
        triggers=address(triggers),
        assign=(address(bounce),),
        event_count=1,
        event_initially=(True,),
        event_uses_trigger_values=(True,),
        event_persistent=(True,),
        event_delayed=(False,),
        event_targets=(np.array([0, 1, 4]),),
        root_count=1,
    )


def switched(*, foreseen: bool) -> System:
    """y' = p0 while p1 <= t < p2, else -y: rates that jump at times."""

    def rates(lane, t, y, p, out):
        out[lane] = p[lane] if p[W + lane] <= t[lane] < p[2 * W + lane] else -y[lane]

    def jacobian(lane, t, y, p, out):
        out[lane] = 0.0 if p[W + lane] <= t[lane] < p[2 * W + lane] else -1.0

    def triggers(lane, t, y, p, out):
        out[lane] = 1.0 if t[lane] >= p[W + lane] else 0.0
        out[W + lane] = 1.0 if t[lane] < p[2 * W + lane] else 0.0

    def moments(lane, t, y, p, out):
        out[lane] = p[W + lane]
        out[W + lane] = p[2 * W + lane]

    return System(
        [1.0],
        [3.0, 1.0, 2.5],
        rates=address(rates),
        jacobian=address(jacobian),
        pattern=((0, 0),),
        triggers=address(triggers),
        moments=address(moments) if foreseen else 0,
        moment_count=2 if foreseen else 0,
        root_count=2,
    )


def blow_up() -> System:
    """y' = p0 y^2: y = y0 / (1 - p0 y0 t)."""

    def rates(lane, t, y, p, out):
        out[lane] = p[lane] * y[lane] * y[lane]

    def jacobian(lane, t, y, p, out):
        out[lane] = 2 * p[lane] * y[lane]

    return System([1.0], [1.0], rates=address(rates), jacobian=address(jacobian), pattern=((0, 0),))
