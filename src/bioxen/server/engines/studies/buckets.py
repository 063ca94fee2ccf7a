"""Approximate quantiles of many numbers, in little room: how many fell into each bucket of the float64.

A bucket is the leading bits of a number: its sign, its exponent, and some of its mantissa. So its width is a
share of the numbers in it, which bounds the relative error of a quantile, as in DDSketch (C. Masson, J. Rim,
H. Lee, Proc. VLDB Endow. 12 (2019) 2195). Where numbers spread over too many buckets, all of a place become
twice as wide, as in UDDSketch (I. Epicoco et al., IEEE Access 8 (2020) 147604): one bit less of the mantissa.

Bits and counts are whole numbers, and a place's width is the least that makes all of its numbers fit, so what
comes out does not depend on how the numbers were cut into parts, nor on the order of the parts.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from math import ceil, log2, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.kinetic import MOST_BUCKETS, Buckets
from bioxen.server.engines.studies.arrays import Array, Writer, read

_MANTISSA = 52
_SIZE = np.int64(2**63 - 1)
"""The bits of a float64 without its sign."""
_LARGEST = np.uint64(0x7FEF_FFFF_FFFF_FFFF)
"""The bits of the largest float64."""
_PLACE = 32
"""Bits of a bucket; above them stands the place, in what is sorted."""
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sketch:
    """The buckets of some members, at every place: whatever shape the numbers of one member have."""

    members: int
    lowest: Array
    """The lowest number of each place; NaN where a member has none, and then no bucket counts."""
    highest: Array
    shifts: Whole
    """Of each place, flat: how many bits of a number are dropped."""
    keys: Whole
    """Place and bucket of all that count, rising: place · 2³² + bucket + 2³¹."""
    counts: Whole

    @property
    def accuracy(self) -> Array:
        """Return the share of its size within which a number is known, at each place; NaN without one."""
        step = 2.0 ** np.minimum(self.shifts - _MANTISSA, 9)  # of a bucket at 1, or in octaves from 1 on
        ratio = np.where(self.shifts <= _MANTISSA, 1 + step, 2.0**step).reshape(self.lowest.shape)
        found: Array = np.where(np.isfinite(self.lowest), (ratio - 1) / (ratio + 1), np.nan)
        return found

    def quantiles(self, probabilities: Iterable[float]) -> Array:
        """Return the quantiles, probabilities × places: linear between the two numbers next to each."""
        chances = np.array(list(probabilities), dtype=float)
        flat = np.full((chances.size, self.lowest.size), np.nan)
        known = np.flatnonzero(np.isfinite(self.lowest.ravel()))
        if known.size:
            ends = np.cumsum(self.counts)
            starts = np.searchsorted(self.keys, known << _PLACE)
            before = np.concatenate([[0], ends])[starts]
            after = np.searchsorted(self.keys, (known + 1) << _PLACE)
            ranks = chances[:, None] * (ends[after - 1] - before - 1)
            low = np.floor(ranks)
            below, above = (
                self._numbers(np.searchsorted(ends, before + rank.astype(np.int64), side="right"))
                for rank in (low, np.ceil(ranks))
            )
            between = below * (1 - (ranks - low)) + above * (ranks - low)
            flat[:, known] = np.where(below == above, below, between)
        return flat.reshape(chances.size, *self.lowest.shape)

    def _numbers(self, at: Whole) -> Array:
        """Return the number that stands for the bucket at each of these indices."""
        places = self.keys[at] >> _PLACE
        buckets = (self.keys[at] & (2**_PLACE - 1)) - 2 ** (_PLACE - 1)
        shifts = self.shifts[places].astype(np.uint64)
        sizes = np.where(buckets < 0, ~buckets, buckets).astype(np.uint64)
        inner = (sizes << shifts).view(np.float64)
        outer = np.minimum((sizes + np.uint64(1)) << shifts, _LARGEST).view(np.float64)
        middle = inner * (2 / (1 + inner / outer))  # as far from both edges, as a share of each
        ends = self.lowest.ravel()[places], self.highest.ravel()[places]
        found: Array = np.clip(np.where(buckets < 0, -middle, middle), *ends)
        return found


def bits_for(accuracy: float) -> int:
    """Return how many bits of the mantissa a bucket needs for numbers to be known within that share."""
    return max(0, ceil(log2(1 / accuracy - 1)) - 1)


def sketch_of(values: Array, accuracy: float) -> Sketch:
    """Return the buckets of `values`, members × places of any shape.

    Args:
        values: the numbers; what is not finite makes its place unknown.
        accuracy: the share of its size within which a number is to be known.
    """
    shape, members = values.shape[1:], len(values)
    flat = values.reshape(members, prod(shape)) + 0.0  # no negative zeros
    shifts = np.full(flat.shape[1], _MANTISSA - bits_for(accuracy), np.int64)
    if not members:
        return Sketch(0, np.full(shape, np.nan), np.full(shape, np.nan), shifts, *_empty())
    known = np.isfinite(flat).all(axis=0)
    lowest, highest = (np.where(known, end, np.nan) for end in (flat.min(axis=0), flat.max(axis=0)))
    places = np.flatnonzero(known)
    bits = np.ascontiguousarray(flat[:, places]).view(np.int64)
    sizes = (bits & _SIZE) >> shifts[places]
    buckets = np.where(bits < 0, ~sizes, sizes)
    keys = ((places << _PLACE) + buckets + 2 ** (_PLACE - 1)).ravel()
    ends = lowest.reshape(shape), highest.reshape(shape)
    return _fitting(Sketch(members, *ends, shifts, *_counted(keys, np.ones_like(keys))))


def merged(sketches: Iterable[Sketch]) -> Sketch:
    """Return the buckets of all members together; there is at least one sketch."""
    return reduce(_both, sketches)


def message(sketch: Sketch, write: Writer) -> Buckets:
    """Return `sketch` as it travels; `write` writes the arrays."""
    places = sketch.keys >> _PLACE
    lengths = np.bincount(places, minlength=sketch.shifts.size)
    buckets = (sketch.keys & (2**_PLACE - 1)) - 2 ** (_PLACE - 1)
    whole = np.concatenate([sketch.shifts, lengths, np.diff(buckets, prepend=0), sketch.counts])
    packed = base64.b64encode(zlib.compress(whole.astype("<i4").tobytes(), 1)).decode()
    return Buckets(lowest=write(sketch.lowest), highest=write(sketch.highest), packed=packed)


def sketch_in(plain: Mapping[str, Any], members: int) -> Sketch:
    """Return the sketch of a `Buckets` of so many members as plain data."""
    lowest, highest = read(plain["lowest"]), read(plain["highest"])
    whole = np.frombuffer(zlib.decompress(base64.b64decode(plain["packed"])), "<i4").astype(np.int64)
    count = lowest.size
    shifts, lengths, rest = whole[:count], whole[count : 2 * count], whole[2 * count :]
    steps, counts = rest[: rest.size // 2], rest[rest.size // 2 :]
    keys = (np.repeat(np.arange(count), lengths) << _PLACE) + np.cumsum(steps) + 2 ** (_PLACE - 1)
    return Sketch(members, lowest, highest, shifts, keys, counts)


def _both(one: Sketch, other: Sketch) -> Sketch:
    if not one.members or not other.members:
        return one if one.members else other
    lowest, highest = np.minimum(one.lowest, other.lowest), np.maximum(one.highest, other.highest)
    shifts = np.maximum(one.shifts, other.shifts)
    one, other = _widened(one, shifts), _widened(other, shifts)
    known = np.isfinite(lowest).ravel()
    keys, counts = np.concatenate([one.keys, other.keys]), np.concatenate([one.counts, other.counts])
    if not known.all():
        kept = known[keys >> _PLACE]
        keys, counts = keys[kept], counts[kept]
    members = one.members + other.members
    return _fitting(Sketch(members, lowest, highest, shifts, *_counted(keys, counts)))


def _fitting(sketch: Sketch) -> Sketch:
    """Return `sketch` with wider buckets where a place has too many."""
    while True:
        full = np.bincount(sketch.keys >> _PLACE, minlength=sketch.shifts.size) > MOST_BUCKETS
        if not full.any():
            return sketch
        sketch = _widened(sketch, sketch.shifts + full)


def _widened(sketch: Sketch, shifts: Whole) -> Sketch:
    """Return `sketch` with buckets that drop so many bits, nowhere fewer than now."""
    if (shifts == sketch.shifts).all():
        return sketch
    places = sketch.keys >> _PLACE
    buckets = (sketch.keys & (2**_PLACE - 1)) - 2 ** (_PLACE - 1)
    wider = buckets >> (shifts - sketch.shifts)[places]  # -1 - x >> 1 is -1 - (x >> 1)
    keys = (places << _PLACE) + wider + 2 ** (_PLACE - 1)
    return Sketch(sketch.members, sketch.lowest, sketch.highest, shifts, *_counted(keys, sketch.counts))


def _counted(keys: Whole, counts: Whole) -> tuple[Whole, Whole]:
    """Return each key once, rising, with the sum of its counts."""
    if not keys.size:
        return _empty()
    order = np.argsort(keys, kind="stable")  # what was sorted in parts takes it little time
    ranked = keys[order]
    firsts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    return ranked[firsts], np.add.reduceat(counts[order], firsts)


def _empty() -> tuple[Whole, Whole]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64)
