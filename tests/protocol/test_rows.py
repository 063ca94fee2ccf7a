"""Every part of a metabolic result has its rows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.engines.metabolic.bench import run

from bioxen.protocol.rows import _MAKERS

CASES: list[tuple[str, dict[str, Any], list[str], int]] = [
    (
        "metabolic_double_gene_deletion",
        {"report": "synthetic_lethal"},
        ["ids_a", "ids_b", "growth", "growth_a", "growth_b", "status"],
        53,
    ),
    ("metabolic_essential_genes", {"genes": ["b0720"]}, ["id", "growth", "status", "essential"], 1),
    ("metabolic_linear_moma", {"gene_knockouts": ["b4025"]}, ["reaction", "fluxes", "reference"], 95),
    ("metabolic_robustness", {"reaction": "EX_o2_e", "points": 3}, ["EX_o2_e", "objective"], 3),
    ("metabolic_minimal_medium", {}, ["medium", "exchange", "uptake"], 4),
    ("metabolic_blocked_reactions", {}, ["reaction"], 8),
    ("metabolic_fba", {"report_shadow_prices": True}, ["kind", "id", "flux", "price"], 95 + 72),
    ("metabolic_gap_filling", {}, ["proposal", "reaction", "objective"], 0),
]


@pytest.mark.parametrize(("process", "fields", "columns", "count"), CASES, ids=[case[0] for case in CASES])
def test_rows(process: str, fields: dict[str, Any], columns: list[str], count: int) -> None:
    service = run("textbook", process, **fields).model_dump()
    made = next(make for field, make in _MAKERS.items() if service.get(field) is not None)(service)
    assert (made.columns, len(made.rows)) == (columns, count)


@pytest.mark.parametrize("packed", [False, True])
def test_rows_of_a_matrix(packed: bool) -> None:
    rows = _MAKERS["deletion_matrix"](
        run("textbook", "metabolic_double_gene_deletion", packed=packed).model_dump()
    )
    assert (rows.columns[0], len(rows.columns), len(rows.rows)) == ("without", 138, 137)
    assert rows.rows[0][0] == rows.columns[1]


def test_rows_of_grids_and_samples() -> None:
    plane = run("textbook", "metabolic_phase_plane", reactions=["EX_o2_e", "PGI"], points=3).model_dump()
    assert len(_MAKERS["phase_plane"](plane).rows) == 9
    envelope = run("textbook", "metabolic_production_envelope", reactions=["EX_o2_e"], points=3).model_dump()
    assert _MAKERS["envelope"](envelope).columns[0] == "EX_o2_e"
    fields: dict[str, Any] = {"samples": 64, "reactions": ["PGI", "PFK"]}
    summary = run("textbook", "metabolic_sampling", **fields).model_dump()
    assert _MAKERS["samples"](summary).columns[:3] == ["reaction", "mean", "sd"]
    drawn = run("textbook", "metabolic_sampling", return_samples=True, **fields).model_dump()
    assert len(_MAKERS["samples"](drawn).rows) == 64
