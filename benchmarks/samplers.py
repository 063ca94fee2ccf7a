"""Flux sampling: the effective samples of the slowest flux in a second, set-up included."""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.turns import asking, timed
from cobra.sampling import ACHRSampler, OptGPSampler

from bioxen.server.engines.metabolic.convergence import diagnose
from bioxen.server.engines.metabolic.program import Program

SAMPLES = 1000
THINNING = 100
"""COBRApy's default."""


def samplers(model: Any, program: Program) -> None:
    """Print a row for each of COBRApy's samplers; on a large model BioXen alone."""
    work = asking(program, "metabolic_sampling", samples=SAMPLES)
    small = len(model.reactions) < 200
    repeats = 5 if small else 1
    fast, result = sorted((timed(work) for _ in range(repeats)), key=lambda one: one[0])[repeats // 2]
    found = result.samples
    rate = found.min_ess / fast
    said = f"{found.min_ess:.0f} in {fast:.3g} s, R-hat {found.max_r_hat:.3f}, {result.status}"
    if not small:
        print(f"| sampling, minimum ESS per second | not run | {rate:.4g}/s ({said}) | | 1 |", flush=True)
        return
    for kind in (OptGPSampler, ACHRSampler):
        seconds, least = _cobrapy(kind, model)
        print(
            f"| sampling, minimum ESS per second; {kind.__name__} | {least / seconds:.4g}/s ({least:.0f} in "
            f"{seconds:.3g} s) | {rate:.4g}/s ({said}) | {rate * seconds / least:.0f} | 1, 5 |",
            flush=True,
        )


def _cobrapy(kind: Any, model: Any) -> tuple[float, float]:
    more = {"processes": 1} if kind is OptGPSampler else {}
    seconds, drawn = timed(lambda: kind(model, thinning=THINNING, seed=1, **more).sample(SAMPLES).to_numpy())
    varying = np.flatnonzero(drawn.std(axis=0) > 1e-9)
    return seconds, float(diagnose(drawn[:, None, varying])[0].min())
