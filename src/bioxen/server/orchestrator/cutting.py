"""Where a large request is cut into parts: by its kind alone, and into smaller ones where it takes long.

However it is cut, the answer has the same bytes. A job is cut into as many parts as its record says, so a
server that resumes it finds the same ones, whatever it would estimate by now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bioxen.errors import BioXenException
from bioxen.protocol.kinetic import KineticBatchRequest, MembersRequest
from bioxen.protocol.kinetic import Part as Members
from bioxen.protocol.metabolic import (
    BatchRequest,
    DoubleDeletionRequest,
    DoubleGeneDeletionRequest,
    DoubleReactionDeletionRequest,
    FbaRequest,
    Part,
)
from bioxen.protocol.request import ComputeRequest
from bioxen.server.engines.crossover import GPU_PART, POINTS_AT_ONCE, wants_gpu
from bioxen.server.orchestrator.references import inside

SHARD = 250
"""Variants of flux balance analysis in one part: a fraction of a second of work, so that progress shows and a
cancel is quick."""
SHARD_OF_ANALYSES = 4
"""Variants in one part of a batch of another analysis, each of which may take seconds."""
DOUBLE_PARTS = 16
"""Parts of a double deletion study: a constant, so that its bytes do not depend on who computes it."""
MAX_PAIRS_AT_ONCE = 5_000
"""A study of so many pairs is left whole; how many it has is known here only where it names them."""
AIM = 5.0
"""Seconds that a part should be expected to take at most."""
WORTH_SHARING = 2.0
"""Seconds from which on a part is cut up so that there is one for every place."""
MOST_PARTS = 2_000
"""Parts that a request is cut into because it takes long."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a request."""

    offset: int
    """The first variant or member of the part, counted in the request; for a double deletion study, its
    number."""
    size: int
    """How many variants or members; for a double deletion study, 1."""
    request: ComputeRequest


def needs_shards(request: ComputeRequest) -> bool:
    """Return whether `request` is too large for one worker at a time."""
    return len(list(islice(pieces(request), 2))) > 1


def size_of(request: ComputeRequest) -> int:
    """Return the sizes of all parts together."""
    if isinstance(request, BatchRequest):
        return len(request.variants)
    if isinstance(request, MembersRequest):
        return len(request.members_of_part)
    return DOUBLE_PARTS if needs_shards(request) else 1


def pieces(request: ComputeRequest) -> Iterator[Piece]:
    """Give the usual parts of `request`, or itself where it is small; a part of a study stays whole."""
    if isinstance(request, DoubleDeletionRequest) and request.part is None and _is_large(request):
        for number in range(DOUBLE_PARTS):
            part = Part(number=number, of=DOUBLE_PARTS)
            yield Piece(number, 1, request.model_copy(update={"part": part}))
    elif isinstance(request, MembersRequest) and request.part is not None:
        yield Piece(0, size_of(request), request)
    else:
        yield from _pieces(request, sizes(request)[0])


def finest(request: ComputeRequest) -> list[Piece]:
    """Return the smallest parts of `request`, or of a part."""
    return list(_pieces(request, sizes(request)[-1]))


def parts_of(request: ComputeRequest, count: int | None = None) -> list[Piece]:
    """Return the parts of `request` in order, whose answers an `Assembly` takes; itself where it is small.

    Args:
        request: the whole.
        count: how many, as `parts_for` says; the usual ones where absent, or where it is never cut into that
            many.
    """
    asked = inside(request)
    if count is None or not _is_cut_by_size(request):
        found = list(pieces(asked))
    else:
        size = next((size for size in sizes(request) if _count(request, size) == count), sizes(request)[0])
        found = list(_pieces(asked, size))
    return found if len(found) > 1 else [Piece(0, 1, request)]


def parts_for(request: ComputeRequest, seconds: float | None, places: int) -> int:
    """Return into how many parts a job is cut.

    Args:
        request: what it computes.
        seconds: how long that is estimated to take on one worker; `None` where nobody knows.
        places: how many parts may be computed at once.
    """
    if seconds is None or not _is_cut_by_size(request):
        return len(list(pieces(request)))
    counts = [_count(request, size) for size in sizes(request)]
    wanted = max(seconds / AIM, min(places, seconds / WORTH_SHARING))
    allowed = [counts[0], *(count for count in counts[1:] if count <= MOST_PARTS)]
    return next((count for count in allowed if count >= wanted), allowed[-1])


