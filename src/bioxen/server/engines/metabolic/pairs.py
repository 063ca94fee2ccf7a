"""Double deletions: the best objective without each pair of genes, or of reactions.

Most pairs need no solve. Where an optimum of the whole, or of one single deletion, uses nothing that the pair
stops, it is the pair's optimum too; and what is infeasible stays so when more is stopped, as long as none of
that was forced to run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import (
    Certificate,
    Deletion,
    DeletionMatrix,
    DoubleGeneDeletionRequest,
    DoubleReactionDeletionRequest,
    MetabolicStatus,
)
from bioxen.protocol.metabolic.deletions import MAX_PAIRS, MAX_PAIRS_AS_ROWS
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_genes, find_reactions
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum, worst
from bioxen.server.engines.metabolic.unsolved import unsolved

Stopped = frozenset[int]
Request = DoubleGeneDeletionRequest | DoubleReactionDeletionRequest


def double_gene_deletions(request: DoubleGeneDeletionRequest, program: Program) -> Findings:
    """Return the best objective without each pair of genes."""
    network = program.network
    problem = build_problem(request, network)
    names_a = list(network.genes) if request.genes_a is None else request.genes_a
    names_b = names_a if request.genes_b is None else request.genes_b
    find_genes(names_a, network, "genes_a")
    find_genes(names_b, network, "genes_b")
    number, rules, missing = network.gene_index, network.rules, problem.missing_genes
    alone = {name: frozenset(rules.blocked_by(missing | {number[name]})) for name in {*names_a, *names_b}}

    def stopped(a: str, b: str) -> Stopped:
        one, other = number[a], number[b]
        shared = set(rules.reactions_of.get(one, ())).intersection(rules.reactions_of.get(other, ()))
        either = alone[a] | alone[b]
        # Only a rule that names both can fall with both and stand with each.
        return either if shared <= either else either | set(rules.blocked_by(missing | {one, other}))

    return _study(request, program, problem, (names_a, names_b), stopped)


def double_reaction_deletions(request: DoubleReactionDeletionRequest, program: Program) -> Findings:
    """Return the best objective without each pair of reactions."""
    network = program.network
    problem = build_problem(request, network)
    names_a = list(network.reactions) if request.reactions_a is None else request.reactions_a
    names_b = names_a if request.reactions_b is None else request.reactions_b
    find_reactions(names_a, network, "reactions_a")
    find_reactions(names_b, network, "reactions_b")
    column = network.reaction_index

    def stopped(a: str, b: str) -> Stopped:
        return frozenset((column[a], column[b]))

    return _study(request, program, problem, (names_a, names_b), stopped)


def _study(
    request: Request,
    program: Program,
    problem: Problem,
    names: tuple[Sequence[str], Sequence[str]],
    stopped: Callable[[str, str], Stopped],
) -> Findings:
    names_a, names_b = (list(dict.fromkeys(one)) for one in names)
    count = _count(names_a, names_b)
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    study = _Study(program, problem, best, stopped)
    objective = problem.objective_value(best.value)
    rows = count <= MAX_PAIRS_AS_ROWS
    return Findings(
        problem=problem,
        status="optimal",
        deletions=list(study.rows(names_a, names_b)) if rows else None,
        deletion_matrix=None if rows else study.matrix(names_a, names_b),
        message=f"Optimal: {count} pairs, {study.solved} problems solved; without any, the objective is "
        f"{objective:.6g}.",
        optimal_objective=objective,
        certificate=study.certificate,
    )


def _count(names_a: Sequence[str], names_b: Sequence[str]) -> int:
    """Return the number of distinct pairs.

    Raises:
        ValidationError: there are too many.
    """
    common = len(set(names_a).intersection(names_b))
    count = len(names_a) * len(names_b) - common * (common - 1) // 2
    if count > MAX_PAIRS:
        raise ValidationError(
            f"the study has {count:,} pairs; at most {MAX_PAIRS:,} are computed in one request",
            details={
                "place": "process_code",
                "remedy": "Name fewer, or cut the study into several requests.",
            },
        )
    return count


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What one set of stopped reactions leaves."""

    status: MetabolicStatus
    growth: float | None
    used: Stopped
    """The reactions that carry flux in the optimum."""


@dataclass(eq=False)
class _Study:
    program: Program
    problem: Problem
    best: Optimum
    stopped: Callable[[str, str], Stopped]
    solved: int = 0
    _known: dict[Stopped, _Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.certificate: Certificate = self.best.certificate
        self._whole = self._optimum(self.best)
        forced = (self.problem.lower > 0) | (self.problem.upper < 0)
        self._forced = frozenset(np.flatnonzero(forced).tolist())

    def rows(self, names_a: Sequence[str], names_b: Sequence[str]) -> Iterator[Deletion]:
        """Give each distinct pair once."""
        seen = set()
        for a in names_a:
            for b in names_b:
                pair = frozenset((a, b))
                if pair not in seen:
                    seen.add(pair)
                    found = self.pair(a, b)
                    yield Deletion(ids=list(dict.fromkeys((a, b))), growth=found.growth, status=found.status)

    def matrix(self, names_a: Sequence[str], names_b: Sequence[str]) -> DeletionMatrix:
        """Return all pairs at once."""
        growth: list[list[float | None]] = []
        infeasible: set[frozenset[str]] = set()
        others: dict[frozenset[str], list[str]] = {}
        for a in names_a:
            found = [self.pair(a, b) for b in names_b]
            growth.append([one.growth for one in found])
            for b, one in zip(names_b, found, strict=True):
                if one.status == "infeasible":
                    infeasible.add(frozenset((a, b)))
                elif one.growth is None:
                    others.setdefault(frozenset((a, b)), [a, b])
        return DeletionMatrix(
            ids_a=list(names_a),
            ids_b=list(names_b),
            growth=growth,
            infeasible=len(infeasible),
            unsolved=list(others.values()),
        )

    def pair(self, a: str, b: str) -> _Known:
        """Return what is left without both."""
        reactions = self.stopped(a, b)
        if reactions in self._known:
            return self._known[reactions]
        found = self._known[reactions] = self._derived(a, b, reactions) or self._solve(reactions)
        return found

    def _derived(self, a: str, b: str, reactions: Stopped) -> _Known | None:
        """Return what follows from the whole or from a single deletion; `None` where nothing does."""
        if self._whole.used.isdisjoint(reactions):
            return self._whole
        if a == b:
            return None
        for name in (a, b):
            alone = self.pair(name, name)
            if alone.status == "optimal" and alone.used.isdisjoint(reactions):
                return alone
            if alone.status == "infeasible" and self._forced.isdisjoint(reactions - self.stopped(name, name)):
                return alone
        return None

    def _solve(self, reactions: Stopped) -> _Known:
        self.solved += 1
        bounds = self.problem.without(sorted(reactions))
        outcome = self.program.fluxes.solve(*bounds, self.problem.cost)
        if isinstance(outcome, NoOptimum):
            return _Known(outcome.status, None, frozenset())
        self.certificate = worst([self.certificate, outcome.certificate])
        return self._optimum(outcome)

    def _optimum(self, outcome: Optimum) -> _Known:
        used = frozenset(np.flatnonzero(outcome.x).tolist())
        return _Known("optimal", self.problem.objective_value(outcome.value), used)
