"""Where a hypervisor comes from: `local()` starts services on this machine, `connect()` finds them by URL.

What `local` means is registered under the entry point group `bioxen.hosts`, so that this storey never
imports what computes.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, cast

from bioxen.errors import MissingModuleError
from bioxen.protocol.services import ORCHESTRATOR_PORT

if TYPE_CHECKING:
    from bioxen.vm.hypervisor import BioXenHypervisor

ENTRY_POINT_GROUP = "bioxen.hosts"


def local(**options: Any) -> AbstractContextManager[BioXenHypervisor]:
    """Return a context that starts services on this machine and gives a hypervisor that asks them.

    Args:
        options: those of the registered host; see `bioxen.server.local.local`.

    Raises:
        MissingModuleError: the packages that compute are not installed.
    """
    (point, *_) = tuple(entry_points(group=ENTRY_POINT_GROUP, name="local")) or (None,)
    if point is None:
        raise _missing("no host is registered")
    try:
        host = point.load()
    except ImportError as error:
        raise _missing(str(error)) from error
    return cast("AbstractContextManager[BioXenHypervisor]", host(**options))


def connect(url: str = f"http://127.0.0.1:{ORCHESTRATOR_PORT}", token: str | None = None) -> BioXenHypervisor:
    """Return a hypervisor whose cells ask the orchestrator at `url`, tools included; asks nothing yet.

    Raises:
        ConfigurationError: `url` is no http or https URL.
    """
    from bioxen.client import BiologicalComputationClient
    from bioxen.vm.hypervisor import BioXenHypervisor

    return BioXenHypervisor(BiologicalComputationClient(url, url, url, token=token))


def _missing(why: str) -> MissingModuleError:
    return MissingModuleError(
        f"Services cannot be started on this machine: {why}.",
        details={"remedy": 'Install them with pip install "bioxen[server]", or use bioxen.connect(url).'},
    )
