"""Double deletions and essentiality, against COBRApy and against the rows of single studies."""

from __future__ import annotations

import math
from typing import Any

import cobra
import pytest
from cobra.flux_analysis import find_essential_genes, find_essential_reactions
from tests.server.engines.metabolic.bench import packaged, run, toy

from bioxen.errors import ValidationError
from bioxen.server.engines.metabolic.pairs import _count

GENES = ["b0720", "b0114", "b2779", "b1676", "b1854", "b0902", "b4154"]


@pytest.fixture(scope="module")
def textbook() -> Any:
    model = cobra.io.read_sbml_model(str(packaged("textbook")))
    model.tolerance = 1e-9
    return model


def test_every_pair_of_genes_as_in_cobrapy(textbook: Any) -> None:
    rows = run("textbook", "metabolic_double_gene_deletion", genes_a=GENES).deletions
    expected = cobra.flux_analysis.double_gene_deletion(textbook, GENES, processes=1)
    growth = {frozenset(ids): value for ids, value in zip(expected.ids, expected.growth, strict=True)}
    assert rows is not None and len(rows) == len(growth) == 28
    for row in rows:
        wanted = growth[frozenset(row.ids)]
        assert row.growth == (None if row.growth is None else pytest.approx(wanted, abs=1e-8))
        assert (row.growth is None) == math.isnan(wanted)


def test_a_whole_matrix_is_made_of_the_fbas_of_the_mutants(textbook: Any) -> None:
    matrix = run("textbook", "metabolic_double_reaction_deletion").deletion_matrix
    assert matrix is not None and matrix.ids_a == matrix.ids_b == [one.id for one in textbook.reactions]
    for i, j in [(3, 80), (12, 50), (40, 41), (7, 7), (70, 20), (94, 0), (12, 10)]:
        mutant = run("textbook", reaction_knockouts=[matrix.ids_a[i], matrix.ids_b[j]])
        growth = matrix.growth[i][j]
        assert growth == (
            None if mutant.optimal_objective is None else pytest.approx(mutant.optimal_objective, abs=1e-8)
        )
        assert growth == matrix.growth[j][i]
    nulls = {
        frozenset((i, j)) for i, row in enumerate(matrix.growth) for j, one in enumerate(row) if one is None
    }
    assert len(nulls) == matrix.infeasible and matrix.unsolved == []


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


def test_too_many_pairs_are_refused() -> None:
    names = [str(number) for number in range(1500)]
    with pytest.raises(ValidationError, match="1,125,750 pairs"):
        _count(names, names)


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
