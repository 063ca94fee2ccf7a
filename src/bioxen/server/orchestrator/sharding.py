"""A large request as many small ones: cut into parts, computed on all workers, put together in order.

A part is an ordinary request, so it takes the same road as any other, is retried like any other, and the
same request gives the same answer whatever the parts' order was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any

import msgspec

from bioxen.errors import BioXenException, ValidationError
from bioxen.protocol.kinetic import MOST_BUCKETS, MembersRequest, SampledRequest
from bioxen.protocol.request import ComputeRequest
from bioxen.server.orchestrator.allowance import Allowance
from bioxen.server.orchestrator.assembling import concluded, gathering, joined
from bioxen.server.orchestrator.cutting import Piece, moved, pieces, size_of
from bioxen.server.orchestrator.references import Arrays, inside, refers
from bioxen.server.orchestrator.splitting import Compute, Splitting
from bioxen.server.workers import urgency

MOST_NUMBERS = {"features": 5_000_000, "values": 5_000_000, "summary": 20_000_000}
"""What a kinetic study keeps of its members → how many numbers that may be over all of them."""
MOST_REFERRED = 50_000_000
"""The same for arrays by reference, which are put together in memory: 400 MB."""
COEFFICIENTS = ("fluxes", "flux_control", "concentration_control")
WINDOW = 32
"""Parts of one request under way at once; the rest does not take up the queue that others share."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The answer to a part of a request."""

    offset: int
    size: int
    result: dict[str, Any]
    """A result as plain data, with the part's numbers."""


async def shards(request: ComputeRequest, compute: Compute) -> AsyncGenerator[Shard]:
    """Give the answers to the parts of `request`, each as soon as it is there.

    Leaving the iteration stops what still runs. A part that fails ends it with that part's fault.

    Raises:
        ComputationTimeoutError: all of it takes longer than the request's `deadline`.
    """
    allowance, answered = Allowance(request.deadline), 0

    async def answer(piece: Piece) -> Shard:
        try:
            with urgency.background(), allowance.counting():
                result = await splitting.answer(piece.request, compute)
        except BioXenException as error:
            raise moved(error, piece.offset) from None
        return Shard(piece.offset, piece.size, msgspec.json.decode(result))

    waiting, splitting = pieces(request), Splitting()
    running: set[asyncio.Task[Shard]] = set()
    done: set[asyncio.Task[Shard]] = set()
    try:
        while True:
            running |= {
                asyncio.create_task(answer(piece)) for piece in islice(waiting, WINDOW - len(running))
            }
            if not running:
                return
            left = allowance.left()
            if left != 0:
                done, running = await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if left == 0 or not done:
                raise allowance.over(answered, size_of(request), "members or variants")
            for task in done:
                answered += task.result().size
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
