"""What is left without two sets of reactions at once, for every pair of many.

Most pairs need no solve. Where the optimum without one set uses nothing of the other, it is the pair's
optimum too; and what is infeasible stays so when more is stopped, as long as none of that was forced to run.
"One is lethal, so the pair grows 0" would be wrong: without both the cell may not even maintain itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.knockouts import INFEASIBLE, OPTIMAL, Blocked, Knockouts, Left

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]
_ALONE = 0.05
"""Of the whole, the share after which each set alone is solved, and pairs come: many more."""


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """Rows × columns."""

    values: NDArray[np.float64]
    """The best objective without both; NaN where there is none."""
    status: NDArray[np.int8]
    rows: Left
    """What is left without one alone."""
    columns: Left


@dataclass(frozen=True, slots=True, eq=False)
class _Kinds:
    """The distinct sets, what is left without each, and which of them lift a demand when they are stopped."""

    sets: list[Blocked]
    left: Left
    relaxes: Flags

    def untouched(self, of: Numbers, by: Numbers) -> Flags:
        """Return whether the optimum without each kind of `of` uses nothing of each kind of `by`."""
        carried = self.left.carried[of]
        used = [carried[:, list(self.sets[kind])].any(axis=1) for kind in by]
        optimal = self.left.status[of] == OPTIMAL
        return np.asarray(optimal[:, None] & ~np.array(used, dtype=np.bool_).reshape(len(by), len(of)).T)

    def hopeless(self, of: Numbers, by: Numbers) -> Flags:
        """Return whether each kind of `of` is infeasible and stays so without each kind of `by`."""
        return np.asarray((self.left.status[of] == INFEASIBLE)[:, None] & ~self.relaxes[by][None, :])


def solve_pairs(knockouts: Knockouts, rows: Sequence[Blocked], columns: Sequence[Blocked]) -> PairTable:
    """Return what is left without each of `rows` together with each of `columns`."""
    number = {blocked: place for place, blocked in enumerate(dict.fromkeys([*rows, *columns]))}
    row = np.array([number[blocked] for blocked in rows], dtype=np.int64)
    column = np.array([number[blocked] for blocked in columns], dtype=np.int64)
    problem = knockouts.problem
    forced = (problem.lower > 0) | (problem.upper < 0)
    with progress.within(0.0, _ALONE):
        alone = knockouts.solve(list(number), carried=True)
    kinds = _Kinds(
        list(number),
        alone,
        np.array([forced[list(blocked)].any() for blocked in number], dtype=np.bool_),
    )
    (of_rows, row), (of_columns, column) = (np.unique(one, return_inverse=True) for one in (row, column))
    with progress.within(_ALONE, 1.0):
        values, status = _distinct(knockouts, kinds, of_rows, of_columns)
    halves = [
        Left(kinds.left.values[one], kinds.left.status[one], kinds.left.carried[:0])
        for one in (of_rows[row], of_columns[column])
    ]
    at = np.ix_(row, column)
    return PairTable(values[at], status[at], *halves)


def _distinct(
    knockouts: Knockouts, kinds: _Kinds, rows: Numbers, columns: Numbers
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return values and status of distinct kinds: derived where they can be, solved where they cannot."""
    own = kinds.untouched(rows, columns)
    other = kinds.untouched(columns, rows).T
    # Where both follow they are the same number but for rounding; the least of both is the same either way.
    values = np.fmin(
        np.where(own, kinds.left.values[rows][:, None], np.nan),
        np.where(other, kinds.left.values[columns][None, :], np.nan),
    )
    lost = kinds.hopeless(rows, columns) | kinds.hopeless(columns, rows).T
    status = np.where(lost, INFEASIBLE, OPTIMAL).astype(np.int8)
    i, j = np.nonzero(~(own | other | lost))
    low, high = np.minimum(rows[i], columns[j]), np.maximum(rows[i], columns[j])
    pairs, back = np.unique(low * len(kinds.sets) + high, return_inverse=True)
    sets = [
        tuple(sorted({*kinds.sets[one], *kinds.sets[two]}))
        for one, two in zip(*(half.tolist() for half in np.divmod(pairs, len(kinds.sets))), strict=True)
    ]
    solved = knockouts.solve(sets)
    values[i, j], status[i, j] = solved.values[back], solved.status[back]
    return values, status
