"""Envelopes, phase planes, robustness, minimal media, blocked reactions and gap filling."""

from __future__ import annotations

import json
from typing import Any

import cobra
import numpy as np
import pytest
from cobra.flux_analysis import find_blocked_reactions, production_envelope
from cobra.medium import minimal_medium
from tests.server.engines.metabolic.bench import packaged, program, run, toy

from bioxen.errors import InvalidModelError, UnknownIdentifierError, ValidationError

COLUMNS = [
    f"{kind}_{end}" for kind in ("flux", "carbon_yield", "mass_yield") for end in ("minimum", "maximum")
]


@pytest.fixture(scope="module")
def textbook() -> Any:
    model = cobra.io.read_sbml_model(str(packaged("textbook")))
    model.tolerance = 1e-9
    return model


@pytest.mark.parametrize(
    ("objective", "reactions", "sources"),
    [
        ("EX_ac_e", ["EX_o2_e"], None),
        ("Biomass_Ecoli_core", ["EX_glc__D_e", "EX_o2_e"], None),
        ("EX_ac_e", ["Biomass_Ecoli_core"], ["EX_glc__D_e"]),
    ],
)
def test_envelopes_as_in_cobrapy(
    textbook: Any, objective: str, reactions: list[str], sources: list[str] | None
) -> None:
    with textbook as model:
        expected = production_envelope(
            model, reactions, model.reactions.get_by_id(objective), carbon_sources=sources, points=6
        )
    found = run(
        "textbook",
        "metabolic_production_envelope",
        objective=objective,
        reactions=reactions,
        carbon_sources=sources,
        points=6,
    ).envelope
    assert found is not None
    assert ", ".join(found.carbon_sources) == expected.carbon_source[0] or sources is not None
    for name in COLUMNS:
        column = np.array(getattr(found, name), dtype=float)
        assert column == pytest.approx(expected[name].to_numpy(float), abs=1e-7, nan_ok=True), name
    for name in reactions:
        assert found.fluxes[name] == pytest.approx(expected[name].tolist(), abs=1e-9)


def test_an_envelope_needs_one_product_and_a_grid_that_fits() -> None:
    with pytest.raises(ValidationError, match="one reaction"):
        run(
            "textbook",
            "metabolic_production_envelope",
            reactions=["EX_o2_e"],
            objective={"EX_ac_e": 1.0, "EX_etoh_e": 1.0},
        )
    with pytest.raises(ValidationError, match="27,000 points"):
        run("textbook", "metabolic_production_envelope", reactions=["PGI", "PFK", "FBA"], points=30)


def test_a_phase_plane_by_hand() -> None:
    """OUT = min(A, 2·B): slope 1 along A where A < 2·B, slope 2 along B elsewhere."""
    model = toy(
        ("A", {"a_c": 1}, 0, 4),
        ("B", {"b_c": 1}, 0, 4),
        ("OUT", {"a_c": -1, "b_c": -0.5}, 0, 1000),
        ("LOSE_A", {"a_c": -1}, 0, 1000),
        ("LOSE_B", {"b_c": -1}, 0, 1000),
    )
    plane = run(model, "metabolic_phase_plane", reactions=["A", "B"], points=5).phase_plane
    assert plane is not None and plane.x_fluxes == plane.y_fluxes == pytest.approx([0, 1, 2, 3, 4])
    for i, a in enumerate(plane.x_fluxes):
        for j, b in enumerate(plane.y_fluxes):
            assert plane.objective[i][j] == pytest.approx(min(a, 2 * b), abs=1e-9)
    assert (plane.slope_x[1][3], plane.slope_y[1][3]) == pytest.approx((1.0, 0.0))
    assert (plane.slope_x[4][1], plane.slope_y[4][1]) == pytest.approx((0.0, 2.0))
    assert plane.phase[1][3] != plane.phase[4][1] and plane.phase[1][3] == plane.phase[1][4]


def test_robustness_is_fba_at_each_flux() -> None:
    found = run(
        "textbook", "metabolic_robustness", reaction="EX_o2_e", points=7, range=[-60.0, None]
    ).robustness
    assert found is not None and found.fluxes[0] == -60.0
    for flux, value in zip(found.fluxes, found.objective, strict=True):
        assert value == (
            pytest.approx(run("textbook", constraints={"EX_o2_e": [flux, flux]}).optimal_objective, abs=1e-9)
            if value is not None
            else None
        )
    assert found.objective[0] is not None
    beyond = run("textbook", "metabolic_robustness", reaction="EX_glc__D_e", range=[-20.0, 0.0], points=3)
    assert beyond.robustness is not None and beyond.robustness.objective[-1] is None


