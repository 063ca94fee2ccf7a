"""Mean and variance of many members, kept as sums that add up.

T. Chan, G. Golub, R. LeVeque, Amer. Statist. 37 (1983) 242. Sums are rounded, so the order matters: within a
block its grains are added in pairs, and then the pairs, which a part of a block can do for itself; blocks are
added one after the other in their order, wherever they were computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

import numpy as np

from bioxen.server.engines.studies.arrays import Array

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sums:
    """Of some members; arrays have the shape of what one member has."""

    members: int
    mean: Array
    squares: Array
    """Sum of the squared distances from the mean."""

    @property
    def deviation(self) -> Array:
        """The standard deviation with n − 1 in the denominator; NaN for fewer than two members."""
        if self.members < 2:
            return np.full(self.mean.shape, np.nan)
        found: Array = np.sqrt(self.squares / (self.members - 1))
        return found


def sums_of(values: Array, grains: Sequence[slice]) -> Sums:
    """Return the sums of `values`, members × anything, of which `grains` are the rows of each grain."""
    return in_pairs([_of_grain(values[grain]) for grain in grains], _both)


def _of_grain(values: Array) -> Sums:
    """Return the sums of `values`; of no members, NaN is the mean."""
    shape = values.shape[1:]
    if not len(values):
        return Sums(0, np.full(shape, np.nan), np.zeros(shape))
    mean = values.mean(axis=0)
    return Sums(len(values), mean, ((values - mean) ** 2).sum(axis=0))


def added(every: Iterable[Sums]) -> Sums:
    """Return the sums over all, added in their order; there is at least one."""
    return reduce(_both, every)


def in_pairs(every: Sequence[T], add: Callable[[T, T], T]) -> T:
    """Return the sum over all, neighbours first, then what they gave; there is at least one."""
    while len(every) > 1:
        every = [reduce(add, every[at : at + 2]) for at in range(0, len(every), 2)]
    return every[0]


def _both(one: Sums, other: Sums) -> Sums:
    if not one.members or not other.members:
        return one if one.members else other
    members = one.members + other.members
    gap = other.mean - one.mean
    return Sums(
        members,
        one.mean + gap * (other.members / members),
        one.squares + other.squares + gap**2 * (one.members * other.members / members),
    )
