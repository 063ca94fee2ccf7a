"""What makes two requests the same: one text for one meaning, and the key that follows from it.

The canonical text is also what a worker is given, so an answer is a function of it: whoever asks for the same
in other words gets the same bytes, from the cache or not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import msgspec

from bioxen._version import VERSION
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import EngineInfo
from bioxen.server.engines.models import TEXT_FIELDS

LEFT_OUT = {"vm_id", "deadline", "model", "chassis_type", *TEXT_FIELDS}
"""Fields of a request that no answer depends on: who asks, how long it may take, and the names of a model,
whose digest stands for it."""
UNORDERED = (
    "constraints",
    "medium",
    "objective",
    "parameters",
    "initial_conditions",
    "distributions",
    "penalties",
)
"""Fields whose entries have no order. In other mappings (factors, axes, estimates) the order is that of the
answer's columns."""
NESTED = ("variants", "experiments", "analysis")
"""Fields that hold such fields in turn."""
HOLE = b'{"vm_id":null'
"""How the answer to a canonical request begins: the place for whoever asks."""


def canonical(request: ComputeRequest) -> bytes:
    """Return the one text for what `request` asks: names of fields, numbers and defaults in one form."""
    fields = request.model_dump(mode="json", exclude=LEFT_OUT, exclude_none=True)
    _settle(fields)
    return msgspec.json.encode(fields)


def key_of(payload: bytes, digest: str, named: bool, engines: Iterable[EngineInfo]) -> bytes:
    """Return the key of an answer.

    Args:
        payload: the canonical request.
        digest: sha256 of the model's text.
        named: whether the request names its model; the answer then has the model's id.
        engines: what computes, with its version.
    """
    about = [VERSION, digest, named, [(engine.name, engine.version) for engine in engines]]
    key = hashlib.sha256(msgspec.json.encode(about))
    key.update(payload)
    return key.digest()


def addressed(answer: bytes, vm_id: str | None) -> bytes:
    """Return the answer to a canonical request as the answer to the cell that asked.

    Raises:
        ValueError: `answer` does not begin as such answers do.
    """
    if vm_id is None:
        return answer
    if not answer.startswith(HOLE):
        raise ValueError("An answer without a place for the cell that asked.")
    head = b'{"vm_id":' + json.dumps(vm_id, ensure_ascii=False).encode()
    return b"".join((head, memoryview(answer)[len(HOLE) :]))


def _settle(fields: dict[str, Any]) -> None:
    """Put entries without an order into one."""
    for name in UNORDERED:
        value = fields.get(name)
        if isinstance(value, dict) and len(value) > 1:
            fields[name] = dict(sorted(value.items()))
    for name in NESTED:
        inner = fields.get(name)
        if isinstance(inner, dict):
            _settle(inner)
        elif isinstance(inner, list):
            for one in inner:
                _settle(one)
