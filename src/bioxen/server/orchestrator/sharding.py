"""A large batch as many requests: cut into shards, computed on all workers, put together in order.

A shard is an ordinary request, so it takes the same road as any other, is retried like any other, and the
same batch gives the same columns whatever the shards' order was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from bioxen.errors import BioXenException
from bioxen.protocol.metabolic import BatchRequest
from bioxen.protocol.request import ComputeRequest

SHARD = 250
"""Variants of one shard: a fraction of a second of work, so that progress shows and a cancel is quick."""
WINDOW = 32
"""Shards of one batch under way at once; the rest does not take up the queue that others share."""

Compute = Callable[[ComputeRequest], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Shard:
    """The answer to a part of a batch."""

    offset: int
    """The first variant of the part."""
    result: dict[str, Any]
    """A `MetabolicResult` as plain data, with the part's columns."""


def needs_shards(request: ComputeRequest) -> bool:
    """Return whether `request` is a batch too large for one shard."""
    return isinstance(request, BatchRequest) and len(request.variants) > SHARD


async def shards(request: BatchRequest, compute: Compute) -> AsyncIterator[Shard]:
    """Give the answers to the parts of `request`, each as soon as it is there.

    Leaving the iteration stops what still runs. A part that fails ends it with that part's fault.
    """
    gate = asyncio.Semaphore(WINDOW)

    async def answer(offset: int) -> Shard:
        async with gate:
            part = request.model_copy(update={"variants": request.variants[offset : offset + SHARD]})
            try:
                return Shard(offset, msgspec.json.decode(await compute(part)))
            except BioXenException as error:
                raise _moved(error, offset) from None

    tasks = [asyncio.ensure_future(answer(offset)) for offset in range(0, len(request.variants), SHARD)]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def compute_in_shards(request: BatchRequest, compute: Compute) -> bytes:
    """Return the encoded result of the whole of `request`."""
    parts = [shard async for shard in shards(request, compute)]
    return msgspec.json.encode(join(parts))


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
