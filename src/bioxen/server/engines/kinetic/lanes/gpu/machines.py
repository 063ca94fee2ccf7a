"""Where a driver runs: what is handed over, and the CPU as such a machine."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.gpu.assemble import SPAN, Driver, host_ir
from bioxen.server.engines.kinetic.lanes.native import Code


class DeviceFailure(Exception):  # noqa: N818 - an outcome: the CPU's lanes answer
    """There is no device, or it did not do what it was asked; the words say what."""


class OutOfMemory(DeviceFailure):
    """The device has no room for so many members."""


@dataclass(frozen=True)
class Given:
    """An array that is read."""

    array: NDArray[Any]


@dataclass(frozen=True)
class Wanted:
    """An array that is written."""

    array: NDArray[Any]


Argument = Given | Wanted | int


class Machine(Protocol):
    """Runs drivers."""

    @property
    def name(self) -> str:
        """What a result says of it."""
        ...

    def run(self, driver: Driver, count: int, arguments: Sequence[Argument]) -> None:
        """Run `count` members, and return when every wanted array is there.

        Raises:
            OutOfMemory: fewer members may do.
            DeviceFailure: nothing else will do.
        """
        ...


class Host:
    """This CPU, one member after the other: what the tests run in place of a GPU."""

    name = "CPU, one member after the other"

    def run(self, driver: Driver, count: int, arguments: Sequence[Argument]) -> None:
        """Run every member."""
        numbers = [each if isinstance(each, int) else each.array.ctypes.data for each in arguments]
        kinds = [ctypes.c_uint64 if isinstance(each, int) else ctypes.c_void_p for each in arguments]
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *kinds)(_compiled(driver).addresses[SPAN])
        function(count, *numbers)


@lru_cache(maxsize=16)
def _compiled(driver: Driver) -> Code:
    return Code(host_ir(driver), [SPAN])
