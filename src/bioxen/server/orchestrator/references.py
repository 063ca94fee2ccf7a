"""Arrays by reference: files beside a result in place of numbers inside it."""

from __future__ import annotations

from typing import Protocol, cast

import msgspec

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import ArrayReference, MembersRequest
from bioxen.protocol.request import ComputeRequest


class Arrays(Protocol):
    """Keeps arrays."""

    def keep(self, header: bytes, numbers: memoryview) -> ArrayReference:
        """Keep a file of NumPy's, on the disk when this returns; called in a thread."""
        ...


def refers(request: ComputeRequest) -> bool:
    """Return whether `request` wants arrays by reference."""
    return isinstance(request, MembersRequest) and request.encoding == "reference"


def inside(request: ComputeRequest) -> ComputeRequest:
    """Return `request` as its parts are asked: arrays as bytes are put together many times faster."""
    if isinstance(request, MembersRequest):
        return request.model_copy(update={"encoding": "base64"})
    return request


def refuse_references(request: ComputeRequest) -> None:
    """Make sure that `request` wants none.

    Raises:
        ValidationError: it does, and nothing is kept here.
    """
    if refers(request):
        raise ValidationError(
            "This service keeps no arrays, so it has none by reference.",
            details={"place": "encoding", "remedy": "Ask the orchestrator, or use the encoding 'base64'."},
        )


def referred(request: ComputeRequest, result: bytes, arrays: Arrays) -> bytes:
    """Return an encoded result with its members' arrays kept as files."""
    from bioxen.server.engines.studies.conclude import joined  # late: a service starts without numpy
    from bioxen.server.engines.studies.npy import keeper

    found = msgspec.json.decode(result)
    if found["members"] is None:
        return result
    return msgspec.json.encode(joined(cast(MembersRequest, request), [found], keeper(arrays.keep)))