@pytest.mark.parametrize("opened", [None, 1000.0])
def test_minimal_media_as_in_cobrapy(textbook: Any, opened: float | None) -> None:
    amounts = minimal_medium(textbook, 0.3, open_exchanges=opened or False)
    count = len(minimal_medium(textbook, 0.3, minimize_components=True, open_exchanges=opened or False))
    fields = {"min_objective_value": 0.3, "open_exchanges": opened}
    least = run("textbook", "metabolic_minimal_medium", **fields).media
    fewest = run("textbook", "metabolic_minimal_medium", minimize="components", **fields).media
    assert least is not None and fewest is not None
    assert least[0].total_uptake == pytest.approx(amounts.sum(), abs=1e-6)
    assert fewest[0].components == count


def test_a_minimal_medium_is_a_medium_and_its_alternatives_differ() -> None:
    fields = {
        "min_objective_value": 0.3,
        "open_exchanges": 100.0,
        "minimize": "components",
        "alternatives": 3,
    }
    media = run("textbook", "metabolic_minimal_medium", **fields).media
    assert media is not None and len(media) == 3
    assert len({tuple(sorted(one.uptake)) for one in media}) == 3
    assert len({one.components for one in media}) == 1
    for one in media:
        medium = {name: uptake * (1 + 1e-7) for name, uptake in one.uptake.items()}
        grown = run("textbook", medium=medium).optimal_objective
        assert grown is not None and grown >= 0.3 - 1e-6


def test_what_cannot_be_reached_has_no_medium() -> None:
    result = run("textbook", "metabolic_minimal_medium", min_objective_value=10.0)
    assert (result.status, result.media, result.certificate) == ("infeasible", None, None)
    assert "0.873922" in result.message


@pytest.mark.parametrize("opened", [False, True])
def test_blocked_reactions_as_in_cobrapy(textbook: Any, opened: bool) -> None:
    expected = find_blocked_reactions(textbook, open_exchanges=opened, processes=1)
    assert run("textbook", "metabolic_blocked_reactions", open_exchanges=opened).blocked == [
        one.id for one in textbook.reactions if one.id in expected
    ]


def test_blocked_reactions_of_a_genome_carry_no_flux() -> None:
    """Each verdict by its own linear programs, on a sample."""
    blocked = run("iJO1366", "metabolic_blocked_reactions").blocked
    compiled = program("iJO1366")
    network = compiled.network
    assert blocked is not None
    for column in range(0, len(network.reactions), 80):
        widest = 0.0
        for sign in (1.0, -1.0):
            cost = np.zeros(len(network.reactions))
            cost[column] = sign
            outcome = compiled.fluxes.solve(network.lower, network.upper, cost)
            widest = max(widest, abs(getattr(outcome, "value", np.inf)))
        assert (widest <= 1e-7) == (network.reactions[column] in blocked), network.reactions[column]


GAP = toy(("IN", {"a_c": 1}, 0, 10), ("OUT", {"b_c": -1}, 0, 1000))


def universal(*reactions: tuple[str, dict[str, float]]) -> str:
    metabolites = sorted({name for _, stoichiometry in reactions for name in stoichiometry})
    return json.dumps(
        {
            "id": "universal",
            "genes": [],
            "metabolites": [{"id": name, "compartment": "c"} for name in metabolites],
            "reactions": [
                {
                    "id": name,
                    "name": name,
                    "metabolites": stoichiometry,
                    "lower_bound": 0,
                    "upper_bound": 1000,
                    "gene_reaction_rule": "",
                }
                for name, stoichiometry in reactions
            ],
        }
    )


def test_a_gap_is_filled_by_the_shortest_way() -> None:
    text = universal(
        ("AB", {"a_c": -1, "b_c": 1}), ("AX", {"a_c": -1, "x_c": 1}), ("XB", {"x_c": -1, "b_c": 1})
    )
    fields: dict[str, Any] = {
        "universal_cobra_json": text,
        "demand_reactions": False,
        "min_objective_value": 1.0,
    }
    result = run(GAP, "metabolic_gap_filling", **fields)
    assert result.gap_fills is not None
    assert (result.gap_fills[0].reactions, result.gap_fills[0].objective) == (["AB"], 10.0)
    dear = run(GAP, "metabolic_gap_filling", penalties={"AB": 5.0}, **fields).gap_fills
    assert dear is not None and dear[0].reactions == ["AX", "XB"]


def test_a_gap_that_nothing_fills_is_infeasible() -> None:
    text = universal(("AX", {"a_c": -1, "x_c": 1}))
    result = run(GAP, "metabolic_gap_filling", universal_cobra_json=text, demand_reactions=False)
    assert (result.status, result.gap_fills) == ("infeasible", None)


def test_a_universal_model_comes_through_the_same_door() -> None:
    with pytest.raises(InvalidModelError):
        run(GAP, "metabolic_gap_filling", universal_sbml="/etc/passwd")
    with pytest.raises(UnknownIdentifierError, match="universal model"):
        run(
            GAP,
            "metabolic_gap_filling",
            universal_cobra_json=universal(("AB", {"a_c": -1})),
            penalties={"BA": 1.0},
        )
