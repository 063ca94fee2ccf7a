"""What a cell is beyond its edits: where it stands, where it comes from, and what was computed on it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bioxen.protocol.base import MappingMessage, Message
from bioxen.protocol.cells import Delta, Living, VmId, VmStatus

Label = Annotated[str, Field(min_length=1, max_length=128)]


class VmPage(Message):
    """Some of the cells, in the order of their ids."""

    vms: list[VmStatus]
    next: str | None
    """Give it as `after` to get what follows; null at the end."""


class ForkSpec(Message):
    """The body of `POST /vms/{vm_id}/forks`: a new cell that begins where the other stands."""

    vm_id: VmId
    """The new cell's name."""
    changes: Delta = Field(default_factory=Delta)
    """How it differs: knock-outs add up, a medium or seed replaces, all else wins key by key."""
    snapshot: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Begin at this snapshot of the other cell; where it stands now where absent."""


class SnapshotSpec(Message):
    """The body of `POST /vms/{vm_id}/snapshots`."""

    name: Label | None = None


class Snapshot(MappingMessage):
    """Edits and living state of a cell at one moment; kept as long as the cell."""

    number: int
    """1 for the first."""
    name: str | None
    delta: Delta
    living: Living | None
    created_at: str
    """ISO 8601, UTC."""


class RestoreSpec(Message):
    """The body of `POST /vms/{vm_id}/restore`."""

    snapshot: Annotated[int, Field(ge=1, le=2**31 - 1)]


class Kin(Message):
    """One cell of a lineage."""

    vm_id: str
    changes: Delta | None
    """How it differed from the one it comes from when it was forked; null for one that was made new."""
    created_at: str
    destroyed: bool


class Lineage(Message):
    """Whom a cell descends from, and who descends from it."""

    ancestors: list[Kin]
    """The cell itself first, then the one it was forked from, and so on to the first."""
    children: list[Kin]
    """The cells that were forked from it and live, or have descendants that do; at most 1000."""


class HistoryEntry(Message):
    """A process that was computed on a cell."""

    number: int
    process_code: str
    advance: bool
    """Whether the cell moved on by it."""
    request_digest: str
    """sha256 of the canonical request, without the cell's id and the deadline."""
    result_digest: str
    """sha256 of the canonical result, without the cell's id."""
    created_at: str


class HistoryPage(Message):
    """Some of what was computed on a cell, the first first."""

    entries: list[HistoryEntry]
    next: int | None
    """Give it as `after` to get what follows; null at the end."""


class Replayed(Message):
    """A process of the past, computed once more from the same start."""

    number: int
    process_code: str
    same: bool
    """Whether request and result have the same digests as the first time."""
    request_digest: str
    result_digest: str
    """What they are now."""


class Replay(Message):
    """Processes of the past, computed once more; the cell does not move."""

    entries: list[Replayed]
    same: bool
    """Whether all of them are the same."""
    next: int | None
    """Give it as `after` to replay what follows; null at the end."""
