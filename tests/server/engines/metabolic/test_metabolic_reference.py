"""Numbers that others computed: COBRApy, Orth et al. 2010, and the models' own publications."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.server.engines.metabolic.bench import program, run
from tests.shared_data import reference, shared

CORE = "e_coli_core.xml"
SUBSTRATES = [
    "ac",
    "acald",
    "akg",
    "etoh",
    "for",
    "fru",
    "fum",
    "glc__D",
    "gln__L",
    "glu__L",
    "lac__D",
    "mal__L",
]
SUBSTRATES += ["pyr", "succ"]
NO_OXYGEN = {"EX_o2_e": [0, 1000]}


@pytest.mark.parametrize("name", [CORE, "textbook.xml.gz", "iMM904.json", "RECON1.json"])
def test_default_objective(name: str) -> None:
    expected = reference()["genome_scale"][name]
    network = program(name).network
    assert len(network.reactions) == expected["reactions"]
    assert len(network.metabolites) == expected["metabolites"]
    assert len(network.genes) == expected["genes"]
    result = run(name)
    assert result.status == "optimal"
    assert result.optimal_objective == pytest.approx(expected["objective_value"], abs=1e-6)


def test_ijo1366_grows_as_published() -> None:
    assert run("iJO1366").optimal_objective == pytest.approx(0.9823718127, abs=1e-8)


def test_core_fluxes_and_growth_without_oxygen() -> None:
    core = reference()["core_tables"]
    fluxes = run(CORE).flux_state
    assert fluxes is not None
    assert {name: round(fluxes[name], 4) for name in core["default"]} == core["default"]
    anaerobic = run(CORE, constraints=NO_OXYGEN).optimal_objective
    assert anaerobic == pytest.approx(core["default_anaerobic_glc10"], abs=1e-6)


@pytest.mark.parametrize("air", ["aerobic", "anaerobic"])
@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_growth_on_other_substrates(substrate: str, air: str) -> None:
    exchange = f"EX_{substrate}_e"
    expected = reference()["core_tables"]["orth2010_table_lim20"][exchange][air]
    constraints = {"EX_glc__D_e": [0, 1000], exchange: [-20, 1000]}
    result = run(CORE, constraints=constraints | (NO_OXYGEN if air == "anaerobic" else {}))
    if expected is None:
        assert (result.status, result.optimal_objective, result.flux_state) == ("infeasible", None, None)
    else:
        assert result.optimal_objective == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize("air", ["aerobic", "anaerobic"])
def test_atp_yield_of_glucose(air: str) -> None:
    constraints: dict[str, Any] = {"EX_glc__D_e": [-1, -1], "ATPM": [0, None]}
    result = run(CORE, objective="ATPM", constraints=constraints | (NO_OXYGEN if air == "anaerobic" else {}))
    assert result.optimal_objective == pytest.approx(
        reference()["core_tables"]["atp_yield_glc"][air], abs=1e-6
    )


def test_flux_variability_of_the_core_model() -> None:
    ranges = run(CORE, "metabolic_fva").flux_ranges
    assert ranges is not None
    for name, (minimum, maximum) in reference()["core_tables"]["fva"].items():
        assert ranges[name].minimum == pytest.approx(minimum, abs=2e-5), name
        assert ranges[name].maximum == pytest.approx(maximum, abs=2e-5), name


def test_flux_variability_as_in_cobrapys_own_test() -> None:
    expected = json.loads(shared("gem", "textbook_fva.json").read_text())
    ranges = run("textbook", "flux_variability_analysis").flux_ranges
    assert ranges is not None
    for name, row in ranges.items():
        assert row.minimum == pytest.approx(expected["minimum"][name], abs=2e-5), name
        assert row.maximum == pytest.approx(expected["maximum"][name], abs=2e-5), name


def test_least_total_flux() -> None:
    result = run(CORE, "metabolic_pfba")
    assert result.flux_state is not None
    total = sum(map(abs, result.flux_state.values()))
    assert total == pytest.approx(reference()["core_tables"]["pfba_total_flux"], abs=1e-4)
    assert result.optimal_objective == pytest.approx(0.8739215070, abs=1e-8)


def _essential(name: str) -> set[str]:
    result = run(name, "metabolic_single_gene_deletion")
    assert result.deletions is not None and result.optimal_objective is not None
    return {row.ids[0] for row in result.deletions if (row.growth or 0.0) < 0.01 * result.optimal_objective}


def test_essential_genes_and_reactions_of_the_core_model() -> None:
    core = reference()["core_tables"]
    assert _essential(CORE) == set(core["ecoli_core_essential_genes_lt1pct"])
    rows = run(CORE, "metabolic_single_reaction_deletion").deletions
    assert rows is not None
    assert {row.ids[0] for row in rows if (row.growth or 0.0) < 0.00874} >= set(
        core["ecoli_core_essential_reactions"]
    )


@pytest.mark.parametrize("name", ["iJO1366.xml.gz", "iMM904.json"])
def test_essential_genes_at_genome_scale(name: str) -> None:
    expected = reference()["essential_genes"][name]
    assert _essential(name.removesuffix(".xml.gz")) == set(expected["genes"])
