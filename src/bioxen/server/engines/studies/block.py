"""Members in arrays, and how they travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.kinetic import Audit, Feature, KineticStatus, Members, VariantOutcome
from bioxen.server.engines.studies.arrays import Array, Writer, read
from bioxen.server.engines.studies.audits import merged
from bioxen.server.engines.studies.resting import Axes, axes_of, control_of, series_of, steady_of
from bioxen.server.engines.studies.totals import Totals, moments_of, totals_in


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
    series: dict[str, Array] = field(default_factory=dict)
    """What is known of each member at its steady state, by its name: members × anything."""
    axes: Axes | None = None
    """Where there are control coefficients."""
    outcomes: tuple[VariantOutcome, ...] = ()
    """What an analysis found for each member."""
    totals: Totals = field(default_factory=Totals)
    """For a summary."""


def members_of(block: Block, write: Writer) -> Members:
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
        features=None if block.outcomes else write(block.features),
        values=None if block.values is None else write(block.values),
        steady=steady_of(block.series),
        control=control_of(block.series, block.axes, write),
        outcomes=list(block.outcomes) or None,
        moments=moments_of(block.totals, write),
        histograms=block.totals.histograms or None,
    )


def block_of(result: Mapping[str, Any]) -> Block:
    """Return the block of a part's result as plain data."""
    members, audit = result["members"], result.get("audit")
    count = len(members["status"])
    columns = list(members["varied"].values())
    features, values = members["features"], members.get("values")
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
        features=np.empty((count, 0, 0)) if features is None else read(features),
        values=None if values is None else read(values),
        audit=None if audit is None else Audit.model_validate(audit),
        series=series_of(members),
        axes=axes_of(members),
        outcomes=tuple(map(_outcome, members.get("outcomes") or ())),
        totals=totals_in(members),
    )


def _outcome(plain: Mapping[str, Any]) -> VariantOutcome:
    return VariantOutcome.model_validate_json(msgspec.json.encode(plain))  # pairs are lists in plain data


def join(blocks: Sequence[Block]) -> Block:
    """Return the blocks as one, in the order of their members, without totals."""
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
        series={name: np.concatenate([block.series[name] for block in blocks]) for name in head.series},
        axes=head.axes,
        outcomes=tuple(chain.from_iterable(block.outcomes for block in blocks)),
    )
