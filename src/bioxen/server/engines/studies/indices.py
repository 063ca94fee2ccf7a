"""Global sensitivities by SALib, which is imported only where a request asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioxen.protocol.kinetic import (
    GlobalSensitivity,
    MorrisEffect,
    MorrisRequest,
    SobolIndex,
    SobolPair,
    SobolRequest,
)
from bioxen.server.engines.studies.arrays import Array
from bioxen.server.engines.studies.block import Block

RESAMPLES = 100
"""Bootstrap resamples behind the confidence intervals."""
_CONFIDENCE = 0.95


def unit_sample(request: SobolRequest | MorrisRequest) -> Array:
    """Return the sample in the unit cube, all members × factors."""
    if isinstance(request, SobolRequest):
        from SALib.sample import sobol

        drawn = sobol.sample(
            _problem(request), request.samples, calc_second_order=request.second_order, seed=request.seed
        )
    else:
        from SALib.sample import morris

        drawn = morris.sample(
            _problem(request), request.trajectories, num_levels=request.levels, seed=request.seed
        )
    return np.asarray(drawn, dtype=float)


def global_sensitivity(request: SobolRequest | MorrisRequest, block: Block) -> GlobalSensitivity:
    """Return the indices of every feature of every output."""
    failed = int((~block.completed).sum())
    series = [
        (output, feature, block.features[:, row, column])
        for column, output in enumerate(block.outputs)
        for row, feature in enumerate(block.feature_names)
    ]
    if isinstance(request, MorrisRequest):
        unit = unit_sample(request)
        effects = [row for one in series for row in _morris(request, unit, *one)]
        return GlobalSensitivity(members=len(block.completed), failed=failed, morris=effects)
    indices: list[SobolIndex] = []
    pairs: list[SobolPair] = []
    for output, feature, values in series:
        found = _sobol(request, values)
        indices += _indices(request, output, feature, found)
        pairs += _pairs(request, output, feature, found) if request.second_order else []
    return GlobalSensitivity(
        members=len(block.completed), failed=failed, sobol=indices, sobol_pairs=pairs or None
    )


def _problem(request: SobolRequest | MorrisRequest) -> dict[str, Any]:
    names = list(request.factors)
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _varies(values: Array) -> bool:
    """Whether indices mean anything: every member has the feature, and it is not the same in all."""
    if not np.isfinite(values).all():
        return False
    return bool(np.ptp(values) > 1e-12 * np.abs(values).max(initial=0.0))


def _sobol(request: SobolRequest, values: Array) -> Any:
    if not _varies(values):
        return None
    from SALib.analyze import sobol

    return sobol.analyze(
        _problem(request),
        values,
        calc_second_order=request.second_order,
        num_resamples=RESAMPLES,
        conf_level=_CONFIDENCE,
        seed=request.seed + 1,  # SALib takes 0 for no seed at all
    )


def _indices(request: SobolRequest, output: str, feature: Any, found: Any) -> list[SobolIndex]:
    return [
        SobolIndex(
            output=output,
            feature=feature,
            factor=factor,
            first_order=_at(found, "S1", index),
            first_order_confidence=_at(found, "S1_conf", index),
            total=_at(found, "ST", index),
            total_confidence=_at(found, "ST_conf", index),
        )
        for index, factor in enumerate(request.factors)
    ]


def _pairs(request: SobolRequest, output: str, feature: Any, found: Any) -> list[SobolPair]:
    names = list(request.factors)
    return [
        SobolPair(
            output=output,
            feature=feature,
            factors=(names[one], names[other]),
            second_order=_at(found, "S2", one, other),
            second_order_confidence=_at(found, "S2_conf", one, other),
        )
        for one in range(len(names))
        for other in range(one + 1, len(names))
    ]


def _morris(
    request: MorrisRequest, unit: Array, output: str, feature: Any, values: Array
) -> list[MorrisEffect]:
    found: Any = None
    if np.isfinite(values).all():
        from SALib.analyze import morris

        found = morris.analyze(
            _problem(request),
            unit,
            values,
            num_resamples=RESAMPLES,
            conf_level=_CONFIDENCE,
            num_levels=request.levels,
            seed=request.seed,
        )
    return [
        MorrisEffect(
            output=output,
            feature=feature,
            factor=factor,
            mu=_at(found, "mu", index),
            mu_star=_at(found, "mu_star", index),
            sigma=_at(found, "sigma", index),
            mu_star_confidence=_at(found, "mu_star_conf", index),
        )
        for index, factor in enumerate(request.factors)
    ]


def _at(found: Any, name: str, *place: int) -> float | None:
    if found is None:
        return None
    value = float(np.asarray(found[name])[place])
    return value if np.isfinite(value) else None
