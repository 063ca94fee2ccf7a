"""Makes cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bioxen.errors import VmCreationError, did_you_mean
from bioxen.protocol.cells import VmConfig, VmType
from bioxen.vm.cell import BasicBiologicalVM, BiologicalVM, EnhancedBiologicalVM, LightweightBiologicalVM

VM_CLASSES: dict[VmType, type[BiologicalVM]] = {
    "basic": BasicBiologicalVM,
    "lightweight": LightweightBiologicalVM,
    "enhanced": EnhancedBiologicalVM,
}
REFUSED = {
    "xcpng": "cells on XCP-ng hosts are not supported: a cell is data here, not a machine image",
}
"""Types that are known and cannot be made, with the reason."""


def get_supported_vm_types() -> list[str]:
    """Return the types of cells that can be made."""
    return list(VM_CLASSES)


def create_bio_vm(
    vm_id: str,
    biological_type: str,
    vm_type: str = "basic",
    config: VmConfig | Mapping[str, Any] | None = None,
) -> BiologicalVM:
    """Return a new cell, in the state `created`.

    Args:
        vm_id: its name, of letters, digits and `_.-`.
        biological_type: its chassis; see `get_supported_biological_types()`.
        vm_type: `basic` (symbolic unless configured), `lightweight` (asks services) or `enhanced` (asks
            services and remembers their answers).
        config: see `VmConfig`.

    Raises:
        VmCreationError: the id is not of that form, or there is no such type of cell.
        ChassisError: there is no such chassis.
        ConfigurationError: settings contradict each other.
        ValidationError: the config is not of its form.
    """
    return _class_of(vm_type)(vm_id, biological_type, config)


def create_enhanced_bio_vm(
    vm_id: str, biological_type: str, vm_type: str = "basic", enhanced_execution: bool = True
) -> BiologicalVM:
    """Return a new cell that can ask services and remembers their answers.

    Args:
        vm_id: its name.
        biological_type: its chassis.
        vm_type: checked, and otherwise without effect: the cell is of the type `enhanced`.
        enhanced_execution: whether it computes from the start (mode `hybrid`), or after
            `enable_enhanced_execution()`.

    Raises:
        BioXenException: see `create_bio_vm`.
    """
    _class_of(vm_type)
    config = VmConfig(execution_mode="hybrid" if enhanced_execution else "symbolic")
    return EnhancedBiologicalVM(vm_id, biological_type, config)


def _class_of(vm_type: str) -> type[BiologicalVM]:
    for name, vm_class in VM_CLASSES.items():
        if name == vm_type:
            return vm_class
    if vm_type in REFUSED:
        raise VmCreationError(
            f"No cell of the type {vm_type!r} can be made: {REFUSED[vm_type]}.",
            details={"place": "vm_type", "remedy": f"Choose {', '.join(VM_CLASSES)}."},
        )
    known = list(VM_CLASSES)
    details = {"place": "vm_type", **did_you_mean(vm_type, known), "known": known}
    raise VmCreationError(f"There is no type of cell {vm_type!r}.", details=details)
