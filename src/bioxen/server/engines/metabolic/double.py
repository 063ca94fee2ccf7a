"""Double deletions: the best objective without each pair of genes, or of reactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import (
    DoubleDeletionRequest,
    DoubleGeneDeletionRequest,
    DoubleReactionDeletionRequest,
)
from bioxen.protocol.metabolic.deletions import MAX_PAIRS, MAX_PAIRS_AS_NUMBERS
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.gpr import GeneRules
from bioxen.server.engines.metabolic.knockouts import Blocked, Knockouts
from bioxen.server.engines.metabolic.pairs import PairTable, solve_pairs
from bioxen.server.engines.metabolic.pairtable import Study, report
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_genes, find_reactions
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved

_ISOZYMES = 0.95
"""Of the whole, the share after which pairs come that stop more than their genes do one by one: a few."""
Solve = Callable[[Knockouts, Sequence[str], Sequence[str]], PairTable]


def double_gene_deletions(request: DoubleGeneDeletionRequest, program: Program) -> Findings:
    """Return the best objective without each pair of genes."""
    network = program.network
    problem = build_problem(request, network)
    names_a = list(network.genes) if request.genes_a is None else request.genes_a
    names_b = names_a if request.genes_b is None else request.genes_b
    find_genes(names_a, network, "genes_a")
    find_genes(names_b, network, "genes_b")

    def solve(knockouts: Knockouts, rows: Sequence[str], columns: Sequence[str]) -> PairTable:
        genes = [[network.gene_index[name] for name in names] for names in (rows, columns)]
        return _solve_genes(knockouts, network.rules, *genes)

    return _study(request, program, problem, (names_a, names_b), solve)


def double_reaction_deletions(request: DoubleReactionDeletionRequest, program: Program) -> Findings:
    """Return the best objective without each pair of reactions."""
    network = program.network
    problem = build_problem(request, network)
    names_a = list(network.reactions) if request.reactions_a is None else request.reactions_a
    names_b = names_a if request.reactions_b is None else request.reactions_b
    find_reactions(names_a, network, "reactions_a")
    find_reactions(names_b, network, "reactions_b")

    def solve(knockouts: Knockouts, rows: Sequence[str], columns: Sequence[str]) -> PairTable:
        sets = [[(network.reaction_index[name],) for name in names] for names in (rows, columns)]
        return solve_pairs(knockouts, *sets)

    return _study(request, program, problem, (names_a, names_b), solve)


def _study(
    request: DoubleDeletionRequest,
    program: Program,
    problem: Problem,
    names: tuple[Sequence[str], Sequence[str]],
    solve: Solve,
) -> Findings:
    study = Study(list(dict.fromkeys(names[0])), list(dict.fromkeys(names[1])), request)
    _check_size(study, request)
    if request.report == "synthetic_lethal" and problem.direction == "min":
        raise ValidationError(
            "a pair is lethal where its loss lowers the objective, so it must be maximised",
            details={"place": "objective_direction", "remedy": 'Leave it out or give "max".'},
        )
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    knockouts = Knockouts(program, problem, best)
    table = solve(knockouts, study.rows, study.columns)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {study.count} pairs; without any, the objective is {knockouts.objective:.6g}.",
        optimal_objective=knockouts.objective,
        certificate=knockouts.certificate,
        settings=knockouts.settings,
        **report(study, table, knockouts.objective),
    )


def _check_size(study: Study, request: DoubleDeletionRequest) -> None:
    """Refuse a study that is too large.

    Raises:
        ValidationError: it has too many pairs, or too many for their numbers as JSON.
    """
    if study.count > MAX_PAIRS:
        raise ValidationError(
            f"the study has {study.count:,} pairs; at most {MAX_PAIRS:,} are computed in one request",
            details={
                "place": "process_code",
                "remedy": "Name fewer, or cut the study into several requests.",
            },
        )
    if study.count > MAX_PAIRS_AS_NUMBERS and request.report == "all" and not request.packed:
        raise ValidationError(
            f"the study has {study.count:,} pairs; over {MAX_PAIRS_AS_NUMBERS:,} are not sent as numbers",
            details={
                "place": "packed",
                "remedy": 'Set packed to true, or report to "interactions" or "synthetic_lethal".',
            },
        )


def _solve_genes(
    knockouts: Knockouts, rules: GeneRules, rows: Sequence[int], columns: Sequence[int]
) -> PairTable:
    missing = knockouts.problem.missing_genes
    alone = {gene: rules.blocked_by(missing | {gene}) for gene in {*rows, *columns}}
    with progress.within(0.0, _ISOZYMES):
        table = solve_pairs(knockouts, [alone[gene] for gene in rows], [alone[gene] for gene in columns])
    more = _together(rules, missing, rows, columns, alone)
    if more:
        with progress.within(_ISOZYMES, 1.0):
            left = knockouts.solve(list(more.values()))
        i, j = np.array(list(more)).T
        table.values[i, j], table.status[i, j] = left.values, left.status
    return table


def _together(
    rules: GeneRules,
    missing: frozenset[int],
    rows: Sequence[int],
    columns: Sequence[int],
    alone: dict[int, Blocked],
) -> dict[tuple[int, int], Blocked]:
    """Return the pairs that stop more than their genes do one by one: isozymes, which one rule names."""
    place_a = {gene: number for number, gene in enumerate(rows)}
    place_b = {gene: number for number, gene in enumerate(columns)}
    pairs = {
        (a, b)
        for genes in rules.genes_of_reactions()
        for a in genes & place_a.keys()
        for b in genes & place_b.keys()
        if a != b
    }
    more = {}
    for a, b in sorted(pairs):
        blocked = rules.blocked_by(missing | {a, b})
        if set(blocked) != {*alone[a], *alone[b]}:
            more[place_a[a], place_b[b]] = blocked
    return more
