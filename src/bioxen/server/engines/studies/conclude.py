"""What a study reports once all of its members are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bioxen.protocol.kinetic import (
    GlobalSensitivity,
    KineticBatchRequest,
    Members,
    MembersRequest,
    MorrisRequest,
    SampledRequest,
    SobolRequest,
    Summary,
)
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.studies.arrays import Writer, writer
from bioxen.server.engines.studies.block import Block, block_of, join, members_of
from bioxen.server.engines.studies.indices import global_sensitivity
from bioxen.server.engines.studies.summary import summarise
from bioxen.server.engines.studies.terms import terms_of
from bioxen.server.engines.studies.totals import Totals, added, of_block


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The parts of a result that a study fills."""

    message: str
    completed: bool
    settings: dict[str, Setting]
    """How the members were simulated, and how many each way; and KiSAO's terms for it."""
    members: Members | None = None
    summary: Summary | None = None
    global_sensitivity: GlobalSensitivity | None = None


def conclude(request: MembersRequest, block: Block, write: Writer | None = None) -> Conclusion:
    """Return what `request` asks for; a part has its members alone.

    Args:
        request: the study.
        block: its members, or those of its part.
        write: how arrays of members become messages; as the request's encoding says where absent.
    """
    write = write or writer(request.encoding)
    message, completed = _words(block), bool(block.completed.any())
    settings: dict[str, Setting] = {
        "method": ", ".join(f"{name}: {count}" for name, count in sorted(block.methods.items())),
        "kisao": terms_of(block.methods),
    }
    batch = isinstance(request, KineticBatchRequest) and request.report != "summary"
    if request.part is not None or batch:  # where every variant failed, each still says why
        return Conclusion(message, True, settings, members_of(block, write))
    if not completed:
        return Conclusion(message, False, settings)
    if isinstance(request, SobolRequest | MorrisRequest):
        return Conclusion(message, True, settings, global_sensitivity=global_sensitivity(request, block))
    if isinstance(request, SampledRequest) and request.report == "summary":
        return Conclusion(message, True, settings, summary=summarise(request, block))
    return Conclusion(message, True, settings, members_of(block, write))


def joined(
    request: MembersRequest, results: Iterable[Mapping[str, Any]], write: Writer | None = None
) -> dict[str, Any]:
    """Return the result of the whole from those of its parts, all as plain data; see `conclude`."""
    gathered = Gathering(request)
    for result in results:
        gathered.add(result)
    return gathered.result(write)


class Gathering:
    """The answers to the parts of a study as they come, in any order.

    Totals of a summary are added up at once, so that a million members take no more room than thousands.
    """

    def __init__(self, request: MembersRequest) -> None:
        self._request = request
        self._blocks: dict[int, Block] = {}
        """First member → the block, without its totals."""
        self._around: tuple[bool, int, Mapping[str, Any]] | None = None
        """What an answer has beside its members: of the first part with a member that completed, whose
        settings are then known, with whether it has none, and its first member."""
        self._next = request.members_of_part.start
        self._totals: Totals | None = None
        """Those of all blocks before `next`: sums are rounded, so they are added in the order of members."""
        self._begun: list[Totals] = []
        """Those of the parts of the block that `next` is in."""
        self._ahead: dict[int, Totals] = {}

    def add(self, result: Mapping[str, Any]) -> None:
        """Take the answer to a part, as plain data."""
        block = block_of(result)
        self._ahead[block.first] = block.totals
        self._blocks[block.first] = replace(block, totals=Totals())
        around = (not block.completed.any(), block.first, result)
        if self._around is None or around[:2] < self._around[:2]:
            self._around = (*around[:2], {**result, "members": None})
        while self._next in self._ahead:
            self._begun.append(self._ahead.pop(self._next))
            self._next += len(self._blocks[self._next].completed)
            if self._next % self._request.block_size == 0:
                self._end_block()

    def result(self, write: Writer | None = None) -> dict[str, Any]:
        """Return the result of the whole, of as many members as were added."""
        self._begun += [self._ahead.pop(first) for first in sorted(self._ahead)]
        self._end_block()
        assert self._around is not None  # noqa: S101 - there is no study without a member
        block = replace(join(list(self._blocks.values())), totals=self._totals or Totals())
        found = conclude(self._request, block, write)
        around = self._around[2]
        provenance = around["provenance"]
        settings = provenance["settings"] | found.settings
        return {
            **around,
            "status": "completed" if found.completed else "failed",
            "message": found.message,
            "time_vector": times_of(block, found),
            "provenance": {**provenance, "settings": settings},
            "audit": block.audit and block.audit.model_dump(),
            "members": found.members and found.members.model_dump(),
            "summary": found.summary and found.summary.model_dump(),
            "global_sensitivity": found.global_sensitivity and found.global_sensitivity.model_dump(),
        }

    def _end_block(self) -> None:
        """Add up what the parts of a block have, and that to what was before it."""
        if self._begun:
            new = of_block(self._begun)
            self._totals = new if self._totals is None else added([self._totals, new])
            self._begun = []


def times_of(block: Block, found: Conclusion) -> list[float] | None:
    """Return the points of a summary; steady states have none."""
    return block.times.tolist() if found.summary and block.times.size else None


def _words(block: Block) -> str:
    total, done = len(block.completed), int(block.completed.sum())
    if done == total:
        return f"{total} members, all of them completed."
    said = next(iter(block.failures))
    return f"{done} of {total} members completed. Member {block.failures[said][0]} failed: {said}"
