"""Cells that ask the same services share one client; it goes when the last of them goes."""

from __future__ import annotations

import threading
from weakref import WeakValueDictionary

from bioxen.vm.config import ServiceUrls
from bioxen.vm.execution import BiologicalComputationHypervisor
from bioxen.vm.scheduling import Turns

_SHARED: WeakValueDictionary[ServiceUrls, BiologicalComputationHypervisor] = WeakValueDictionary()
_MAKING = threading.Lock()


def shared_router(urls: ServiceUrls) -> BiologicalComputationHypervisor:
    """Return what executes for every cell, held by no hypervisor, that asks the services at `urls`.

    Raises:
        ConfigurationError: a URL is none.
    """
    with _MAKING:
        router = _SHARED.get(urls)
        if router is None:
            router = _SHARED[urls] = make_router(urls)
        return router


def make_router(urls: ServiceUrls, turns: Turns | None = None) -> BiologicalComputationHypervisor:
    """Return a new executor for the services at `urls`.

    Raises:
        ConfigurationError: a URL is none.
    """
    from bioxen.client import BiologicalComputationClient  # here, so that symbolic cells load no HTTP

    return BiologicalComputationHypervisor(BiologicalComputationClient(*urls), turns)