def sizes(request: ComputeRequest) -> list[int]:
    """Return how many variants or members a part may have: the usual number first, the fewest last."""
    if isinstance(request, BatchRequest):
        usual = SHARD if request.analysis is None else SHARD_OF_ANALYSES
        return [usual] if _is_solved_together(request) else _halves(usual)
    if not isinstance(request, MembersRequest):
        return [1]
    usual, block, fewest = _usual_members(request), request.block_size, request.fewest_in_part
    within = [fewest * times for times in (8, 4, 2, 1) if fewest * times < block]
    return [usual, *([block] if block < usual else []), *within]


def moved(error: BioXenException, offset: int) -> BioXenException:
    """Return the fault of a part, with its place counted in the whole batch."""
    head, _, rest = (error.place or "").partition(".")
    number, _, tail = rest.partition(".")
    if head == "variants" and number.isdecimal():
        error.details["place"] = f"variants.{int(number) + offset}.{tail}"
    return error


def _is_cut_by_size(request: ComputeRequest) -> bool:
    if isinstance(request, MembersRequest):
        return request.part is None
    return isinstance(request, BatchRequest)


def _is_solved_together(request: BatchRequest) -> bool:
    """Return whether variants share one run of the solver, which may end at another of several optima."""
    return request.told == "objective" and request.analysis in (None, FbaRequest())


def _halves(size: int) -> list[int]:
    return [size] if size == 1 else [size, *_halves(size // 2)]


def _usual_members(request: MembersRequest) -> int:
    """Return the members of a part: a block, or for a GPU, which one would not fill, several."""
    block = request.block_size
    if not wants_gpu(request) or isinstance(request, KineticBatchRequest):
        return block
    return max(1, min(GPU_PART, POINTS_AT_ONCE // request.points) // block) * block


def _count(request: ComputeRequest, size: int) -> int:
    return sum(1 for _ in _spans(request, size))


def _pieces(request: ComputeRequest, size: int) -> Iterator[Piece]:
    """Give the parts of that size, where `request` can be cut so; else itself."""
    spans = list(_spans(request, size))
    if len(spans) < 2:
        yield Piece(0, sum(map(len, spans)), request)
        return
    for span in spans:
        yield Piece(span.start, len(span), request.model_copy(update=_only(request, span)))


def _spans(request: ComputeRequest, size: int) -> Iterator[range]:
    """Give the variants or members of each part, counted in the request. Small parts end with their block."""
    if not isinstance(request, BatchRequest | MembersRequest):
        yield range(1)
        return
    total = size_of(request)
    block = max(size, request.block_size) if isinstance(request, MembersRequest) else size
    for begin in range(0, total, block):
        end = min(begin + block, total)
        for first in range(begin, end, size):
            yield range(first, min(first + size, end))


def _only(request: ComputeRequest, span: range) -> dict[str, Any]:
    """Return the fields that leave of a request those variants or members."""
    if isinstance(request, BatchRequest):
        return {"variants": request.variants[span.start : span.stop]}
    assert isinstance(request, MembersRequest)  # noqa: S101 - nothing else has several spans
    part = Members(first=request.members_of_part.start + span.start, count=len(span))
    if not isinstance(request, KineticBatchRequest):
        return {"part": part}
    first = part.first - request.offset  # a part is sent its own variants, and not those of every other
    return {
        "part": part,
        "variants": request.variants[first : first + part.count],
        "total": request.member_count,
    }


def _is_large(request: DoubleDeletionRequest) -> bool:
    if isinstance(request, DoubleGeneDeletionRequest):
        sides = request.genes_a, request.genes_b
    elif isinstance(request, DoubleReactionDeletionRequest):
        sides = request.reactions_a, request.reactions_b
    else:
        return False
    if sides[0] is None:
        return True
    return len(sides[0]) * len(sides[0] if sides[1] is None else sides[1]) > MAX_PAIRS_AT_ONCE
