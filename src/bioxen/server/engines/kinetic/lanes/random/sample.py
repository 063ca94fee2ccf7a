"""Numbers from the distributions of SBML's package distrib, from a lane's own stream of uniform ones.

Bounds truncate a distribution: what lies outside is never drawn, and what lies inside is drawn in the same
proportions as before. Both bounds belong to it, which matters for whole numbers alone. Where the arguments
make no distribution, or nothing of it lies between the bounds, the result is NaN.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.draws import CODES
from bioxen.server.engines.kinetic.lanes.random.counted import binomial, poisson_between
from bioxen.server.engines.kinetic.lanes.random.poisson import poisson
from bioxen.server.engines.kinetic.lanes.random.scalar import uniforms
from bioxen.server.engines.kinetic.lanes.random.tails import gamma_between, normal_between
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean

_NORMAL, _UNIFORM, _BERNOULLI = CODES["normal"], CODES["uniform"], CODES["bernoulli"]
_BINOMIAL, _CAUCHY, _CHISQUARE = CODES["binomial"], CODES["cauchy"], CODES["chisquare"]
_EXPONENTIAL, _GAMMA, _LAPLACE = CODES["exponential"], CODES["gamma"], CODES["laplace"]
_LOGNORMAL, _POISSON, _RAYLEIGH = CODES["lognormal"], CODES["poisson"], CODES["rayleigh"]


@lean
def sample(
    number: NDArray[np.int64],
    lane: int,
    code: int,
    a: float,
    b: float,
    low: float,
    high: float,
) -> float:
    """Return a number drawn at random, and move the lane's counter past the numbers it used.

    Args:
        number: the working numbers of the lanes, as words.
        lane: which of them draws.
        code: the distribution; see `CODES`.
        a: mean of normal, and of the logarithm of lognormal; location of cauchy and laplace; shape of gamma;
            rate of exponential; scale of rayleigh; mean of poisson; trials of binomial; chance of bernoulli;
            degrees of freedom of chisquare; lower end of uniform.
        b: standard deviation; scale of cauchy, laplace and gamma; chance of binomial; upper end of uniform.
        low: the lower bound, minus infinity for none.
        high: the upper bound, infinity for none.
    """
    if not (low <= high and math.isfinite(a) and math.isfinite(b)):
        return math.nan
    if code == _POISSON and low <= 0.0 and high == math.inf:
        return poisson(number, lane, a) if a >= 0.0 else math.nan
    unbounded = low <= 0.0 and high == math.inf
    if unbounded and code in (_GAMMA, _CHISQUARE):
        return _gamma(number, lane, a, b) if code == _GAMMA else _gamma(number, lane, 0.5 * a, 2.0)
    u, v = uniforms(number, lane)
    found = math.nan
    if code == _UNIFORM and a <= b:
        found = a + (b - a) * u
    elif code == _BERNOULLI and 0.0 <= a <= 1.0:
        found = 1.0 if u < a else 0.0
    elif code == _BINOMIAL:
        found = binomial(a, b, low, high, u)
    elif code == _POISSON and a >= 0.0:
        found = poisson_between(a, low, high, u)
    elif code == _NORMAL:
        found = _normal(u, v, a, b, low, high)
    elif code == _LOGNORMAL and high > 0.0:
        least = math.log(low) if low > 0.0 else -math.inf
        found = math.exp(_normal(u, v, a, b, least, math.log(high)))
    elif code == _GAMMA and a > 0.0 and b > 0.0:
        found = b * gamma_between(a, low / b, high / b, u)
    elif code == _CHISQUARE and a > 0.0:
        found = 2.0 * gamma_between(0.5 * a, 0.5 * low, 0.5 * high, u)
    elif code == _EXPONENTIAL and a > 0.0:
        found = _exponential(a * max(low, 0.0), a * high, u) / a
    elif code == _RAYLEIGH and a > 0.0:
        least, most = max(low, 0.0) / a, max(high, 0.0) / a
        found = a * math.sqrt(2.0 * _exponential(0.5 * least * least, 0.5 * most * most, u))
    elif code == _CAUCHY and b > 0.0:
        first, last = math.atan((low - a) / b), math.atan((high - a) / b)
        found = a + b * math.tan(first + u * (last - first))
    elif code == _LAPLACE and b > 0.0:
        found = a + b * _laplace((low - a) / b, (high - a) / b, u)
    return found if math.isnan(found) else min(max(found, low), high)  # rounding must not leave the bounds


@lean
def _normal(u: float, v: float, mean: float, deviation: float, low: float, high: float) -> float:
    if deviation < 0.0:
        return math.nan
    if deviation == 0.0:
        return mean if low <= mean <= high else math.nan
    if low == -math.inf and high == math.inf:
        return mean + deviation * math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)
    return mean + deviation * normal_between((low - mean) / deviation, (high - mean) / deviation, u)


@lean
def _exponential(low: float, high: float, u: float) -> float:
    """Draw from the exponential distribution of rate 1 between two values that are not below 0."""
    if high < low or high == 0.0:
        return math.nan
    return low - math.log1p(u * math.expm1(low - high))


@lean
def _laplace(low: float, high: float, u: float) -> float:
    """Draw from the Laplace distribution around 0 of scale 1 between two values."""
    if low >= 0.0:
        return _exponential(low, high, u)
    if high <= 0.0:
        return -_exponential(-high, -low, u)
    below, above = -math.expm1(low), -math.expm1(-high)
    share = u * (below + above)
    return math.log1p(share - below) if share < below else -math.log1p(below - share)


@lean
def _gamma(number: NDArray[np.int64], lane: int, shape: float, scale: float) -> float:
    """Draw from the gamma distribution: G. Marsaglia, W. Tsang, ACM Trans. Math. Softw. 26 (2000) 363."""
    if not (shape > 0.0 and scale > 0.0):
        return math.nan
    raised = shape if shape >= 1.0 else shape + 1.0
    d = raised - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        first, second = uniforms(number, lane)
        chance, further = uniforms(number, lane)
        x = math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        if math.log(chance) < 0.5 * x * x + d - d * v + d * math.log(v):
            return scale * d * v * (1.0 if shape >= 1.0 else further ** (1.0 / shape))
