"""Histograms of the features of members: with edges that were asked for, counts of parts add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from bioxen.errors import ValidationError, did_you_mean
from bioxen.protocol.kinetic import Feature, Histogram, HistogramEdges, SampledRequest
from bioxen.server.engines.studies.arrays import Array


def edges_for(request: SampledRequest, output: str, feature: Feature) -> list[float] | None:
    """Return the edges that `request` has for one histogram, or `None`; those that name more win."""
    fitting = [one for one in request.edges if one.fits(output, feature)]
    return max(fitting, key=_telling).edges if fitting else None


def _telling(one: HistogramEdges) -> int:
    return 2 * (one.output is not None) + (one.feature is not None)


def check_edges(request: SampledRequest, outputs: Sequence[str]) -> None:
    """Make sure that edges are for something that is reported.

    Raises:
        ValidationError: they are for another output.
    """
    for number, one in enumerate(request.edges):
        if one.output is not None and one.output not in outputs:
            raise ValidationError(
                f"There are edges for {one.output!r}, which is not reported.",
                details={"place": f"edges.{number}.output", **did_you_mean(one.output, outputs)},
            )


def requested(
    request: SampledRequest, outputs: Sequence[str], names: Sequence[Feature], features: Array
) -> list[Histogram]:
    """Return the histograms whose edges `request` has.

    Args:
        request: has the edges.
        outputs: the names of the last axis.
        names: the names of the middle axis.
        features: completed members × features × outputs; NaN where there is none.
    """
    return [
        counted(output, feature, features[:, row, column], edges)
        for column, output in enumerate(outputs)
        for row, feature in enumerate(names)
        if (edges := edges_for(request, output, feature)) is not None
    ]


def counted(output: str, feature: Feature, values: Array, edges: Sequence[float]) -> Histogram:
    """Return how many `values` fell between the edges, and beside them; the last bin has its upper edge."""
    finite = values[np.isfinite(values)]
    counts = np.bincount(np.searchsorted(edges, finite, side="right"), minlength=len(edges) + 1)
    on_the_last = int((finite == edges[-1]).sum())
    counts[-2] += on_the_last
    return Histogram(
        output=output,
        feature=feature,
        edges=list(edges),
        counts=counts[1:-1].tolist(),
        below=int(counts[0]),
        above=int(counts[-1]) - on_the_last,
        missing=values.size - finite.size,
    )


def ranged(output: str, feature: Feature, values: Array, bins: int) -> Histogram:
    """Return the histogram with equal bins from the smallest value to the largest.

    It has one bin of no width where every value is the same, and none where there are no values.
    """
    finite = values[np.isfinite(values)]
    counts, edges = _between_ends(finite, bins)
    return Histogram(
        output=output,
        feature=feature,
        edges=edges.tolist(),
        counts=counts.tolist(),
        missing=values.size - finite.size,
    )


def _between_ends(values: Array, bins: int) -> tuple[Array, Array]:
    if values.size == 0:
        return np.zeros(0), np.zeros(0)
    low, high = values.min(), values.max()
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        return np.array([values.size]), np.array([low, high])
    counts, edges = np.histogram(values, bins=bins)
    return counts, edges


def added(parts: Iterable[Sequence[Histogram]]) -> list[Histogram]:
    """Return the histograms of all parts together, which have the same ones in the same order."""
    return [_sum(same) for same in zip(*parts, strict=True)]


def _sum(same: Sequence[Histogram]) -> Histogram:
    return same[0].model_copy(
        update={
            "counts": np.sum([one.counts for one in same], axis=0).tolist(),
            "below": sum(one.below for one in same),
            "above": sum(one.above for one in same),
            "missing": sum(one.missing for one in same),
        }
    )
