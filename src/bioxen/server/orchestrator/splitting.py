"""What a part does that takes longer than it was thought to: it is computed as smaller ones."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bioxen.errors import BioXenException, ComputationTimeoutError
from bioxen.protocol.request import ComputeRequest
from bioxen.server.orchestrator.assembling import Assembly
from bioxen.server.orchestrator.cutting import finest, moved

log = logging.getLogger("bioxen.orchestrator")
Compute = Callable[[ComputeRequest], Awaitable[bytes]]


class Splitting:
    """The answers to the parts of one request.

    A part that outlasts the service's deadline is cut into the smallest ones there are, each of which has
    that time; and so are from then on the other parts before they begin. A deadline that the request itself
    sets holds.
    """

    def __init__(self) -> None:
        self._is_slow = False

    async def answer(self, part: ComputeRequest, compute: Compute) -> bytes:
        """Return the answer to a part.

        Raises:
            ComputationTimeoutError: even the smallest part of it took too long.
            BioXenException: as `compute`.
        """
        if not self._is_slow:
            try:
                return await compute(part)
            except ComputationTimeoutError as error:
                if part.deadline is not None or len(finest(part)) < 2:
                    raise
                log.info("A part is cut up: %s", error)
                self._is_slow = True
        return await _in_smaller_ones(part, compute)


async def _in_smaller_ones(part: ComputeRequest, compute: Compute) -> bytes:
    """Return the answer to a part, put together; one after the other, so that it takes no more places."""
    smaller = finest(part)
    whole = Assembly(part, len(smaller))
    for piece in smaller:
        try:
            answer = await compute(piece.request)
        except BioXenException as error:
            if isinstance(error, ComputationTimeoutError):
                remedy = f"These {piece.size} are the smallest part: give the request a longer deadline."
                error.details["remedy"] = remedy
            raise moved(error, piece.offset) from None
        await asyncio.to_thread(whole.add, answer)
    return await asyncio.to_thread(whole.result)
