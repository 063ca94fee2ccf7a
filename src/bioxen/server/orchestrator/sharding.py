"""A large batch as many requests: cut into shards, computed on all workers, put together in order.

A shard is an ordinary request, so it takes the same road as any other, is retried like any other, and the
same batch gives the same columns whatever the shards' order was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from math import prod
from typing import Any, TypeGuard

import msgspec

from bioxen.errors import BioXenException, ValidationError
from bioxen.protocol.kinetic import MembersRequest, Part
from bioxen.protocol.metabolic import BatchRequest
from bioxen.protocol.request import ComputeRequest

SHARD = 250
"""Variants of one shard: a fraction of a second of work, so that progress shows and a cancel is quick."""
MEMBERS = 50
"""Members of one shard of a kinetic study, each of which is a simulation."""
MOST_NUMBERS = {"features": 5_000_000, "values": 5_000_000, "summary": 20_000_000}
"""What a study keeps of its members → how many numbers that may be over all of them."""
WINDOW = 32
"""Shards of one batch under way at once; the rest does not take up the queue that others share."""

Compute = Callable[[ComputeRequest], Awaitable[bytes]]


Divisible = BatchRequest | MembersRequest


@dataclass(frozen=True, slots=True)
class Shard:
    """The answer to a part of a batch."""

    offset: int
    """The first variant or member of the part."""
    size: int
    result: dict[str, Any]
    """A result as plain data, with the part's columns."""


def size_of(request: Divisible) -> int:
    """Return how many variants or members `request` has."""
    return len(request.variants) if isinstance(request, BatchRequest) else len(request.members_of_part)


def needs_shards(request: ComputeRequest) -> TypeGuard[Divisible]:
    """Return whether `request` is too large for one shard; a part that was asked for is left whole."""
    if isinstance(request, MembersRequest):
        return request.part is None and request.member_count > MEMBERS
    return isinstance(request, BatchRequest) and len(request.variants) > SHARD


async def shards(request: Divisible, compute: Compute) -> AsyncGenerator[Shard, None]:
    """Give the answers to the parts of `request`, each as soon as it is there.

    Leaving the iteration stops what still runs. A part that fails ends it with that part's fault.
    """
    gate = asyncio.Semaphore(WINDOW)

    async def answer(offset: int, part: Divisible) -> Shard:
        async with gate:
            try:
                return Shard(offset, size_of(part), msgspec.json.decode(await compute(part)))
            except BioXenException as error:
                raise _moved(error, offset) from None

    tasks = [asyncio.ensure_future(answer(offset, part)) for offset, part in _parts(request)]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _parts(request: Divisible) -> Iterator[tuple[int, Divisible]]:
    total = size_of(request)
    if isinstance(request, BatchRequest):
        for offset in range(0, total, SHARD):
            variants = request.variants[offset : offset + SHARD]
            yield offset, request.model_copy(update={"variants": variants})
        return
    start = request.members_of_part.start
    for offset in range(0, total, MEMBERS):
        part = Part(first=start + offset, count=min(MEMBERS, total - offset))
        yield offset, request.model_copy(update={"part": part})


async def compute_in_shards(request: Divisible, compute: Compute) -> bytes:
    """Return the encoded result of the whole of `request`."""
    if isinstance(request, BatchRequest):
        return msgspec.json.encode(join([shard async for shard in shards(request, compute)]))
    compact = request.model_copy(update={"encoding": "base64"})
    parts = [shard async for shard in checked(request, shards(compact, compute))]
    return msgspec.json.encode(await conclude(request, parts))


async def checked(request: MembersRequest, parts: AsyncGenerator[Shard, None]) -> AsyncGenerator[Shard, None]:
    """Give `parts`, unless the whole of them would be too large to be put together.

    Raises:
        ValidationError: it would; the first part tells.
    """
    most = MOST_NUMBERS[request.kept]
    async with aclosing(parts):  # so that what still runs is stopped now
        async for shard in parts:
            arrays = [shard.result["members"][name] for name in ("features", "values")]
            each = sum(prod(array["shape"]) for array in arrays if array is not None) / shard.size
            total = int(each * size_of(request))
            if total > most:
                raise ValidationError(
                    f"{size_of(request)} members would give {total} numbers; {most} is the limit.",
                    details={
                        "place": "report",
                        "remedy": "Ask for features, fewer points or outputs, or one `part` at a time.",
                    },
                )
            yield shard


async def conclude(request: MembersRequest, parts: list[Shard]) -> dict[str, Any]:
    """Return the result of a whole study from those of its parts."""
    from bioxen.server.engines.studies.conclude import joined  # late: a service starts without numpy

    return await asyncio.to_thread(joined, request, [part.result for part in parts])


def join(parts: list[Shard]) -> dict[str, Any]:
    """Return the result of a whole batch from those of its parts."""
    in_order = [part.result for part in sorted(parts, key=lambda part: part.offset)]
    columns = [result["batch"] for result in in_order]
    status = [one for column in columns for one in column["status"]]
    fluxes = columns[0]["fluxes"]
    return in_order[0] | {
        "message": f"{len(status)} variants, {status.count('optimal')} of them optimal.",
        "certificate": _worst([result["certificate"] for result in in_order]),
        "batch": {
            "status": status,
            "objective": [one for column in columns for one in column["objective"]],
            "fluxes": fluxes and {name: _column(name, columns) for name in fluxes},
        },
    }


def _column(name: str, columns: list[dict[str, Any]]) -> list[float | None]:
    return [flux for column in columns for flux in column["fluxes"][name]]


def _worst(certificates: list[dict[str, Any] | None]) -> dict[str, Any] | None:
    """Return the certificate that holds for every part: the largest of each of its numbers."""
    known = [certificate for certificate in certificates if certificate is not None]
    if not known:
        return None
    names = known[0]
    return {name: max((one[name] for one in known if one[name] is not None), default=None) for name in names}


def _moved(error: BioXenException, offset: int) -> BioXenException:
    """Return the fault of a part, with its place counted in the whole batch."""
    head, _, rest = (error.place or "").partition(".")
    number, _, tail = rest.partition(".")
    if head == "variants" and number.isdecimal():
        error.details["place"] = f"variants.{int(number) + offset}.{tail}"
    return error
