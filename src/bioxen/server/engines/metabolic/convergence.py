"""How far samples of several chains can be trusted: effective sample size and split R-hat.

Gelman et al., Bayesian Data Analysis, 3rd edition, chapter 11; Geyer's initial monotone sequence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.metabolic.network import Vector

Draws = NDArray[np.float64]
"""Samples: draw × chain × quantity."""


def diagnose(draws: Draws) -> tuple[Vector, Vector]:
    """Return the effective sample size and the split R-hat of each quantity.

    The former is the number of independent samples that would tell as much about the mean; the latter is near
    1 where the halves of all chains agree.
    """
    halves = _split(draws)
    within, total = _variances(halves)
    ratio = np.where(within > 0, total / np.where(within > 0, within, 1.0), np.inf)
    return _effective_size(halves, within, total), np.sqrt(ratio)


def _split(draws: Draws) -> Draws:
    """Return each chain as two, so that a drift within a chain shows as a difference between chains."""
    half = draws.shape[0] // 2
    return np.concatenate([draws[:half], draws[-half:]], axis=1)


def _effective_size(halves: Draws, within: Vector, total: Vector) -> Vector:
    length, chains, _ = halves.shape
    size = length * chains
    moves = total > 0
    covariance = _autocovariance(halves)
    correlation = 1.0 - (within - covariance) / np.where(moves, total, 1.0)
    correlation[0] = 1.0
    pairs = correlation[: 2 * (length // 2)].reshape(length // 2, 2, -1).sum(axis=1)
    kept = np.cumsum(pairs < 0, axis=0) == 0  # up to the first negative sum
    time = 2.0 * np.where(kept, np.minimum.accumulate(pairs), 0.0).sum(axis=0) - 1.0
    # Antithetic chains can beat independent ones; the cap is Stan's.
    sizes: Vector = size / np.maximum(time, 1.0 / np.log10(size))
    return np.where(moves, sizes, float(size))


def _variances(chains: Draws) -> tuple[Vector, Vector]:
    """Return the variance within chains, and the estimate that counts the differences between them too."""
    length = chains.shape[0]
    within = chains.var(axis=0, ddof=1).mean(axis=0)
    between = chains.mean(axis=0).var(axis=0, ddof=1)
    return within, within * (length - 1) / length + between


def _autocovariance(chains: Draws) -> NDArray[np.float64]:
    """Return the mean autocovariance of the chains, lag × quantity, unbiased as Stan takes it."""
    length = chains.shape[0]
    centred = chains - chains.mean(axis=0)
    power = np.abs(np.fft.rfft(centred, n=2 * length, axis=0)) ** 2
    sums = np.fft.irfft(power.mean(axis=1), n=2 * length, axis=0)[:length]
    return np.asarray(sums / (length - 1))
