"""Double deletions and essentiality, against COBRApy, HiGHS and the rows of single studies."""

from __future__ import annotations

import math
from typing import Any

import cobra
import numpy as np
import pytest
from cobra.flux_analysis import find_essential_genes, find_essential_reactions
from numpy.typing import NDArray
from tests.server.engines.metabolic.bench import ENGINE, packaged, program, run, toy

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import MetabolicResult
from bioxen.server.engines.metabolic.problem import build_problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import Optimum

GENES = ["b0720", "b0114", "b2779", "b1676", "b1854", "b0902", "b4154"]
CODES = ("metabolic_double_gene_deletion", "metabolic_double_reaction_deletion")


@pytest.fixture(scope="module")
def textbook() -> Any:
    model = cobra.io.read_sbml_model(str(packaged("textbook")))
    model.tolerance = 1e-9
    return model


def numbers(result: MetabolicResult) -> NDArray[np.float64]:
    assert result.deletion_matrix is not None
    return np.array(result.deletion_matrix.rows(), dtype=float)


def by_highs(compiled: Program, **fields: Any) -> float:
    """Return the best objective by HiGHS alone; NaN where there is none."""
    problem = build_problem(ENGINE.parse({"process_code": "metabolic_fba", **fields}), compiled.network)
    outcome = compiled.fluxes.solve_by_highs(problem.lower, problem.upper, problem.cost)
    return problem.objective_value(outcome.value) if isinstance(outcome, Optimum) else math.nan


def test_every_pair_of_genes_as_in_cobrapy(textbook: Any) -> None:
    rows = run("textbook", "metabolic_double_gene_deletion", genes_a=GENES).deletions
    expected = cobra.flux_analysis.double_gene_deletion(textbook, GENES, processes=1)
    growth = {frozenset(ids): value for ids, value in zip(expected.ids, expected.growth, strict=True)}
    assert rows is not None and len(rows) == len(growth) == 28
    for row in rows:
        wanted = growth[frozenset(row.ids)]
        assert row.growth == (None if row.growth is None else pytest.approx(wanted, abs=1e-8))
        assert (row.growth is None) == math.isnan(wanted)


def test_the_whole_core_model_as_in_cobrapy(textbook: Any) -> None:
    result = run("textbook", "metabolic_double_gene_deletion")
    found, matrix = numbers(result), result.deletion_matrix
    expected = cobra.flux_analysis.double_gene_deletion(textbook, processes=1)
    place = {gene: number for number, gene in enumerate(matrix.ids_a)} if matrix else {}
    assert len(expected) == 137 * 138 // 2
    for ids, wanted in zip(expected.ids, expected.growth, strict=True):
        one, *other = (place[gene] for gene in ids)
        growth = found[one, other[0] if other else one]
        assert growth == pytest.approx(wanted, abs=1e-7, nan_ok=True), ids
    assert np.array_equal(found, found.T, equal_nan=True)
    assert matrix is not None and np.isnan(np.triu(found)).sum() == matrix.infeasible


def test_random_pairs_of_a_genome_as_by_highs() -> None:
    compiled = program("iJO1366")
    rng = np.random.default_rng(5)
    names = [str(name) for name in rng.choice(compiled.network.genes, 110, replace=False)]
    found = numbers(run("iJO1366", CODES[0], genes_a=names[:55], genes_b=names[55:]))
    for i, j in rng.integers(0, 55, (60, 2)):
        expected = by_highs(compiled, gene_knockouts=[names[i], names[55 + j]])
        assert found[i, j] == pytest.approx(expected, abs=1e-7, nan_ok=True), (names[i], names[55 + j])


