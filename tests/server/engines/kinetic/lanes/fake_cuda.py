"""A CUDA driver that is not there: it keeps an account of what is asked, and runs kernels on the CPU."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np


class FakeCuda:
    """Answers as `cuda.bindings.driver` does: a code, then what was asked for.

    Args:
        kernel: what a launch does, given the count of threads and the arguments.
        room: bytes that may be allocated at a time.
        failing: calls that fail, with the code of each.
        devices: how many there are.
    """

    def __init__(
        self,
        kernel: Callable[[int, list[int]], None] | None = None,
        room: float = float("inf"),
        failing: dict[str, int] | None = None,
        devices: int = 1,
    ) -> None:
        self.calls: list[str] = []
        self.launched: list[int] = []
        """Members of each launch."""
        self.modules: list[bytes] = []
        self._kernel, self._room, self._failing = kernel, room, failing or {}
        self._devices = devices
        self._held: dict[int, np.ndarray[Any, Any]] = {}

    @property
    def held(self) -> int:
        """Allocations that were not freed."""
        return len(self._held)

    def __getattr__(self, name: str) -> Callable[..., tuple[Any, ...]]:
        def call(*arguments: Any) -> tuple[Any, ...]:
            self.calls.append(name)
            if name in self._failing:
                return (self._failing[name], None)
            return getattr(self, f"_{name}")(*arguments)  # type: ignore[no-any-return]

        return call

    def _cuInit(self, flags: int) -> tuple[Any, ...]:  # noqa: N802
        return (0,)

    def _cuDeviceGetCount(self) -> tuple[Any, ...]:  # noqa: N802
        return (0, self._devices)

    def _cuDeviceGet(self, number: int) -> tuple[Any, ...]:  # noqa: N802
        return (0, "device")

    def _cuDevicePrimaryCtxRetain(self, device: str) -> tuple[Any, ...]:  # noqa: N802
        return (0, "context")

    def _cuDeviceGetName(self, length: int, device: str) -> tuple[Any, ...]:  # noqa: N802
        return (0, b"Pretended GPU\0\0")

    def _cuDriverGetVersion(self) -> tuple[Any, ...]:  # noqa: N802
        return (0, 12080)

    def _cuCtxSetCurrent(self, context: str) -> tuple[Any, ...]:  # noqa: N802
        assert context == "context"
        return (0,)

    def _cuModuleLoadData(self, image: bytes) -> tuple[Any, ...]:  # noqa: N802
        assert image.endswith(b"\0")
        self.modules.append(image)
        return (0, f"module{len(self.modules)}")

    def _cuModuleGetFunction(self, module: str, name: bytes) -> tuple[Any, ...]:  # noqa: N802
        assert f".entry {name.decode()}(".encode() in self.modules[-1]
        return (0, "function")

    def _cuModuleUnload(self, module: str) -> tuple[Any, ...]:  # noqa: N802
        return (0,)

    def _cuMemAlloc(self, size: int) -> tuple[Any, ...]:  # noqa: N802
        if sum(array.nbytes for array in self._held.values()) + size > self._room:
            return (2, None)
        array = np.full(size, 0xFF, np.uint8)
        self._held[array.ctypes.data] = array
        return (0, array.ctypes.data)

    def _cuMemFree(self, place: int) -> tuple[Any, ...]:  # noqa: N802
        del self._held[place]
        return (0,)

    def _cuMemcpyHtoD(self, place: int, source: int, size: int) -> tuple[Any, ...]:  # noqa: N802
        assert size <= self._held[place].nbytes
        ctypes.memmove(place, source, size)
        return (0,)

    def _cuMemcpyDtoH(self, target: int, place: int, size: int) -> tuple[Any, ...]:  # noqa: N802
        assert size <= self._held[place].nbytes
        ctypes.memmove(target, place, size)
        return (0,)

    def _cuCtxSynchronize(self) -> tuple[Any, ...]:  # noqa: N802
        return (0,)

    def _cuLaunchKernel(self, function: str, *rest: int) -> tuple[Any, ...]:  # noqa: N802
        blocks, _, _, threads, _, _, shared, stream, addresses, extra = rest
        assert (shared, stream, extra) == (0, 0, 0)
        assert self._kernel is not None
        pointers = ctypes.cast(addresses, ctypes.POINTER(ctypes.POINTER(ctypes.c_uint64)))
        count = pointers[0].contents.value
        assert (blocks - 1) * threads < count <= blocks * threads
        self.launched.append(count)
        self._kernel(count, [pointers[1 + i].contents.value for i in range(_ARGUMENTS)])
        return (0,)


_ARGUMENTS = 9
"""Of the integrator's kernel, less the count."""
