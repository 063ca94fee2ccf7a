"""What a summary keeps of some members in place of their numbers: totals that add up, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bioxen.protocol.kinetic import Feature, Histogram, Moments, SampledRequest
from bioxen.server.engines.studies import buckets, histograms, moments
from bioxen.server.engines.studies.arrays import Array, Writer, read
from bioxen.server.engines.studies.buckets import Sketch
from bioxen.server.engines.studies.moments import Sums


@dataclass(frozen=True, slots=True)
class Totals:
    """Of some members that completed."""

    sums: dict[str, Sums] = field(default_factory=dict)
    """`values`, and each of the coefficients → its sums."""
    sketches: dict[str, Sketch] = field(default_factory=dict)
    """The same names → the buckets, for approximate quantiles."""
    histograms: list[Histogram] = field(default_factory=list)
    """Those with requested edges."""


def totals_of(
    request: SampledRequest,
    numbers: Mapping[str, Array],
    outputs: Sequence[str],
    names: Sequence[Feature],
    features: Array,
    grains: Sequence[slice],
) -> Totals:
    """Return the totals of the members of a block, or of a part of one, that completed.

    Args:
        request: says what is wanted.
        numbers: name → members × anything.
        outputs: the names of the last axis of `features`.
        names: the features.
        features: members × features × outputs.
        grains: the rows of each grain (`MembersRequest.grain`).
    """
    accuracy = request.quantile_accuracy
    return Totals(
        sums={name: moments.sums_of(every, grains) for name, every in numbers.items()},
        sketches={name: buckets.sketch_of(every, accuracy) for name, every in numbers.items()}
        if request.sketches
        else {},
        histograms=histograms.requested(request, outputs, names, features),
    )


def added(every: Iterable[Totals]) -> Totals:
    """Return the totals of all, added in their order: sums are rounded, so the order matters."""
    parts = list(every)
    if len(parts) < 2:
        return parts[0] if parts else Totals()
    return Totals(
        sums={name: moments.added(part.sums[name] for part in parts) for name in parts[0].sums},
        sketches={name: buckets.merged(part.sketches[name] for part in parts) for name in parts[0].sketches},
        histograms=histograms.added([part.histograms for part in parts]),
    )


def of_block(parts: Sequence[Totals]) -> Totals:
    """Return the totals of a block from those of its parts, equal ones but for the last, in their order."""
    return moments.in_pairs(parts, lambda one, other: added([one, other]))


def moments_of(totals: Totals, write: Writer) -> dict[str, Moments] | None:
    """Return the sums and buckets as they travel."""
    return {
        name: _moments(sums, totals.sketches.get(name), write) for name, sums in totals.sums.items()
    } or None


def _moments(sums: Sums, sketch: Sketch | None, write: Writer) -> Moments:
    return Moments(
        members=sums.members,
        mean=write(sums.mean),
        squares=write(sums.squares),
        buckets=buckets.message(sketch, write) if sketch else None,
    )


def totals_in(members: Mapping[str, Any]) -> Totals:
    """Return the totals of `Members` as plain data."""
    found = members.get("moments") or {}
    return Totals(
        sums={
            name: Sums(one["members"], read(one["mean"]), read(one["squares"])) for name, one in found.items()
        },
        sketches={
            name: buckets.sketch_in(one["buckets"], one["members"])
            for name, one in found.items()
            if one.get("buckets")
        },
        histograms=[Histogram.model_validate(one) for one in members.get("histograms") or []],
    )