def test_isozymes_fall_together_only() -> None:
    """Neither of two genes stops a reaction that either of them serves; no single deletion shows it."""
    compiled = program("iJO1366")
    network = compiled.network
    pairs: list[tuple[str, str]] = []
    for genes in network.rules.genes_of_reactions():
        if len(genes) == 2 and network.rules.blocked_by(genes) and len(pairs) < 40:
            first, second = sorted(genes)
            alone = {*network.rules.blocked_by({first}), *network.rules.blocked_by({second})}
            if set(network.rules.blocked_by(genes)) != alone:
                pairs.append((network.genes[first], network.genes[second]))
    assert len(pairs) == 40
    for one, two in pairs:
        row = (run("iJO1366", CODES[0], genes_a=[one], genes_b=[two]).deletions or [])[0]
        expected = by_highs(compiled, gene_knockouts=[one, two])
        assert (math.nan if row.growth is None else row.growth) == pytest.approx(
            expected, abs=1e-7, nan_ok=True
        )


def test_a_whole_matrix_is_made_of_the_fbas_of_the_mutants(textbook: Any) -> None:
    result = run("textbook", "metabolic_double_reaction_deletion")
    found, names = numbers(result), [one.id for one in textbook.reactions]
    assert result.deletion_matrix is not None and result.deletion_matrix.ids_a == names
    for i, j in [(3, 80), (12, 50), (40, 41), (7, 7), (70, 20), (94, 0), (12, 10)]:
        mutant = run("textbook", reaction_knockouts=[names[i], names[j]]).optimal_objective
        assert found[i, j] == pytest.approx(math.nan if mutant is None else mutant, abs=1e-8, nan_ok=True)
        assert np.array_equal(found[i, j], found[j, i], equal_nan=True)
    assert result.deletion_matrix.unsolved == []


def test_stopping_what_is_forced_can_make_a_pair_feasible() -> None:
    """A is lethal alone, because MUST then starves; without MUST there is nothing to starve."""
    model = toy(
        ("IN", {"a_c": 1}, 0, 10),
        ("MUST", {"a_c": -1}, 5, 10),
        ("OUT", {"b_c": -1}, 0, 9),
        ("B", {"b_c": 1}, 0, 4),
    )
    rows = run(
        model, "metabolic_double_reaction_deletion", reactions_a=["IN"], reactions_b=["IN", "MUST"]
    ).deletions
    assert rows is not None
    assert [(row.ids, row.growth) for row in rows] == [(["IN"], None), (["IN", "MUST"], 4.0)]
    pairs = run(model, "metabolic_double_reaction_deletion", report="interactions").deletion_pairs
    assert pairs is not None
    assert ("IN", "MUST") in zip(pairs.ids_a, pairs.ids_b, strict=True)


def test_a_lethal_gene_does_not_make_an_infeasible_pair_grow_0() -> None:
    """OUT alone is 0 without B; without B and without IN the maintenance MUST cannot run at all."""
    model = toy(
        ("IN", {"a_c": 1}, 0, 10),
        ("MUST", {"a_c": -1}, 5, 10),
        ("OUT", {"b_c": -1}, 0, 9),
        ("B", {"b_c": 1}, 0, 4),
    )
    rows = run(model, CODES[1], reactions_a=["B"], reactions_b=["B", "IN"]).deletions
    assert rows is not None
    assert [(row.growth, row.status) for row in rows] == [(0.0, "optimal"), (None, "infeasible")]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("of", [1, 3, 200])
def test_parts_are_the_whole(code: str, of: int) -> None:
    whole = run("textbook", code, packed=True)
    assert whole.deletion_matrix is not None
    expected, names = numbers(whole), whole.deletion_matrix.ids_a
    seen = infeasible = 0
    for number in range(of):
        part = run("textbook", code, packed=True, part={"number": number, "of": of})
        matrix = part.deletion_matrix
        assert matrix is not None and matrix.ids_a == names[seen : seen + len(matrix.ids_a)]
        rows = expected[seen : seen + len(matrix.ids_a), len(names) - len(matrix.ids_b) :]
        assert np.array_equal(numbers(part).reshape(rows.shape), rows, equal_nan=True)
        seen, infeasible = seen + len(matrix.ids_a), infeasible + matrix.infeasible
    assert (seen, infeasible) == (len(names), whole.deletion_matrix.infeasible)


def test_two_sides_that_overlap_have_each_pair_once() -> None:
    rows = run("textbook", CODES[0], genes_a=GENES[:4], genes_b=GENES[2:]).deletions
    assert rows is not None and len(rows) == 19
    assert len({frozenset(row.ids) for row in rows}) == 19


