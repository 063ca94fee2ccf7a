"""A large request as many small ones: cut into parts, computed on all workers, put together in order.

A part is an ordinary request, so it takes the same road as any other, is retried like any other, and the
same request gives the same answer whatever the parts' order was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any

import msgspec

from bioxen.errors import BioXenException, ValidationError
from bioxen.protocol.kinetic import MOST_BUCKETS, KineticBatchRequest, MembersRequest, SampledRequest
from bioxen.protocol.kinetic import Part as Members
from bioxen.protocol.metabolic import (
    BatchRequest,
    DoubleDeletionRequest,
    DoubleGeneDeletionRequest,
    DoubleReactionDeletionRequest,
    Part,
)
from bioxen.protocol.request import ComputeRequest
from bioxen.server.engines.crossover import GPU_PART, POINTS_AT_ONCE, wants_gpu
from bioxen.server.orchestrator.assembling import concluded, gathering, joined
from bioxen.server.orchestrator.references import Arrays, inside, refers
from bioxen.server.workers import urgency

SHARD = 250
"""Variants of flux balance analysis in one part: a fraction of a second of work, so that progress shows and a
cancel is quick."""
SHARD_OF_ANALYSES = 4
"""Variants in one part of a batch of another analysis, each of which may take seconds."""
DOUBLE_PARTS = 16
"""Parts of a double deletion study: a constant, so that its bytes do not depend on who computes it."""
MAX_PAIRS_AT_ONCE = 5_000
"""A study of so many pairs is left whole; how many it has is known here only where it names them."""
MOST_NUMBERS = {"features": 5_000_000, "values": 5_000_000, "summary": 20_000_000}
"""What a kinetic study keeps of its members → how many numbers that may be over all of them."""
MOST_REFERRED = 50_000_000
"""The same for arrays by reference, which are put together in memory: 400 MB."""
COEFFICIENTS = ("fluxes", "flux_control", "concentration_control")
WINDOW = 32
"""Parts of one request under way at once; the rest does not take up the queue that others share."""

Compute = Callable[[ComputeRequest], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a request."""

    offset: int
    """The first variant or member of the part; for a double deletion study, its number."""
    size: int
    """How many variants or members; for a double deletion study, 1."""
    request: ComputeRequest


@dataclass(frozen=True, slots=True)
class Shard:
    """The answer to a part of a request."""

    offset: int
    size: int
    result: dict[str, Any]
    """A result as plain data, with the part's numbers."""


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
    """Give the parts of `request`, or itself where it is small."""
    if isinstance(request, BatchRequest):
        size = SHARD if request.analysis is None else SHARD_OF_ANALYSES
        for offset in range(0, len(request.variants), size):
            some = request.variants[offset : offset + size]
            yield Piece(offset, len(some), request.model_copy(update={"variants": some}))
    elif isinstance(request, DoubleDeletionRequest) and request.part is None and _is_large(request):
        for number in range(DOUBLE_PARTS):
            part = Part(number=number, of=DOUBLE_PARTS)
            yield Piece(number, 1, request.model_copy(update={"part": part}))
    elif isinstance(request, MembersRequest):
        yield from _some_members(request)
    else:
        yield Piece(0, 1, request)


def _some_members(request: MembersRequest) -> Iterator[Piece]:
    """Give the blocks of a kinetic study as parts; a part that was asked for is left whole."""
    total, size = size_of(request), _part_size(request)
    if request.part is not None or total <= size:
        yield Piece(0, total, request)
        return
    for first in range(0, total, size):
        part = Members(first=first, count=min(size, total - first))
        yield Piece(first, part.count, request.model_copy(update={"part": part, **_own(request, part)}))


