"""The shipped metabolic models: sound as models, true to their references, and biology that holds."""

import hashlib
import math
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cobra import Model, Reaction
from cobra.core.formula import elements_and_molecular_weights as atomic_weights
from cobra.flux_analysis import find_blocked_reactions, pfba
from tests.server.bytecode.shipped import CHASSIS, content, loaded, of_kind, own_models, programs

ROOT = Path(__file__).parents[3]
CHASSIS_FACTS = files("bioxen.chassis") / "data"
REQUIRED_FACTS = {"genome_size", "gene_count", "ribosomes", "doubling_time"}
TCA_ONLY = {"CS", "CSm", "AKGDH", "AKGDm", "ICDHyr", "ICDHxm", "SUCDi", "SUCD2_u6m", "MDH", "FUM"}


def objective_of(model: Model) -> Reaction:
    (reaction,) = [reaction for reaction in model.reactions if reaction.objective_coefficient]
    return reaction


def growth(model: Model, constraints: dict[str, list[float]] | None = None) -> float:
    """The largest growth rate under constraints; NaN where there is no solution."""
    with model:
        for identifier, (lower, upper) in (constraints or {}).items():
            model.reactions.get_by_id(identifier).bounds = (lower, upper)
        return float(model.slim_optimize())


def fluxes(model: Model, constraints: dict[str, list[float]]) -> dict[str, float]:
    """The least-flux solution at the largest growth rate."""
    with model:
        for identifier, (lower, upper) in constraints.items():
            model.reactions.get_by_id(identifier).bounds = (lower, upper)
        return dict(pfba(model).fluxes)


def close_uptakes(model: Model) -> None:
    for reaction in model.boundary:
        reaction.lower_bound = max(reaction.lower_bound, 0.0)


def scenarios() -> list[Any]:
    return [
        pytest.param(name, scenario, id=f"{name}-{scenario['note']}")
        for name in of_kind("metabolic")
        for scenario in programs()[name]["reference"].get("scenario", [])
    ]


# --- files


@pytest.mark.parametrize("name", programs())
def test_the_digest_is_that_of_the_text(name: str) -> None:
    assert hashlib.sha256(content(name)).hexdigest() == programs()[name]["sha256"]


@pytest.mark.parametrize("name", programs())
def test_every_program_says_where_it_comes_from_and_what_it_is_not_for(name: str) -> None:
    program = programs()[name]
    assert program["sources"]
    assert program["limits"]
    assert program["licence"]


