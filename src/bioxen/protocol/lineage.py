"""What a cell is beyond its edits: where it stands, where it comes from, and what was computed on it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

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
    """Edits and living state of a cell at one moment; kept until it is deleted, or the cell is."""

    number: int
    """1 for the first; that of a deleted one is not given again."""
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
    parent: str | None
    """The one it was forked from; null for one that was made new."""
    snapshot: int | None
    """The snapshot of that one at which it began, which may be deleted by now; null where it began at the
    present, or in a store older than schema 0004, which did not note it."""
    changes: Delta | None
    """How it differed from the one it comes from when it was forked; null for one that was made new."""
    created_at: str
    destroyed: bool


class Lineage(Message):
    """Whom a cell descends from, and who descends from it."""

    ancestors: list[Kin]
    """The cell itself first, then the one it was forked from, and so on to the first."""
    children: list[Kin]
    """Some of the cells that were forked from it and live, or have descendants that do, in the order of their
    ids."""
    next: str | None
    """Give it as `after` to get the children that follow; null at the end."""


class Standing(Message):
    """Where a cell stands."""

    delta: Delta
    living: Living | None
    """Null for one that no process had advanced."""


class HistoryEntry(Message):
    """A process that was computed on a cell, or a change of it.

    Each entry that moved the cell goes on `after` the one before it: together they tell how the cell came to
    be what it is.
    """

    number: int
    kind: Literal["process", "edit", "restore"]
    process_code: str | None
    """Null where nothing was computed, as the next four."""
    context: dict[str, Any] | None
    """What was asked, beside what the cell itself says."""
    request_digest: str | None
    """sha256 of the canonical request, without the cell's id and the deadline."""
    result_digest: str | None
    """sha256 of the canonical result, without the cell's id."""
    advance: bool
    """Whether the cell moved on by a process."""
    snapshot: int | None
    """The one it was restored to, which may be deleted by now; null for all else."""
    before: Standing
    """Where it started from."""
    after: Standing | None
    """Where it stands since then; null where it did not move. A process that a store older than schema 0004
    noted has null too."""
    created_at: str
    """ISO 8601, UTC."""


class HistoryPage(Message):
    """Some of a cell's history, the first first."""

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
