"""BioXen: a hypervisor for virtual cells.

A virtual cell is light: a chassis, its edits and its state. It holds no solver; it sends processes to
computation services that all cells share. What each package is, lowest first; each imports only what
stands above it in this list::

    errors      every fault, with one class and one code for each
    protocol    the wire: typed requests, results, cells and units; the catalogue of processes
    chassis     organisms: facts with their sources, models, medium, objective
    client      the HTTP client of the computation services, transport as an argument
    vm          virtual cells: lifecycle, edits, requests, symbolic execution, cache, hypervisor
    server      what computes: API, orchestrator, workers, engines   (pip install "bioxen[server]")
    cli         the command `bioxen`

To begin::

    import bioxen

    with bioxen.local() as hypervisor:              # or bioxen.connect("http://127.0.0.1:5000")
        cell = hypervisor.create_vm("cell-1", "ecoli")
        cell.start()
        print(cell.execute_biological_process("metabolic_fba").biological_output)

Names load what they need at first use, so that `import bioxen` costs milliseconds and no dependency.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bioxen.chassis import ChassisConfig, get_chassis_config, get_supported_biological_types
    from bioxen.client import BiologicalComputationClient
    from bioxen.errors import BioXenErrorCode, BioXenException
    from bioxen.protocol.cells import Delta, Resources, VmConfig
    from bioxen.protocol.result import ProcessResult
    from bioxen.vm.cell import (
        BasicBiologicalVM,
        BiologicalVM,
        EnhancedBiologicalVM,
        LightweightBiologicalVM,
    )
    from bioxen.vm.execution import BiologicalComputationHypervisor
    from bioxen.vm.factory import create_bio_vm, create_enhanced_bio_vm, get_supported_vm_types
    from bioxen.vm.hosts import connect, local
    from bioxen.vm.hypervisor import BioXenHypervisor
    from bioxen.vm.resources import Capacity

    __version__: str

__all__ = [
    "BasicBiologicalVM",
    "BioXenErrorCode",
    "BioXenException",
    "BioXenHypervisor",
    "BiologicalComputationClient",
    "BiologicalComputationHypervisor",
    "BiologicalVM",
    "Capacity",
    "ChassisConfig",
    "Delta",
    "EnhancedBiologicalVM",
    "LightweightBiologicalVM",
    "ProcessResult",
    "Resources",
    "VmConfig",
    "__version__",
    "connect",
    "create_bio_vm",
    "create_enhanced_bio_vm",
    "get_chassis_config",
    "get_supported_biological_types",
    "get_supported_vm_types",
    "local",
]

_HOMES = {
    "bioxen.chassis": ("ChassisConfig", "get_chassis_config", "get_supported_biological_types"),
    "bioxen.client": ("BiologicalComputationClient",),
    "bioxen.errors": ("BioXenErrorCode", "BioXenException"),
    "bioxen.protocol.cells": ("Delta", "Resources", "VmConfig"),
    "bioxen.protocol.result": ("ProcessResult",),
    "bioxen.vm.cell": (
        "BasicBiologicalVM",
        "BiologicalVM",
        "EnhancedBiologicalVM",
        "LightweightBiologicalVM",
    ),
    "bioxen.vm.execution": ("BiologicalComputationHypervisor",),
    "bioxen.vm.factory": ("create_bio_vm", "create_enhanced_bio_vm", "get_supported_vm_types"),
    "bioxen.vm.hosts": ("connect", "local"),
    "bioxen.vm.hypervisor": ("BioXenHypervisor",),
    "bioxen.vm.resources": ("Capacity",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name at its first use (PEP 562)."""
    if name == "__version__":
        value: Any = importlib.import_module("bioxen._version").VERSION
    elif name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value  # the next use finds it without this function
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
