"""Members in arrays, and how they travel."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.kinetic import Audit, Encoding, Feature, KineticStatus, Members, NumberArray
from bioxen.server.engines.studies.audits import merged

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Some members of a study, or all of them."""

    first: int
    names: tuple[str, ...]
    """What varies."""
    table: Array
    """Members × names."""
    completed: NDArray[np.bool_]
    failures: dict[str, list[int]]
    methods: dict[str, int]
    outputs: list[str]
    times: Array
    feature_names: list[Feature]
    features: Array
    """Members × features × outputs; NaN where a member failed or has no such feature."""
    values: Array | None
    """Members × points × outputs, where they are kept."""
    audit: Audit | None


def written(array: Array, encoding: Encoding) -> NumberArray:
    """Return `array` as a message; what is not finite becomes null, or NaN in base64."""
    shape = list(array.shape)
    clean = np.where(np.isfinite(array), array, np.nan)
    if encoding == "base64":
        return NumberArray(shape=shape, base64=base64.b64encode(clean.astype("<f8").tobytes()).decode())
    flat = clean.ravel()
    numbers = flat.tolist()
    if np.isnan(flat).any():
        numbers = [None if value != value else value for value in numbers]  # noqa: PLR0124 - NaN alone differs
    return NumberArray(shape=shape, numbers=numbers)


def read(message: Mapping[str, Any]) -> Array:
    """Return the array of a `NumberArray` as plain data."""
    shape = message["shape"]
    if message.get("base64") is not None:
        return np.frombuffer(base64.b64decode(message["base64"]), dtype="<f8").reshape(shape).astype(float)
    numbers = np.array(message["numbers"], dtype=float)  # None becomes NaN
    return numbers.reshape(shape) if prod(shape) else np.zeros(shape)


def members_of(block: Block, encoding: Encoding) -> Members:
    """Return the message of `block`."""
    status: list[KineticStatus] = ["completed" if done else "failed" for done in block.completed]
    return Members(
        first=block.first,
        varied={name: block.table[:, index].tolist() for index, name in enumerate(block.names)},
        status=status,
        failures=block.failures,
        methods=block.methods,
        outputs=block.outputs,
        times=block.times.tolist(),
        feature_names=block.feature_names,
        features=written(block.features, encoding),
        values=None if block.values is None else written(block.values, encoding),
    )


def block_of(result: Mapping[str, Any]) -> Block:
    """Return the block of a part's result as plain data."""
    members, audit = result["members"], result.get("audit")
    count = len(members["status"])
    columns = list(members["varied"].values())
    values = members.get("values")
    return Block(
        first=members["first"],
        names=tuple(members["varied"]),
        table=np.array(columns, dtype=float).T.reshape(count, len(columns)),
        completed=np.array([status == "completed" for status in members["status"]]),
        failures=members["failures"],
        methods=members["methods"],
        outputs=members["outputs"],
        times=np.array(members["times"]),
        feature_names=members["feature_names"],
        features=read(members["features"]),
        values=None if values is None else read(values),
        audit=None if audit is None else Audit.model_validate(audit),
    )


def join(blocks: Sequence[Block]) -> Block:
    """Return the blocks as one, in the order of their members."""
    blocks = sorted(blocks, key=lambda block: block.first)
    head = blocks[0]
    failures: dict[str, list[int]] = {}
    methods: dict[str, int] = {}
    for block in blocks:
        for words, indices in block.failures.items():
            failures.setdefault(words, []).extend(indices)
        for method, count in block.methods.items():
            methods[method] = methods.get(method, 0) + count
    kept = [block.values for block in blocks if block.values is not None]
    return Block(
        first=head.first,
        names=head.names,
        table=np.concatenate([block.table for block in blocks]),
        completed=np.concatenate([block.completed for block in blocks]),
        failures=failures,
        methods=methods,
        outputs=head.outputs,
        times=head.times,
        feature_names=head.feature_names,
        features=np.concatenate([block.features for block in blocks]),
        values=np.concatenate(kept) if kept else None,
        audit=merged(block.audit for block in blocks),
    )
