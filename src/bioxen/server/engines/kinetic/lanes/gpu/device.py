"""An NVIDIA GPU, through the CUDA driver alone: no toolkit, no runtime library."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from bioxen.server.engines.kinetic.lanes.gpu.assemble import KERNEL, Driver, ptx
from bioxen.server.engines.kinetic.lanes.gpu.machines import (
    Argument,
    DeviceFailure,
    Given,
    OutOfMemory,
    Wanted,
)

THREADS = 64
"""Threads of a block: few, for each needs up to 255 registers."""
MOST_MODULES = 16
"""Kernels that stay loaded."""
_OUT_OF_MEMORY = 2


class Device:
    """The first GPU; everything is asked of `cuda`, the module `cuda.bindings.driver` or one like it."""

    def __init__(self, cuda: Any) -> None:
        """Open the device in this process.

        Raises:
            DeviceFailure: there is none.
        """
        self._cuda = cuda
        self._broken: str | None = None
        self._functions: OrderedDict[Driver, tuple[Any, Any]] = OrderedDict()
        self._ask("cuInit", 0)
        if not self._ask("cuDeviceGetCount"):
            raise DeviceFailure("no GPU")
        device = self._ask("cuDeviceGet", 0)
        self._context = self._ask("cuDevicePrimaryCtxRetain", device)
        title = self._ask("cuDeviceGetName", 128, device).split(b"\0")[0].decode()
        version = self._ask("cuDriverGetVersion")
        self.name = f"{title}, CUDA driver {version // 1000}.{version % 1000 // 10}"
        """What a result says of it."""

    def run(self, driver: Driver, count: int, arguments: Sequence[Argument]) -> None:
        """Run `count` members, a thread each.

        Raises:
            OutOfMemory: fewer members may do.
            DeviceFailure: nothing else will do.
        """
        if count == 0:
            return
        if self._broken is not None:
            raise DeviceFailure(self._broken)
        self._ask("cuCtxSetCurrent", self._context)
        function = self._function(driver)
        with self._memory(arguments) as places:
            self._launch(function, count, places)
            for argument, place in zip(arguments, places, strict=True):
                if isinstance(argument, Wanted):
                    array = argument.array
                    self._ask("cuMemcpyDtoH", array.ctypes.data, place, array.nbytes)

    def _function(self, driver: Driver) -> Any:
        if driver not in self._functions:
            module = self._ask("cuModuleLoadData", ptx(driver).encode() + b"\0")
            self._functions[driver] = (self._ask("cuModuleGetFunction", module, KERNEL.encode()), module)
            if len(self._functions) > MOST_MODULES:
                _, (_, oldest) = self._functions.popitem(last=False)
                self._ask("cuModuleUnload", oldest)
        self._functions.move_to_end(driver)
        return self._functions[driver][0]

    @contextmanager
    def _memory(self, arguments: Sequence[Argument]) -> Iterator[list[int]]:
        """Give each array a place on the device, the given ones with their numbers; free them in the end."""
        places: list[int] = []
        taken: list[Any] = []
        try:
            for argument in arguments:
                if isinstance(argument, int):
                    places.append(argument)
                    continue
                place = self._ask("cuMemAlloc", max(argument.array.nbytes, 8))
                taken.append(place)
                places.append(int(place))
                if isinstance(argument, Given):
                    self._ask("cuMemcpyHtoD", place, argument.array.ctypes.data, argument.array.nbytes)
            yield places
        finally:
            for place in taken:
                if self._broken is None:
                    self._ask("cuMemFree", place)

    def _launch(self, function: Any, count: int, places: list[int]) -> None:
        numbers = np.array([count, *places], np.uint64)  # every argument has 64 bits
        addresses = numbers.ctypes.data + 8 * np.arange(len(numbers), dtype=np.uint64)
        blocks = -(-count // THREADS)
        shape = (blocks, 1, 1, THREADS, 1, 1)
        self._ask("cuLaunchKernel", function, *shape, 0, 0, addresses.ctypes.data, 0)
        self._ask("cuCtxSynchronize")

    def _ask(self, name: str, *arguments: Any) -> Any:
        """Call the driver; its first answer is a code, and what follows is the answer.

        Any code but that for memory may leave the context unusable, so the device is not asked again.
        """
        try:
            code, *rest = getattr(self._cuda, name)(*arguments)
        except RuntimeError as error:  # how the bindings say that there is no driver, or an older one
            self._broken = f"no usable CUDA driver: {error}"
            raise DeviceFailure(self._broken) from error
        if int(code) == _OUT_OF_MEMORY:
            raise OutOfMemory("out of memory")
        if int(code) != 0:
            self._broken = f"{name} failed: {getattr(code, 'name', int(code))}"
            raise DeviceFailure(self._broken)
        return rest[0] if rest else None


@cache
def device() -> Device:
    """Return the GPU of this process, opened when it is first asked for: a context must not be forked.

    Raises:
        DeviceFailure: CUDA's bindings are not installed, or there is no driver or GPU.
    """
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise DeviceFailure("cuda-bindings is not installed") from error
    return Device(driver)
