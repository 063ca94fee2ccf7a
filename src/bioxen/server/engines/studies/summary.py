"""Statistics over members."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bioxen.protocol.kinetic import Histogram, SampledRequest, Summary
from bioxen.server.engines.studies.block import Array, Block, written


def summarise(request: SampledRequest, block: Block) -> Summary:
    """Return the statistics over the members that completed, at every point."""
    values = np.empty((0, block.times.size, len(block.outputs)))
    if block.values is not None:
        values = block.values[block.completed]
    count, encoding = len(values), request.encoding
    shape = values.shape[1:]
    nothing = np.full(shape, np.nan)
    quantiles = np.full((len(request.quantiles), *shape), np.nan)
    if count and request.quantiles:
        quantiles = np.quantile(values, request.quantiles, axis=0)
    return Summary(
        members=count,
        outputs=block.outputs,
        probabilities=request.quantiles,
        mean=written(values.mean(axis=0) if count else nothing, encoding),
        standard_deviation=written(values.std(axis=0, ddof=1) if count > 1 else nothing, encoding),
        quantiles=written(quantiles, encoding),
        histograms=list(_histograms(request, block)),
    )


def _histograms(request: SampledRequest, block: Block) -> Iterator[Histogram]:
    if request.bins == 0:
        return
    for column, output in enumerate(block.outputs):
        for row, feature in enumerate(block.feature_names):
            values = block.features[:, row, column]
            counts, edges = _counts(values[np.isfinite(values)], request.bins)
            yield Histogram(output=output, feature=feature, edges=edges.tolist(), counts=counts.tolist())


def _counts(values: Array, bins: int) -> tuple[Array, Array]:
    """Return the counts and edges; one bin of no width where every value is the same."""
    if values.size == 0:
        return np.zeros(0), np.zeros(0)
    low, high = values.min(), values.max()
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        return np.array([values.size]), np.array([low, high])
    counts, edges = np.histogram(values, bins=bins)
    return counts, edges
