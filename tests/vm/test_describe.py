from __future__ import annotations

from typing import Any

import pytest
from tests.vm.doubles import PROVENANCE, kinetic_answer, metabolic_answer

from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import KineticResult
from bioxen.protocol.metabolic import MetabolicResult
from bioxen.vm.describe import kinetic_line, metabolic_line


def metabolic(**changes: Any) -> str:
    answer = metabolic_answer({"process_code": "metabolic_fba"}, **changes)
    return metabolic_line(parse(MetabolicResult, answer), "r_2111")


def kinetic(**changes: Any) -> str:
    return kinetic_line(parse(KineticResult, kinetic_answer({"process_code": "kinetic_ode"}, **changes)))


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ({"BIOMASS_Ec_iJO1366": 1.0}, "growth rate 0.8739 1/h (optimal; objective BIOMASS_Ec_iJO1366)"),
        ({"r_2111": 1.0}, "growth rate 0.8739 1/h"),
        ({"EX_etoh_e": 1.0}, "flux EX_etoh_e 0.8739 mmol/gDW/h (optimal; objective EX_etoh_e)"),
        ({"A": 1.0, "B": 2.0}, "objective value 0.8739 (optimal; objective A + 2 B)"),
        ({"BIOMASS": 2.0}, "objective value 0.8739 (optimal; objective 2 BIOMASS)"),
        (dict.fromkeys("ABCDE", 1.0), "objective A + B + C + 2 more)"),
    ],
)
def test_objectives_have_their_units(objective: dict[str, float], said: str) -> None:
    assert said in metabolic(objective=objective)


def test_analyses_say_what_they_found() -> None:
    ranges = {"A": {"minimum": 0.0, "maximum": 1.0}, "B": {"minimum": None, "maximum": None}}
    assert metabolic(flux_ranges=ranges).startswith("flux ranges of 2 reactions; growth rate 0.8739 1/h")
    rows = [("a", 0.0, "optimal"), ("b", 0.8, "optimal"), ("c", None, "infeasible")]
    deletions = [{"ids": [gene], "growth": growth, "status": status} for gene, growth, status in rows]
    assert metabolic(deletions=deletions).startswith(
        "2 of 3 deletions leave less than 1% of growth rate 0.8739 1/h"
    )
    dynamics = {
        "time": [0.0, 8.5],
        "biomass": [0.01, 0.83],
        "concentrations": {},
        "growth_rate": [0.87, None],
        "ended": "infeasible",
    }
    said = "biomass from 0.01 to 0.83 gDW/L in 8.5 h, where FBA became infeasible on textbook"
    assert metabolic(dynamics=dynamics) == said


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            {"adjustment": {"measure": "euclidean", "distance": 2.0, "reference": {}}},
            "euclidean distance 2 from the reference; growth rate 0.8739 1/h",
        ),
        (
            {"media": [{"components": 4, "total_uptake": 14.8, "uptake": {}}]},
            "1 minimal medium with 4 nutrients, 14.8 mmol/gDW/h in total; growth rate",
        ),
        ({"gap_fills": [{"reactions": ["AB"], "objective": 1.0}]}, "filled by AB; growth rate"),
        (
            {"robustness": {"reaction": "PGI", "fluxes": [1.0], "objective": [0.5]}},
            "1 fluxes of PGI; best growth rate 0.8739 1/h",
        ),
    ],
)
def test_every_part_of_an_answer_has_its_words(part: dict[str, Any], said: str) -> None:
    assert metabolic(**part).startswith(said)


def test_what_holds_for_any_objective_names_none() -> None:
    assert metabolic(blocked=["A", "B"], optimal_objective=None) == "2 blocked reactions on textbook"


def test_a_given_model_is_named_by_its_digest() -> None:
    assert metabolic(provenance={**PROVENANCE, "model_id": None}).endswith("on the given model dddddddddddd")


def test_kinetics() -> None:
    final = {"A": 1.0, "B": None, "C": 3.0, "D": 4.0}
    said = "at t = 100 s: A = 1 nM, B = undefined model units, C = 3 and 1 more on gene_expression"
    assert kinetic(final_state=final, output_units={"A": "nM", "C": "dimensionless", "time": "s"}) == said
    steady = {"residual": 0.0, "eigenvalues": [], "stable": True}
    assert kinetic(steady_state=steady, time_vector=None).startswith("steady state (stable): mRNA = 2.5 nM")
    rows = [
        {"output": "S", "parameter": name, "unscaled": 1.0, "scaled": value}
        for name, value in (("a", 0.1), ("b", -2.0), ("c", None))
    ]
    assert kinetic(sensitivities=rows).startswith("largest scaled sensitivities: dln(S)/dln(b) = -2, ")
    estimate = {"value": 0.5, "standard_error": 0.01, "at_bound": False}
    fit = {"parameters": {"k": estimate}, "sum_of_squares": 0.02, "residuals": {}, "start_costs": [0.02]}
    assert kinetic(estimation=fit).startswith("fitted k = 0.5 ± 0.01; sum of squares 0.02")
    assert kinetic(status="failed", message="CV_ERR_FAILURE") == "failed: CV_ERR_FAILURE on gene_expression"
