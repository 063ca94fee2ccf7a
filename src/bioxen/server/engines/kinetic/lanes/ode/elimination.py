"""Sparse linear systems with one pattern for all members: the elimination is planned once, then replayed.

The pivots stay on the diagonal, in an order that keeps fill low (Markowitz: at each turn the pivot whose row
and column have the fewest other entries). A step matrix, 1/(gamma h) on the diagonal less the Jacobian,
allows that: where a pivot comes out useless the step is rejected, and a shorter step makes the
diagonal dominate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.operations import load, store


@dataclass(frozen=True)
class Plan:
    """The tapes that factor a matrix of one pattern and solve with it; places are rows of lanes."""

    size: int
    """Number of entries of both factors."""
    entries: NDArray[np.int32]
    """Place of each entry of the Jacobian."""
    diagonal: NDArray[np.int32]
    factor: NDArray[np.int32]
    """For each pivot: its place, counts of its column and row, places of both, places of the products."""
    forward: NDArray[np.int32]
    """For each pivot: its unknown, a count, then unknowns and places of its column."""
    backward: NDArray[np.int32]
    """For each pivot, last first: its unknown, its place, a count, then unknowns and places of its row."""


def plan(size: int, rows: Iterable[int], columns: Iterable[int]) -> Plan:
    """Return the elimination for a matrix of `size` rows with these entries and a full diagonal."""
    pairs = [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]
    below: list[set[int]] = [set() for _ in range(size)]
    right: list[set[int]] = [set() for _ in range(size)]
    for i, j in pairs:
        if i != j:
            below[j].add(i)
            right[i].add(j)
    place = {
        pair: number for number, pair in enumerate(dict.fromkeys([*((k, k) for k in range(size)), *pairs]))
    }
    factor: list[int] = []
    forward: list[int] = []
    backward: list[list[int]] = []
    for k in _eliminate(below, right):
        column, row = sorted(below[k]), sorted(right[k])
        for pair in [
            *((i, k) for i in column),
            *((k, j) for j in row),
            *((i, j) for i in column for j in row),
        ]:
            place.setdefault(pair, len(place))
        down, along = [place[i, k] for i in column], [place[k, j] for j in row]
        factor += [place[k, k], len(column), len(row), *down, *along]
        factor += [place[i, j] for i in column for j in row]
        forward += [k, len(column), *_interleaved(column, down)]
        backward.append([k, place[k, k], len(row), *_interleaved(row, along)])
    return Plan(
        size=len(place),
        entries=np.array([place[pair] for pair in pairs], np.int32),
        diagonal=np.array([place[k, k] for k in range(size)], np.int32),
        factor=np.array(factor, np.int32),
        forward=np.array(forward, np.int32),
        backward=np.array([number for turn in reversed(backward) for number in turn], np.int32),
    )


def _eliminate(below: list[set[int]], right: list[set[int]]) -> Iterable[int]:
    """Yield the pivots in order, and leave in `below` and `right` what each meets when its turn comes."""
    left = set(range(len(below)))
    while left:
        k = min(left, key=lambda pivot: (len(below[pivot]) * len(right[pivot]), pivot))
        left.remove(k)
        for i in below[k]:
            right[i].discard(k)
            right[i] |= right[k] - {i}
        for j in right[k]:
            below[j].discard(k)
            below[j] |= below[k] - {j}
        yield k


def _interleaved(first: list[int], second: list[int]) -> list[int]:
    return [number for pair in zip(first, second, strict=True) for number in pair]


@lean
def factorise(w: NDArray[np.float64], at: int, tape: NDArray[np.int32]) -> None:
    """Replace the matrix at row `at` by its factors; the diagonal by its reciprocal."""
    cursor = 0
    while cursor < len(tape):
        pivot, down, along = at + tape[cursor], tape[cursor + 1], tape[cursor + 2]
        column = cursor + 3
        row = column + down
        product = row + along
        reciprocal = 1.0 / load(w, pivot)
        store(w, pivot, reciprocal)
        for i in range(down):
            multiplier = load(w, at + tape[column + i]) * reciprocal
            store(w, at + tape[column + i], multiplier)
            for j in range(along):
                target = at + tape[product]
                store(w, target, load(w, target) - multiplier * load(w, at + tape[row + j]))
                product += 1
        cursor = product


@lean
def solve(
    w: NDArray[np.float64], at: int, forward: NDArray[np.int32], backward: NDArray[np.int32], x: int
) -> None:
    """Solve in place for the right side at row `x`."""
    cursor = 0
    while cursor < len(forward):
        known = load(w, x + forward[cursor])
        count = forward[cursor + 1]
        cursor += 2
        for _ in range(count):
            target = x + forward[cursor]
            store(w, target, load(w, target) - load(w, at + forward[cursor + 1]) * known)
            cursor += 2
    cursor = 0
    while cursor < len(backward):
        target = x + backward[cursor]
        reciprocal = load(w, at + backward[cursor + 1])
        count = backward[cursor + 2]
        total = load(w, target)
        cursor += 3
        for _ in range(count):
            total = total - load(w, at + backward[cursor + 1]) * load(w, x + backward[cursor])
            cursor += 2
        store(w, target, total * reciprocal)