def test_the_shipped_models_are_what_their_sources_give() -> None:
    command = [sys.executable, "tools/build_models.py", "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_reaction_id_means_the_same_in_every_model() -> None:
    meaning: dict[str, dict[str, float]] = {}
    for name in own_models():
        for reaction in loaded(name).reactions:
            parts = {metabolite.id: amount for metabolite, amount in reaction.metabolites.items()}
            assert meaning.setdefault(reaction.id, parts) == parts, f"{reaction.id} differs in {name}"


# --- stoichiometry


@pytest.mark.parametrize("name", own_models())
def test_every_reaction_balances_in_mass_and_charge(name: str) -> None:
    model = loaded(name)
    inner = [r for r in model.reactions if not r.boundary and r is not objective_of(model)]
    assert {r.id: r.check_mass_balance() for r in inner if r.check_mass_balance()} == {}


@pytest.mark.parametrize("name", own_models())
def test_one_unit_of_growth_is_one_neutral_gram(name: str) -> None:
    drained = objective_of(loaded(name)).check_mass_balance()
    assert drained.pop("charge", 0.0) == pytest.approx(0.0, abs=1e-5)
    milligrams = -sum(atomic_weights[element] * amount for element, amount in drained.items())
    assert milligrams == pytest.approx(1000.0, abs=0.01)


@pytest.mark.parametrize("name", own_models())
def test_every_species_has_a_charge_and_every_reaction_a_name(name: str) -> None:
    model = loaded(name)
    assert all(metabolite.charge is not None for metabolite in model.metabolites)
    assert all(reaction.name for reaction in model.reactions)
    weightless = {m.id for m in model.metabolites if not m.formula}
    assert weightless == ({"ribo_c", "oribo_c", "omrna_c"} if name == "orthogonal_core" else set())


@pytest.mark.parametrize("name", own_models())
def test_no_reaction_is_blocked(name: str) -> None:
    assert find_blocked_reactions(loaded(name), open_exchanges=True, processes=1) == []


@pytest.mark.parametrize("name", own_models())
def test_nothing_makes_energy_from_nothing(name: str) -> None:
    model = loaded(name)
    with model:
        close_uptakes(model)
        assert math.isnan(growth(model)), "maintenance is paid without food"
        model.reactions.ATPM.lower_bound = 0.0
        model.objective = "ATPM"
        assert model.slim_optimize() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "carrier"),
    [("yeast_core", "h_c --> h_m"), ("orthogonal_core", "h_e --> h_c")],
)
def test_no_cycle_pumps_protons_for_free(name: str, carrier: str) -> None:
    model = loaded(name)
    with model:
        close_uptakes(model)
        model.reactions.ATPM.lower_bound = 0.0
        leak = Reaction("leak")
        model.add_reactions([leak])
        leak.build_reaction_from_string(carrier)
        model.objective = leak
        model.reactions.EX_h_e.bounds = (0.0, 0.0)
        assert model.slim_optimize() == pytest.approx(0.0, abs=1e-9)


# --- references


@pytest.mark.parametrize("name", of_kind("metabolic"))
def test_the_reference_growth_rate_is_reproduced(name: str) -> None:
    reference = programs()[name]["reference"]
    model = loaded(name)
    assert objective_of(model).id == reference["objective"]
    assert growth(model) == pytest.approx(reference["growth_rate"], abs=1e-6)


@pytest.mark.parametrize(("name", "scenario"), scenarios())
def test_the_scenarios_are_reproduced(name: str, scenario: dict[str, Any]) -> None:
    expected = pytest.approx(scenario["growth_rate"], abs=1e-6)
    assert growth(loaded(name), scenario["constraints"]) == expected


# --- biology


def test_base_core_agrees_with_its_formula() -> None:
    for glucose in (2.0, 5.0, 10.0):
        expected = (glucose - 1.0 / 2) / (7.106305 + 95.238095 / 2)
        assert growth(loaded("base_core"), {"EX_glc__D_e": [-glucose, 0.0]}) == pytest.approx(expected)


def test_yeast_ferments_beyond_its_respiratory_capacity_only() -> None:
    model = loaded("yeast_core")
    ethanol = [
        fluxes(model, {"EX_glc__D_e": [-glucose, 1000.0]})["EX_etoh_e"] for glucose in (1.0, 3.0, 6.0, 8.0)
    ]
    assert ethanol[:2] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert 0.0 < ethanol[2] < ethanol[3]
    wider = {"EX_glc__D_e": [-6.0, 1000.0], "CYOOm": [0.0, 100.0]}
    assert fluxes(model, wider)["EX_etoh_e"] == pytest.approx(0.0, abs=1e-6)


def test_yeast_yields_are_those_of_chemostats() -> None:
    model = loaded("yeast_core")
    grams_of_glucose = 0.180156
    aerobic = growth(model, {"EX_glc__D_e": [-2.0, 1000.0]}) / (2.0 * grams_of_glucose)
    anaerobic = growth(model, {"EX_o2_e": [0.0, 0.0]}) / (8.0 * grams_of_glucose)
    assert 0.45 < aerobic < 0.52  # published: 0.49 to 0.51 g/g
    assert 0.08 < anaerobic < 0.11  # published: 0.10 g/g


