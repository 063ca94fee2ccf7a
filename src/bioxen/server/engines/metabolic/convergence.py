"""How far samples of several chains can be trusted: effective sample size and split R-hat.

Gelman et al., Bayesian Data Analysis, 3rd edition, chapter 11; Geyer's initial monotone sequence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Draws = NDArray[np.float64]
"""Samples of one quantity: chain × draw."""


def split(draws: Draws) -> Draws:
    """Return each chain as two, so that a drift within a chain shows as a difference between chains."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def r_hat(draws: Draws) -> float:
    """Return split R-hat: near 1 where the halves of all chains agree."""
    halves = split(draws)
    within, total = _variances(halves)
    return float(np.sqrt(total / within)) if within > 0 else np.inf


def effective_size(draws: Draws) -> float:
    """Return the number of independent samples that would tell as much about the mean."""
    halves = split(draws)
    chains, length = halves.shape
    within, total = _variances(halves)
    if not total > 0:
        return float(chains * length)
    covariance = _autocovariance(halves).mean(axis=0)
    correlation = 1.0 - (within - covariance) / total
    correlation[0] = 1.0
    pairs = correlation[: 2 * (length // 2)].reshape(-1, 2).sum(axis=1)
    stop = int(np.argmax(pairs < 0)) if np.any(pairs < 0) else len(pairs)
    time = 2.0 * np.minimum.accumulate(pairs[:stop]).sum() - 1.0
    size = chains * length
    # Antithetic chains can beat independent ones; the cap is Stan's.
    return float(size / max(time, 1.0 / np.log10(size)))


def _variances(chains: Draws) -> tuple[Any, Any]:
    """Return the variance within chains, and the estimate that counts the differences between them too."""
    length = chains.shape[1]
    within = chains.var(axis=1, ddof=1).mean()
    between = chains.mean(axis=1).var(ddof=1)
    return within, within * (length - 1) / length + between


def _autocovariance(chains: Draws) -> Draws:
    """Return the autocovariance of each chain, unbiased as Stan takes it."""
    length = chains.shape[1]
    centred = chains - chains.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, n=2 * length, axis=1)
    sums = np.fft.irfft(np.abs(spectrum) ** 2, n=2 * length, axis=1)[:, :length]
    return np.asarray(sums / (length - 1))
