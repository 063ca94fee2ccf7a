"""A double deletion study as its request wants it: which part of it, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.metabolic import Deletion, DeletionMatrix, DeletionPairs, DoubleDeletionRequest
from bioxen.protocol.metabolic.deletions import MAX_PAIRS_AS_ROWS
from bioxen.server.engines.metabolic.knockouts import INFEASIBLE, OPTIMAL, STATUS
from bioxen.server.engines.metabolic.pairs import PairTable
from bioxen.server.engines.metabolic.proof import MAX_GAP
from bioxen.server.engines.packing import as_numbers, pack

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Study:
    """Which pairs are asked for.

    Args:
        names_a: what each row of the whole study is without; each name once.
        names_b: what each column is without.
        request: what is to be told of which part.
    """

    names_a: Sequence[str]
    names_b: Sequence[str]
    request: DoubleDeletionRequest

    @cached_property
    def count(self) -> int:
        """How many distinct pairs the whole study has."""
        common = len(set(self.names_a).intersection(self.names_b))
        return len(self.names_a) * len(self.names_b) - common * (common - 1) // 2

    @cached_property
    def rows(self) -> Sequence[str]:
        """The part's share of the rows; parts have about the same number of pairs."""
        return self.names_a[self._begin : self._edge(1)]

    @cached_property
    def columns(self) -> Sequence[str]:
        """The columns of the part: where both sides are the same, pairs of earlier rows are other parts'."""
        return self.names_b[self._begin :] if self._is_square else self.names_b

    @property
    def _is_square(self) -> bool:
        return self.names_a == self.names_b

    @cached_property
    def _begin(self) -> int:
        return self._edge(0)

    def _edge(self, step: int) -> int:
        """Return the row at which the part begins, or with a step of 1 the next one."""
        part = self.request.part
        share = step if part is None else (part.number + step) / part.of
        height = len(self.names_a)
        if self._is_square:  # row r has height − r pairs of its own
            share = 1.0 - float(np.sqrt(1.0 - share))
        return round(share * height)

    def first(self) -> Flags:
        """Return which pairs of the part stand here for the first time: (b, a) is (a, b) again."""
        row = {name: number for number, name in enumerate(self.names_a)}
        behind = np.array([row.get(name, len(row)) for name in self.columns], dtype=np.int64)
        both = np.isin(self.rows, self.names_b)
        own = np.arange(len(self.rows)) + self._begin
        return np.asarray(~(both[:, None] & (behind[None, :] < own[:, None])))


def report(study: Study, table: PairTable, objective: float) -> dict[str, Any]:
    """Return the fields of the findings that hold the pairs."""
    request = study.request
    if request.report == "interactions":
        return {"deletion_pairs": _columns(study, table, _interacts(table, objective))}
    if request.report == "synthetic_lethal":
        return {"deletion_pairs": _columns(study, table, _lethal(table, request.threshold * objective))}
    if study.count <= MAX_PAIRS_AS_ROWS:
        return {"deletions": _rows(study, table)}
    return {"deletion_matrix": _matrix(study, table)}


def _rows(study: Study, table: PairTable) -> list[Deletion]:
    return [
        Deletion(
            ids=list(dict.fromkeys((study.rows[i], study.columns[j]))),
            growth=float(table.values[i, j]) if table.status[i, j] == OPTIMAL else None,
            status=STATUS[table.status[i, j]],
        )
        for i, j in np.argwhere(study.first()).tolist()
    ]


def _matrix(study: Study, table: PairTable) -> DeletionMatrix:
    first, packed = study.first(), study.request.packed
    others = first & (table.status != OPTIMAL) & (table.status != INFEASIBLE)
    return DeletionMatrix(
        ids_a=list(study.rows),
        ids_b=list(study.columns),
        growth=None if packed else as_numbers(table.values),
        packed=pack(table.values) if packed else None,
        infeasible=int(np.count_nonzero(first & (table.status == INFEASIBLE))),
        unsolved=[[study.rows[i], study.columns[j]] for i, j in np.argwhere(others).tolist()],
    )


def _interacts(table: PairTable, objective: float) -> Flags:
    """Return which pairs are not as bad as the worse one alone."""
    a, b = table.rows.values[:, None], table.columns.values[None, :]
    # The worse one is the lower for a maximum and the higher for a minimum: the one farther from the best.
    worse = np.where(np.abs(a - objective) >= np.abs(b - objective), a, b)
    worse = np.where(np.isnan(a) | np.isnan(b), np.nan, worse)
    differs = np.abs(table.values - worse) > MAX_GAP * max(1.0, abs(objective))
    return np.asarray(differs | (np.isnan(table.values) != np.isnan(worse)))


def _lethal(table: PairTable, limit: float) -> Flags:
    """Return which pairs leave less than `limit`, although each alone leaves more."""
    dead = (table.status == INFEASIBLE) | (table.values < limit)
    alone = [(one.status == INFEASIBLE) | (one.values < limit) for one in (table.rows, table.columns)]
    return np.asarray(dead & ~alone[0][:, None] & ~alone[1][None, :])


def _columns(study: Study, table: PairTable, wanted: Flags) -> DeletionPairs:
    i, j = np.nonzero(wanted & study.first())
    return DeletionPairs(
        ids_a=[study.rows[row] for row in i.tolist()],
        ids_b=[study.columns[column] for column in j.tolist()],
        growth=as_numbers(table.values[i, j]),
        growth_a=as_numbers(table.rows.values[i]),
        growth_b=as_numbers(table.columns.values[j]),
        status=[STATUS[number] for number in table.status[i, j]],
    )
