"""The answers to the parts of a request as the result of the whole, put together as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bioxen.protocol.kinetic import MembersRequest
from bioxen.protocol.metabolic import DoubleDeletionRequest
from bioxen.protocol.request import ComputeRequest
from bioxen.server.orchestrator.joining import join
from bioxen.server.orchestrator.references import Arrays, refers

if TYPE_CHECKING:
    from bioxen.server.engines.studies.conclude import Gathering


class Assembly:
    """The answers to so many parts of a request, in their order; those of a study are not kept one by one."""

    def __init__(self, request: ComputeRequest, parts: int) -> None:
        self._request = request
        self._answers: list[bytes] = []
        is_study = isinstance(request, MembersRequest) and parts > 1
        self._gathered = gathering(request) if is_study else None

    def add(self, answer: bytes) -> None:
        """Take the encoded answer to the next part."""
        if self._gathered is None:
            self._answers.append(answer)
        else:
            self._gathered.add(msgspec.json.decode(answer))

    def result(self, arrays: Arrays | None = None) -> bytes:
        """Return the encoded result of the whole; `arrays` keeps those that are by reference."""
        if self._gathered is not None:
            return concluded(self._gathered, self._request, arrays)
        if len(self._answers) == 1:
            return self._answers[0]
        return joined(self._request, [msgspec.json.decode(answer) for answer in self._answers])


def gathering(request: ComputeRequest) -> Gathering:
    """Return what takes the answers to the parts of a study, and has the result of the whole."""
    from bioxen.server.engines.studies.conclude import Gathering  # late: a service starts without numpy

    assert isinstance(request, MembersRequest)  # noqa: S101 - the callers ask only then
    return Gathering(request)


def concluded(gathered: Gathering, request: ComputeRequest, arrays: Arrays | None = None) -> bytes:
    """Return the encoded result of a study; `arrays` keeps those that are by reference."""
    if arrays is None or not refers(request):
        return msgspec.json.encode(gathered.result())
    from bioxen.server.engines.studies.npy import keeper

    return msgspec.json.encode(gathered.result(keeper(arrays.keep)))


def joined(request: ComputeRequest, parts: list[dict[str, Any]]) -> bytes:
    """Return the encoded result of a metabolic request from those of its parts, in their order."""
    packed = isinstance(request, DoubleDeletionRequest) and request.packed
    return msgspec.json.encode(join(parts, packed=packed))