def test_yeast_without_oxygen_makes_glycerol_for_its_redox_balance() -> None:
    secreted = fluxes(loaded("yeast_core"), {"EX_o2_e": [0.0, 0.0]})
    assert 1.2 < secreted["EX_etoh_e"] / 8.0 < 1.8
    assert secreted["EX_glyc_e"] > 0.1 * secreted["EX_etoh_e"]


@pytest.mark.parametrize("name", ["syn3a_core", "minimal_cell_core"])
def test_minimal_cells_have_no_citrate_cycle_and_no_respiratory_chain(name: str) -> None:
    model = loaded(name)
    identifiers = {reaction.id for reaction in model.reactions}
    assert not identifiers & TCA_ONLY
    assert not {m.id for m in model.metabolites if m.id.startswith(("q6", "q8", "ficytc", "focytc"))}


def test_oxygen_in_syn3a_feeds_the_nadh_oxidase_alone() -> None:
    model = loaded("syn3a_core")
    users = {r.id for r in model.metabolites.o2_c.reactions} - {"O2t"}
    assert users == {"NOX"}
    assert not [m.id for m in loaded("minimal_cell_core").metabolites if m.id.startswith("o2_")]
    anaerobic = fluxes(model, {"EX_o2_e": [0.0, 0.0]})
    assert anaerobic["EX_ac_e"] == pytest.approx(0.0, abs=1e-6)
    assert anaerobic["EX_lac__L_e"] == pytest.approx(2 * 7.4, abs=1e-6)


@pytest.mark.parametrize(("name", "minutes"), [("syn3a_core", 105.0), ("minimal_cell_core", 180.0)])
def test_minimal_cells_double_in_the_published_time(name: str, minutes: float) -> None:
    assert math.log(2) / growth(loaded(name)) * 60 == pytest.approx(minutes, rel=0.01)


def test_the_orthogonal_product_is_paid_for_by_growth() -> None:
    model = loaded("orthogonal_core")
    demands = (0.0, 0.05, 0.10, 0.14)
    rates = [growth(model, {"EX_prod10_e": [demand, 1000.0]}) for demand in demands]
    assert rates == sorted(rates, reverse=True)
    assert len({round(rate, 6) for rate in rates}) == len(rates)
    with model:
        model.objective = "EX_prod10_e"
        assert model.slim_optimize() == pytest.approx(0.15)  # the orthogonal share of the ribosomes


@pytest.mark.parametrize("gene", ["T7RNAP", "oaaRS", "o16S"])
def test_the_expression_system_is_insulated_from_the_host(gene: str) -> None:
    model = loaded("orthogonal_core")
    free = growth(model)
    with model:
        model.genes.get_by_id(gene).knock_out()
        assert growth(model) == pytest.approx(free)
        model.objective = "EX_prod10_e"
        assert model.slim_optimize() == pytest.approx(0.0, abs=1e-9)


# --- chassis


@pytest.mark.parametrize("chassis", CHASSIS)
def test_the_chassis_agrees_with_its_model(chassis: str) -> None:
    facts = tomllib.loads((CHASSIS_FACTS / f"{chassis}.toml").read_text(encoding="utf-8"))
    model = loaded(facts["default_model"])
    assert facts["biological_type"] == chassis
    assert facts["medium"] == model.medium
    assert facts["objective"] == objective_of(model).id
    assert facts["default_model"] in facts["metabolic_models"]
    assert facts["default_kinetic_program"] in facts["kinetic_programs"]
    assert set(facts["metabolic_models"]) <= set(of_kind("metabolic"))
    assert set(facts["kinetic_programs"]) <= set(of_kind("kinetic"))


@pytest.mark.parametrize("chassis", CHASSIS)
def test_the_chassis_facts_are_complete_and_sourced(chassis: str) -> None:
    facts = tomllib.loads((CHASSIS_FACTS / f"{chassis}.toml").read_text(encoding="utf-8"))["facts"]
    assert facts.keys() >= REQUIRED_FACTS
    assert all(fact["unit"] and fact["source"] for fact in facts.values())