def _part_size(request: MembersRequest) -> int:
    """Return the members of a part: a block, or for a GPU, which one would not fill, several."""
    block = request.block_size
    if not wants_gpu(request) or isinstance(request, KineticBatchRequest):
        return block
    return max(1, min(GPU_PART, POINTS_AT_ONCE // request.points) // block) * block


def _own(request: MembersRequest, part: Members) -> dict[str, Any]:
    """Return the fields with which a part is sent its own variants, and not those of every other."""
    if not isinstance(request, KineticBatchRequest):
        return {}
    return {"variants": request.variants[part.first : part.first + part.count], "total": request.member_count}


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


async def shards(request: ComputeRequest, compute: Compute) -> AsyncGenerator[Shard]:
    """Give the answers to the parts of `request`, each as soon as it is there.

    Leaving the iteration stops what still runs. A part that fails ends it with that part's fault.
    """

    async def answer(piece: Piece) -> Shard:
        try:
            with urgency.background():
                result = await compute(piece.request)
        except BioXenException as error:
            raise moved(error, piece.offset) from None
        return Shard(piece.offset, piece.size, msgspec.json.decode(result))

    waiting = pieces(request)
    running: set[asyncio.Task[Shard]] = set()
    done: set[asyncio.Task[Shard]] = set()
    try:
        while True:
            running |= {
                asyncio.create_task(answer(piece)) for piece in islice(waiting, WINDOW - len(running))
            }
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        # Those that are done too: where several failed, the first one speaks for all.
        await asyncio.gather(*running, *done, return_exceptions=True)


async def compute_in_shards(request: ComputeRequest, compute: Compute, arrays: Arrays | None = None) -> bytes:
    """Return the encoded result of the whole of `request`; `arrays` keeps those that are by reference."""
    parts = shards(inside(request), compute)
    if isinstance(request, MembersRequest):
        gathered = gathering(request)
        async with aclosing(checked(request, parts)) as answers:
            async for shard in answers:
                await asyncio.to_thread(gathered.add, shard.result)
        return await asyncio.to_thread(concluded, gathered, request, arrays)
    async with aclosing(parts) as answers:
        got = [shard async for shard in answers]
    got.sort(key=lambda shard: shard.offset)
    return await asyncio.to_thread(joined, request, [shard.result for shard in got])


def parts_of(request: ComputeRequest) -> list[Piece]:
    """Return the parts of `request` in order, whose answers an `Assembly` takes; itself where it is small."""
    return list(pieces(inside(request))) if needs_shards(request) else [Piece(0, 1, request)]


async def checked(request: MembersRequest, parts: AsyncGenerator[Shard, None]) -> AsyncGenerator[Shard, None]:
    """Give `parts`, unless the whole of them would be too large to be put together.

    Raises:
        ValidationError: it would; the first part tells.
    """
    async with aclosing(parts):  # so that what still runs is stopped now
        async for shard in parts:
            _refuse_too_large(request, shard)
            yield shard


def _refuse_too_large(request: MembersRequest, shard: Shard) -> None:
    most = MOST_REFERRED if refers(request) and not request.concludes else MOST_NUMBERS[request.kept]
    members = shard.result["members"]
    arrays = [members["features"], members["values"]]
    arrays += [members["control"][name] for name in COEFFICIENTS] if members["control"] else []
    each = sum(prod(array["shape"]) for array in arrays if array is not None) / shard.size
    each += _numbers_in(members.get("outcomes")) / shard.size
    total = int(each * size_of(request)) + _counted_buckets(request, members)
    if total > most:
        raise ValidationError(
            f"{size_of(request)} members would give {total} numbers; {most} is the limit.",
            details={
                "place": "report",
                "remedy": "Ask for features, fewer points or outputs, a summary without exact quantiles, one "
                "`part` at a time, or stream them; by reference there may be ten times as many.",
            },
        )


def _counted_buckets(request: MembersRequest, members: dict[str, Any]) -> int:
    """Return how many buckets there may be in approximate quantiles: at most so many at each place."""
    if not isinstance(request, SampledRequest) or not request.sketches:
        return 0
    places = sum(prod(moments["mean"]["shape"]) for moments in members["moments"].values())
    return int(places) * min(size_of(request), MOST_BUCKETS)


def _numbers_in(found: Any) -> int:
    """Return how many values there are in plain data."""
    if isinstance(found, dict):
        return sum(map(_numbers_in, found.values()))
    return sum(map(_numbers_in, found)) if isinstance(found, list) else found is not None


def moved(error: BioXenException, offset: int) -> BioXenException:
    """Return the fault of a part, with its place counted in the whole batch."""
    head, _, rest = (error.place or "").partition(".")
    number, _, tail = rest.partition(".")
    if head == "variants" and number.isdecimal():
        error.details["place"] = f"variants.{int(number) + offset}.{tail}"
    return error