def test_packed_numbers_are_the_numbers() -> None:
    plain, packed = run("textbook", CODES[0]), run("textbook", CODES[0], packed=True)
    assert plain.deletion_matrix is not None and packed.deletion_matrix is not None
    assert packed.deletion_matrix.growth is None and plain.deletion_matrix.packed is None
    assert plain.deletion_matrix.growth == packed.deletion_matrix.rows()
    assert plain.to_frame().equals(packed.to_frame())
    frame = packed.to_frame()
    assert frame.loc["b0720", "b0114"] == run("textbook", gene_knockouts=["b0720"]).optimal_objective


def test_the_pairs_that_interact_are_those_unlike_the_worse_single() -> None:
    found = numbers(run("textbook", CODES[0]))
    pairs = run("textbook", CODES[0], report="interactions").deletion_pairs
    names = list(program("textbook").network.genes)
    single = np.diag(found)
    worse = np.minimum.outer(single, single)
    unlike = (np.abs(found - worse) > 1e-6) | (np.isnan(found) != np.isnan(worse))
    expected = {(names[i], names[j]) for i, j in np.argwhere(unlike) if i < j}
    assert pairs is not None and set(zip(pairs.ids_a, pairs.ids_b, strict=True)) == expected
    assert len(expected) > 100


def test_synthetic_lethals_are_lethal_together_and_not_alone() -> None:
    found = numbers(run("textbook", CODES[0]))
    pairs = run("textbook", CODES[0], report="synthetic_lethal").deletion_pairs
    names = list(program("textbook").network.genes)
    dead = np.isnan(found) | (found < 0.01 * 0.8739215069684)
    alone = np.diag(dead)
    expected = {(names[i], names[j]) for i, j in np.argwhere(dead) if i < j and not alone[i] and not alone[j]}
    assert pairs is not None and set(zip(pairs.ids_a, pairs.ids_b, strict=True)) == expected
    assert len(expected) > 10
    with pytest.raises(ValidationError, match="maximised"):
        run("textbook", CODES[0], report="synthetic_lethal", objective_direction="min")


def test_too_many_pairs_are_refused() -> None:
    names = [f"R{number}" for number in range(1500)]
    model = toy(*((name, {f"m{name}_c": 1.0}, 0.0, 1.0) for name in names), ("OUT", {"b_c": -1}, 0, 9))
    with pytest.raises(ValidationError, match="1,127,251 pairs") as refused:
        run(model, CODES[1])
    assert refused.value.place == "packed"
    assert run(model, CODES[1], packed=True).deletion_matrix is not None


def test_a_part_must_be_one_of_them() -> None:
    with pytest.raises(ValidationError, match="no part 3 of 3"):
        run("textbook", CODES[0], part={"number": 3, "of": 3})


def test_essential_genes_and_reactions_as_in_cobrapy(textbook: Any) -> None:
    genes = run("textbook", "metabolic_essential_genes").essentiality
    reactions = run("textbook", "metabolic_essential_reactions").essentiality
    assert genes is not None and reactions is not None
    assert set(genes.ids) == {gene.id for gene in find_essential_genes(textbook, processes=1)}
    assert set(reactions.ids) == {one.id for one in find_essential_reactions(textbook, processes=1)}
    assert genes.limit == pytest.approx(0.00873921, abs=1e-8)


def test_the_threshold_is_a_share_of_the_undisturbed_objective() -> None:
    strict = run("textbook", "metabolic_essential_genes", threshold=0.9).essentiality
    rows = run("textbook", "metabolic_single_gene_deletion").deletions
    assert strict is not None and rows is not None
    assert set(strict.ids) == {row.ids[0] for row in rows if (row.growth or 0.0) < 0.9 * 0.8739215069684}


def test_what_is_minimised_has_no_essential_genes() -> None:
    with pytest.raises(ValidationError, match="maximised"):
        run("textbook", "metabolic_essential_genes", objective_direction="min")
