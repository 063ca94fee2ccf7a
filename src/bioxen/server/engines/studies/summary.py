"""Statistics over members."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bioxen.protocol.kinetic import (
    ControlSummary,
    Histogram,
    SampledRequest,
    Statistics,
    SteadySummary,
    Summary,
)
from bioxen.server.engines.studies.arrays import Array, Writer, cleaned, writer
from bioxen.server.engines.studies.block import Block
from bioxen.server.engines.studies.histograms import ranged


def summarise(request: SampledRequest, block: Block) -> Summary:
    """Return the statistics over the members that completed, at every point."""
    write = writer(request.encoding)
    found = _statistics(request, block, "values", block.values, write)
    return Summary(
        **dict(found),
        members=int(block.completed.sum()),
        outputs=block.outputs,
        probabilities=request.quantiles,
        quantile_method=request.quantile_method,
        histograms=list(_histograms(request, block)),
        steady=_steady(block),
        control=_control(request, block, write),
    )


def _statistics(
    request: SampledRequest, block: Block, name: str, numbers: Array | None, write: Writer
) -> Statistics:
    """Return the statistics of what has the sums of that name; `numbers` of all members, for quantiles."""
    sums, sketch = block.totals.sums[name], block.totals.sketches.get(name)
    quantiles = np.full((len(request.quantiles), *sums.mean.shape), np.nan)
    if sketch is not None:
        quantiles = sketch.quantiles(request.quantiles)
    elif numbers is not None and request.quantiles and block.completed.any():
        quantiles = np.quantile(cleaned(numbers[block.completed]), request.quantiles, axis=0)
    return Statistics(
        mean=write(sums.mean),
        standard_deviation=write(sums.deviation),
        quantiles=write(quantiles),
        accuracy=None if sketch is None else write(sketch.accuracy),
    )


def _steady(block: Block) -> SteadySummary | None:
    if "stable" not in block.series:
        return None
    stable, settled = (block.series[name][block.completed] for name in ("stable", "settled"))
    return SteadySummary(
        stable=int((stable == 1).sum()),
        unstable=int((stable == 0).sum()),
        undecided=int(np.isnan(stable).sum()),
        settled=int((settled == 1).sum()),
    )


def _control(request: SampledRequest, block: Block, write: Writer) -> ControlSummary | None:
    if block.axes is None:
        return None
    species, reactions = block.axes
    series = block.series
    return ControlSummary(
        reactions=reactions,
        species=species,
        fluxes=_statistics(request, block, "fluxes", series.get("fluxes"), write),
        flux_control=_statistics(request, block, "flux_control", series.get("flux_control"), write),
        concentration_control=_statistics(
            request, block, "concentration_control", series.get("concentration_control"), write
        ),
    )


def _histograms(request: SampledRequest, block: Block) -> Iterator[Histogram]:
    """Give a histogram a feature of an output: those that were counted in parts, and those of all numbers."""
    counted = {(one.output, one.feature): one for one in block.totals.histograms}
    rows = {feature: row for row, feature in enumerate(block.feature_names)}
    for column, output in enumerate(block.outputs):
        for feature in dict.fromkeys(request.features):
            if (output, feature) in counted:
                yield counted[output, feature]
            elif request.bins:
                values = block.features[block.completed, rows[feature], column]
                yield ranged(output, feature, values, request.bins)
