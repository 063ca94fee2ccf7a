"""Which members a study has: what is varied, and its value in each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri, ndtri_exp

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import (
    Axis,
    Choice,
    Distribution,
    EnsembleRequest,
    KineticBatchRequest,
    LogNormal,
    LogUniform,
    MembersRequest,
    MorrisRequest,
    Normal,
    ScanRequest,
    SobolRequest,
    Uniform,
    Values,
)
from bioxen.server.engines.studies.arrays import Array
from bioxen.server.engines.studies.indices import unit_sample

_TAIL = 5.0
"""Standard deviations from the mean beyond which chances are told apart by their logarithms."""
_LEAST = 2.0**-54
"""Half a step of the chances that are drawn: a chance of 0 would be an infinite number."""


def varied_names(request: MembersRequest) -> tuple[str, ...]:
    """Return what a request varies, in the order of the design's columns."""
    if isinstance(request, KineticBatchRequest):
        return ()  # each variant names its own
    if isinstance(request, EnsembleRequest):
        return tuple(sorted(request.distributions))
    return tuple(request.axes) if isinstance(request, ScanRequest) else tuple(_factors(request))


def design(request: MembersRequest, own_values: Mapping[str, float]) -> Array:
    """Return the values of what varies, members of the part × names.

    Args:
        request: the study.
        own_values: name → value without any variation, for distributions of a factor.

    Raises:
        ValidationError: a value is beyond the largest number there is.
    """
    if isinstance(request, KineticBatchRequest):
        return np.empty((len(request.members_of_part), 0))
    with np.errstate(over="ignore", invalid="ignore"):
        place, table = _table(request, own_values)
    for name, column in zip(varied_names(request), table.T, strict=True):
        if not np.isfinite(column).all():
            raise ValidationError(
                f"What varies {name} goes beyond the largest number there is.",
                details={"place": f"{place}.{name}", "remedy": "Give narrower limits, or a smaller width."},
            )
    return table


def _table(request: MembersRequest, own_values: Mapping[str, float]) -> tuple[str, Array]:
    """Return the field that says what varies, and the values."""
    if isinstance(request, EnsembleRequest):
        return "distributions", _drawn(request, own_values)
    if isinstance(request, ScanRequest):
        return "axes", _grid(request)
    if isinstance(request, SobolRequest | MorrisRequest):
        return "factors", _screened(request)
    raise TypeError(type(request).__name__)


def _factors(request: Any) -> list[str]:
    return list(request.factors)


def _drawn(request: EnsembleRequest, own_values: Mapping[str, float]) -> Array:
    names, members = varied_names(request), request.members_of_part
    chances = _chances(request.seed, members, len(names))
    indices = np.array(members)
    columns = []
    for column, name in enumerate(names):
        distribution = request.distributions[name]
        values = _quantile(distribution, chances[:, column], indices)
        columns.append(values * own_values[name] if distribution.relative else values)
    return np.array(columns).T.reshape(len(members), len(names))


def _chances(seed: int, members: range, count: int) -> Array:
    """Return numbers in [0, 1), members × count; those of member i are the stream's from i · 2⁶⁴ on.

    One stream is wound on from member to member: making a stream takes longer than simulating a member.
    """
    stream = np.random.Philox(key=seed, counter=members.start << 64)
    random = np.random.Generator(stream)
    used = -(-count // 4)  # the stream makes four numbers at a time
    table = np.empty((len(members), count))
    for row in table:
        random.random(out=row)
        stream.advance((1 << 64) - used)
    return table


def member_seed(seed: int, member: int) -> int:
    """Return the seed of a stochastic member: a function of the request's seed and the member alone."""
    return int(np.random.SeedSequence(entropy=seed, spawn_key=(member,)).generate_state(1)[0])


def _quantile(distribution: Distribution, chances: Array, indices: Any) -> Array:
    """Return the values below which a draw falls with these chances."""
    makers: dict[type, Callable[[Any], Array]] = {
        Uniform: lambda d: d.lower + (d.upper - d.lower) * chances,
        LogUniform: lambda d: d.lower * (d.upper / d.lower) ** chances,
        Normal: lambda d: _within(d, d.mean + d.standard_deviation * _normal(chances, *_limits(d))),
        LogNormal: lambda d: _within(d, d.median * np.exp(d.sigma * _normal(chances, *_log_limits(d)))),
        Choice: lambda d: np.array(d.values)[
            np.minimum((chances * len(d.values)).astype(int), len(d.values) - 1)
        ],
        Values: lambda d: np.array(d.values)[indices],
    }
    return makers[type(distribution)](distribution)


def _normal(chances: Array, low: float, high: float) -> Array:
    """Return quantiles of the standard normal distribution between two limits.

    Far out, 1 - 1e-17 and 1 are the same number: there the lower tail stands for the upper, in logarithms.
    """
    if low >= _TAIL:
        return -_normal(1.0 - chances, -high, -low)
    chances = np.maximum(chances, _LEAST)
    if high <= -_TAIL:
        with np.errstate(divide="ignore"):
            ends = log_ndtr(low) + np.log1p(-chances), log_ndtr(high) + np.log(chances)
        return np.asarray(ndtri_exp(np.logaddexp(*ends)))
    below, above = ndtr(low), ndtr(high)
    return np.asarray(ndtri(below + (above - below) * chances))


def _limits(distribution: Normal) -> tuple[float, float]:
    """Return the limits in standard deviations from the mean."""
    low, high = _open(distribution)
    return (
        (low - distribution.mean) / distribution.standard_deviation,
        (high - distribution.mean) / distribution.standard_deviation,
    )


def _log_limits(distribution: LogNormal) -> tuple[float, float]:
    """Return the limits of the logarithm in standard deviations from the median's."""
    with np.errstate(divide="ignore"):
        low, high = np.log(np.maximum(_open(distribution), 0.0) / distribution.median) / distribution.sigma
    return float(low), float(high)


def _open(distribution: Normal | LogNormal) -> tuple[float, float]:
    low, high = distribution.lower, distribution.upper
    return -np.inf if low is None else low, np.inf if high is None else high


def _within(distribution: Normal | LogNormal, values: Array) -> Array:
    """Return the values, none beyond a limit by rounding."""
    return np.clip(values, *_open(distribution))


def _grid(request: ScanRequest) -> Array:
    ticks = [_ticks(axis) for axis in request.axes.values()]
    places = np.unravel_index(np.array(request.members_of_part), [len(values) for values in ticks])
    return np.array([values[place] for values, place in zip(ticks, places, strict=True)]).T


def _ticks(axis: Axis) -> Array:
    if axis.values is not None:
        return np.array(axis.values)
    limits = float(axis.lower or 0.0), float(axis.upper or 0.0)
    return np.geomspace(*limits, axis.size) if axis.spacing == "log" else np.linspace(*limits, axis.size)


def _screened(request: SobolRequest | MorrisRequest) -> Array:
    members = request.members_of_part
    unit = unit_sample(request)[members.start : members.stop]
    columns = []
    for column, factor in enumerate(request.factors.values()):
        place, low, high = unit[:, column], factor.lower, factor.upper
        columns.append(low * (high / low) ** place if factor.scale == "log" else low + (high - low) * place)
    return np.array(columns).T
