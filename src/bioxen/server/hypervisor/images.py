"""What a cell is, read from its record: nothing of it stays in memory but a few parsed documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from bioxen.chassis import find_chassis
from bioxen.protocol.base import Message, parse
from bioxen.protocol.cells import (
    Delta,
    ExecutionMode,
    KeptResources,
    Living,
    Resources,
    VmConfig,
    VmSpec,
    VmStatus,
    VmType,
)
from bioxen.protocol.lineage import ForkSpec
from bioxen.protocol.quotas import CellQuotas, Usage
from bioxen.server.store.cell_quotas import own_quotas
from bioxen.server.store.cells import CellRecord, NewCell
from bioxen.vm.cache import ResultCache
from bioxen.vm.config import execution_mode, uses_services
from bioxen.vm.edits import changed
from bioxen.vm.factory import VM_CLASSES, create_bio_vm
from bioxen.vm.requests import NO_DELTA, VmContext

REMEMBERED = 4096


class Image(Message):
    """What cells of a kind share."""

    biological_type: str
    vm_type: VmType
    config: VmConfig
    """Without edits and resources, which are each cell's own."""

    @property
    def services(self) -> bool:
        """Whether its cells may ask services."""
        return uses_services(self.config, VM_CLASSES[self.vm_type].services_by_default)

    @property
    def mode(self) -> ExecutionMode:
        """How its cells execute."""
        return execution_mode(self.config, self.services)

    @property
    def caches(self) -> bool:
        """Whether its cells remember their results."""
        caching = self.config.enable_computation_caching
        return VM_CLASSES[self.vm_type].caches_by_default if caching is None else caching


def new_cell(spec: VmSpec) -> NewCell:
    """Return the record of a new cell.

    Raises:
        BioXenException: see `create_bio_vm`.
    """
    made = create_bio_vm(spec.vm_id, spec.biological_type, spec.vm_type, spec.config)  # it checks everything
    shared = spec.config.model_copy(update={"delta": NO_DELTA, "resources": None})
    return NewCell(
        vm_id=spec.vm_id,
        biological_type=made.biological_type,
        image=text_of(Image(biological_type=made.biological_type, vm_type=spec.vm_type, config=shared)),
        delta=text_of(spec.config.delta),
        resources=None if spec.config.resources is None else text_of(spec.config.resources),
        quotas=own_quotas(spec.quotas),
    )


def forked(record: CellRecord, spec: ForkSpec, delta: Delta, living: str | None) -> NewCell:
    """Return the record of a cell that begins with these edits of another, and changes on top.

    It has the other's quotas: a limit that was set for a cell holds for each of its forks.
    """
    return NewCell(
        vm_id=spec.vm_id,
        biological_type=image_of(record.image).biological_type,
        image=record.image,
        delta=text_of(changed(delta, spec.changes)),
        living=living,
        state=record.state,
        parent=record.cell_id,
        snapshot=spec.snapshot,
        changes=text_of(spec.changes),
        quotas=record.quotas,
    )


def text_of(message: Message) -> str:
    """Return a document as it is kept: equal ones are equal texts."""
    return message.model_dump_json(exclude_defaults=True)


@lru_cache(REMEMBERED)
def image_of(text: str) -> Image:
    """Return the image that a text stands for."""
    return parse(Image, text)


@lru_cache(REMEMBERED)
def delta_of(text: str) -> Delta:
    """Return the edits that a text stands for."""
    delta = parse(Delta, text)
    return NO_DELTA if delta == NO_DELTA else delta


def living_of(text: str | None) -> Living | None:
    """Return the living state that a text stands for."""
    return None if text is None else parse(Living, text)


def resources_of(record: CellRecord) -> Resources | None:
    """Return what a cell asks for."""
    return None if record.resources is None else parse(Resources, record.resources)


def status_of(record: CellRecord) -> VmStatus:
    """Return what a cell says of itself."""
    image = image_of(record.image)
    return VmStatus(
        vm_id=record.vm_id,
        biological_type=image.biological_type,
        vm_type=image.vm_type,
        state=record.state,  # type: ignore[arg-type]  # the database checks it
        execution_mode=image.mode,
        delta=delta_of(record.delta),
        resources=None if record.state == "stopped" else resources_of(record),
        processes_executed=record.processes_executed,
        cache_hits=record.cache_hits,
        created_at=record.created_at,
        living=living_of(record.living),
    )


def resources_report(record: CellRecord, granted: bool, quotas: CellQuotas, usage: Usage) -> KeptResources:
    """Return what a cell says of what it holds and uses."""
    return KeptResources(
        **dict(resources_of(record) or Resources()),
        granted=granted,
        processes_executed=record.processes_executed,
        quotas=quotas,
        own_quotas=[] if record.quotas is None else list(json.loads(record.quotas)),
        usage=usage,
    )


def context_of(record: CellRecord, fields: Mapping[str, Any], cache: ResultCache | None = None) -> VmContext:
    """Return a cell as an execution sees it."""
    image, wanted = image_of(record.image), resources_of(record)
    return VmContext(
        vm_id=record.vm_id,
        chassis=find_chassis(image.biological_type),
        mode=image.mode,
        model=image.config.model,
        kinetic_model=image.config.kinetic_model,
        delta=delta_of(record.delta),
        fields=fields,
        priority=50 if wanted is None else wanted.priority,
        cache=cache,
    )
