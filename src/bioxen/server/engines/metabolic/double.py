"""Double gene deletions, and the objectives of many variants: results as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.metabolic.gpr import GeneRules
from bioxen.server.engines.metabolic.kernel.batch import Changes, stopped
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum, Study

Blocked = tuple[int, ...]
SHARD = 4096
"""Pairs that are solved in one go: what they need is bounded, whatever the number of genes."""


def objectives(program: Program, problem: Problem, changes: Changes) -> Vector:
    """Return the best objective of each variant of `problem`; NaN where it has none."""
    study = program.fluxes.study((problem.lower, problem.upper), problem.cost, changes)
    return _objectives(problem, study.values)


def double_deletions(program: Program, problem: Problem, genes: Sequence[int]) -> NDArray[np.float64]:
    """Return the best objective without each pair of `genes`; single deletions stand on the diagonal.

    NaN where there is none: mostly because without both genes the cell cannot even maintain itself.

    Pairs are solved by what they stop, each distinct set once, and only if it matters: where the optimum
    without one gene does not use what the other one stops, it stays the optimum without both.
    """
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return np.full((len(genes), len(genes)), np.nan)
    sets = _Sets(program, problem, best.x != 0.0, best.value)
    rules, missing = program.network.rules, problem.missing_genes
    single = [rules.blocked_by(missing | {gene}) for gene in genes]
    kinds = {blocked: kind for kind, blocked in enumerate(dict.fromkeys(single))}
    sets.solve(list(kinds), carried=True)
    by_kind = np.full((len(kinds), len(kinds)), np.nan)
    open_pairs: dict[Blocked, list[tuple[int, int]]] = {}
    for (one, first), (two, second) in combinations(enumerate(kinds), 2):
        value = sets.value_of_pair(first, second)
        if value is None:
            open_pairs.setdefault(tuple(sorted({*first, *second})), []).append((one, two))
        else:
            by_kind[one, two] = by_kind[two, one] = value
    sets.solve(list(open_pairs))
    for blocked, pairs in open_pairs.items():
        for one, two in pairs:
            by_kind[one, two] = by_kind[two, one] = sets.values[blocked]
    for kind, blocked in enumerate(kinds):
        by_kind[kind, kind] = sets.values[blocked]
    row = np.array([kinds[blocked] for blocked in single], dtype=np.int64)
    table = by_kind[np.ix_(row, row)]
    _add_synthetic(table, sets, rules, missing, genes, single)
    return _objectives(problem, table)


def _add_synthetic(
    table: NDArray[np.float64],
    sets: _Sets,
    rules: GeneRules,
    missing: frozenset[int],
    genes: Sequence[int],
    single: Sequence[Blocked],
) -> None:
    """Put right the pairs that stop more than their genes do one by one: isozymes of one reaction."""
    place = {gene: number for number, gene in enumerate(genes)}
    together: set[tuple[int, int]] = set()
    for rule in rules.genes_of_reactions():
        together.update(combinations(sorted(place[gene] for gene in rule if gene in place), 2))
    more = {}
    for one, two in sorted(together):
        blocked = rules.blocked_by(missing | {genes[one], genes[two]})
        if set(blocked) != {*single[one], *single[two]}:
            more[one, two] = blocked
    sets.solve([blocked for blocked in more.values() if blocked not in sets.values])
    for (one, two), blocked in more.items():
        table[one, two] = table[two, one] = sets.values[blocked]


class _Sets:
    """Sets of stopped reactions, and the least cost without each."""

    def __init__(self, program: Program, problem: Problem, used: NDArray[np.bool_], value: float) -> None:
        self._program, self._problem, self._best, self._used = program, problem, value, used
        self.values: dict[Blocked, float] = {}
        self._carried: dict[Blocked, NDArray[np.bool_]] = {}
        self.studies: list[Study] = []

    def solve(self, sets: Sequence[Blocked], *, carried: bool = False) -> None:
        """Solve for these sets."""
        fresh = [blocked for blocked in dict.fromkeys(sets) if blocked not in self.values]
        for blocked in fresh:
            if not self._used[list(blocked)].any():
                self.values[blocked] = self._best
        matter = [blocked for blocked in fresh if blocked not in self.values]
        bounds = self._problem.lower, self._problem.upper
        for begin in range(0, len(matter), SHARD):
            shard = matter[begin : begin + SHARD]
            study = self._program.fluxes.study(bounds, self._problem.cost, stopped(shard), carried=carried)
            self.studies.append(study)
            self.values.update(zip(shard, study.values.tolist(), strict=True))
            if carried:
                self._carried.update(zip(shard, study.carried, strict=True))

    def _relaxes(self, blocked: Blocked) -> bool:
        """Return whether stopping these lifts a demand, as it does where a flux is forced."""
        columns = list(blocked)
        return bool(np.any((self._problem.lower[columns] > 0) | (self._problem.upper[columns] < 0)))

    def value_of_pair(self, one: Blocked, two: Blocked) -> float | None:
        """Return the value without both, if it follows from those without one; `None` if not."""
        for first, second in ((one, two), (two, one)):
            value = self.values[first]
            if np.isnan(value) and not self._relaxes(second):
                return value
            if not np.isnan(value) and not self._carried.get(first, self._used)[list(second)].any():
                return value
        return None


def _objectives(problem: Problem, cost: Vector) -> Vector:
    return np.asarray((-cost if problem.direction == "max" else cost) + 0.0)
