"""What the engine promises: the same bytes for the same request, no number without proof, no silent skips."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from tests.server.engines.metabolic.bench import ENGINE, encoded, program, run, source, toy

from bioxen.errors import (
    BioXenException,
    ComputationError,
    UnknownIdentifierError,
    UnknownProcessError,
    ValidationError,
)
from bioxen.protocol.metabolic import FbaRequest, MetabolicResult
from bioxen.protocol.processes import PROCESSES
from bioxen.server.engines.base import Engine
from bioxen.server.engines.metabolic import MetabolicEngine
from bioxen.server.engines.metabolic.findings import Findings, flux_state
from bioxen.server.engines.metabolic.problem import build_problem
from bioxen.server.engines.metabolic.solver import NoOptimum

FACTS = {
    "process_code",
    "vm_id",
    "status",
    "message",
    "objective",
    "objective_direction",
    "model_key",
    "provenance",
}
NUMBERS = tuple(
    name
    for name in MetabolicResult.model_fields
    if name not in FACTS and not name.startswith(("comput", "exec"))
)
NEEDED: dict[str, dict[str, Any]] = {
    "metabolic_batch": {"variants": [{}]},
    "metabolic_production_envelope": {"reactions": ["EX_o2_e"]},
    "metabolic_phase_plane": {"reactions": ["EX_o2_e", "PGI"]},
    "metabolic_robustness": {"reaction": "EX_o2_e"},
}
"""What a process cannot do without."""
REQUESTS: list[dict[str, Any]] = [
    {},
    {"constraints": {"EX_o2_e": [0, 1000]}},
    {"gene_knockouts": ["b2779", "b0114"]},
    {"objective": "ATPM"},
    {"objective": {"ATPM": 1.0, "Biomass_Ecoli_core": 20.0}, "process_code": "metabolic_pfba"},
    {"process_code": "metabolic_pfba", "fraction_of_optimum": 0.9},
    {"process_code": "metabolic_fva", "reactions": ["PGI", "EX_ac_e", "PFK"], "fraction_of_optimum": 0.9},
    {"process_code": "metabolic_single_gene_deletion", "genes": ["b0720", "b0114", "b2779"]},
    {"process_code": "metabolic_dfba", "time_points": 11},
    {"constraints": {"EX_glc__D_e": [0, 1000]}},
    {"report_shadow_prices": True, "report_uniqueness": True},
    {"process_code": "metabolic_loopless_fba"},
    {"process_code": "metabolic_loopless_fba", "method": "exact"},
    {"process_code": "metabolic_loopless_fva", "reactions": ["FRD7", "PGI"]},
    {"process_code": "metabolic_lexicographic_fba"},
    {"process_code": "metabolic_double_gene_deletion", "genes_a": ["b0720", "b0114"], "genes_b": ["b2779"]},
    {"process_code": "metabolic_double_reaction_deletion", "reactions_a": ["PGI", "PFK", "ENO"]},
    {"process_code": "metabolic_essential_reactions", "reactions": ["PGI", "ENO", "GLCpts"]},
    {"process_code": "metabolic_moma", "gene_knockouts": ["b4025"]},
    {"process_code": "metabolic_linear_moma", "gene_knockouts": ["b4025"]},
    {"process_code": "metabolic_room", "relaxed": True, "gene_knockouts": ["b4025"]},
    {"process_code": "metabolic_production_envelope", "reactions": ["EX_o2_e"], "points": 5},
    {"process_code": "metabolic_phase_plane", "reactions": ["EX_o2_e", "EX_glc__D_e"], "points": 5},
    {"process_code": "metabolic_robustness", "reaction": "EX_o2_e", "points": 5},
    {"process_code": "metabolic_minimal_medium", "minimize": "components", "alternatives": 2},
    {"process_code": "metabolic_blocked_reactions"},
    {"process_code": "metabolic_sampling", "samples": 64, "seed": 5},
    {"process_code": "metabolic_gap_filling", "gene_knockouts": ["b0720"], "exchange_reactions": True},
]


def test_it_is_an_engine_and_names_what_computes() -> None:
    assert isinstance(ENGINE, Engine)
    expected = {code for process in PROCESSES if process.service == "static" for code in process.codes}
    assert set(ENGINE.process_codes()) == expected
    provenance = run("textbook").provenance
    assert provenance.engine_version.startswith("cobra ") and "HiGHS" in provenance.engine_version
    assert provenance.model_digest == source("textbook").digest == program("textbook").digest


@pytest.mark.parametrize("seed", range(3))
def test_the_same_request_gives_the_same_bytes_whatever_ran_before(seed: int) -> None:
    fresh = MetabolicEngine().compile(source("textbook"))
    alone = [encoded(run(MetabolicEngine().compile(source("textbook")), **fields)) for fields in REQUESTS[:2]]
    order = list(range(len(REQUESTS)))
    random.Random(seed).shuffle(order)
    answers = {number: encoded(run(fresh, **REQUESTS[number])) for number in order}
    warm = {number: encoded(run("textbook", **REQUESTS[number])) for number in range(len(REQUESTS))}
    assert answers == warm
    assert [answers[0], answers[1]] == alone


def test_genome_scale_answers_do_not_depend_on_history() -> None:
    first = encoded(run("iJO1366", constraints={"EX_o2_e": [0, 1000]}))
    run("iJO1366", objective="ATPM")
    run("iJO1366", gene_knockouts=["b2779"])
    assert encoded(run("iJO1366", constraints={"EX_o2_e": [0, 1000]})) == first


@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_what_goes_out_is_what_the_protocol_says(fields: dict[str, Any]) -> None:
    result = run(program("textbook"), **fields)
    assert MetabolicResult.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize(
    "process",
    [
        "metabolic_fba",
        "metabolic_pfba",
        "metabolic_loopless_fba",
        "metabolic_lexicographic_fba",
        "metabolic_moma",
        "metabolic_linear_moma",
        "metabolic_room",
    ],
)
def test_a_request_says_which_fluxes_it_wants(process: str) -> None:
    asked: dict[str, Any] = {"process_code": process, "gene_knockouts": ["b4025"]}
    everything = run(program("textbook"), **asked)
    assert everything.flux_state is not None
    assert list(everything.flux_state) == list(program("textbook").network.reactions)
    nothing = run(program("textbook"), **asked, report="objective")
    assert nothing == everything.model_copy(update={"flux_state": None})
    some = run(program("textbook"), **asked, reactions=["PFK", "EX_o2_e", "FRD7"])
    assert some.flux_state == {name: everything.flux_state[name] for name in ("PFK", "EX_o2_e", "FRD7")}
    for fields in ({}, {"report": "objective"}, {"constraints": {"EX_glc__D_e": [0, 1000]}}):
        with pytest.raises(UnknownIdentifierError) as caught:
            run(program("textbook"), **asked | fields, reactions=["PFK", "PFKK"])
        assert caught.value.place == "reactions.1"


def test_prices_are_there_without_the_fluxes() -> None:
    asked: dict[str, Any] = {"report_shadow_prices": True}
    with_fluxes, without = (
        run(program("textbook"), **asked, report=what) for what in ("fluxes", "objective")
    )
    assert without.reduced_costs == with_fluxes.reduced_costs
    for result, fluxes in ((with_fluxes, 95), (without, 0)):
        frame = result.to_frame()
        assert len(frame) == 95 + 72
        assert frame["flux"].notna().sum() == fluxes


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_number_that_is_none_never_leaves(wrong: float) -> None:
    network = program("textbook").network
    fluxes = np.zeros(len(network.reactions))
    fluxes[7] = wrong
    with pytest.raises(ComputationError, match="no finite number"):
        flux_state(FbaRequest(), network, fluxes)
    found = Findings(
        problem=build_problem(FbaRequest(), network), status="optimal", message="", optimal_objective=1.0
    )
    with pytest.raises(ValueError, match="finite"):
        found.but(optimal_objective=wrong)
    with pytest.raises(ValueError, match="finite"):
        found.but(shadow_prices={"atp_c": wrong})


@pytest.mark.parametrize("process", [process.code for process in PROCESSES if process.service == "static"])
def test_infeasible_carries_no_number_and_says_what_to_try(process: str) -> None:
    result = run("textbook", process, constraints={"EX_glc__D_e": [0, 1000]}, **NEEDED.get(process, {}))
    assert result.status == "infeasible"
    if result.batch is not None:  # its variants may have solutions of their own; this one has none
        assert (result.batch.status, result.batch.objective) == (["infeasible"], [None])
    assert all(getattr(result, name) is None for name in NUMBERS if name != "batch")
    if result.batch is None:  # a batch counts its variants instead
        assert "constraints.EX_glc__D_e" in result.message and "ATPM" in result.message


@pytest.mark.parametrize("process", ["metabolic_fba", "metabolic_pfba", "metabolic_fva"])
def test_unbounded_carries_no_number(process: str) -> None:
    endless = toy(("IN", {"a_c": 1}, 0, 1e30), ("OUT", {"a_c": -1}, 0, 1e30))
    result = run(endless, process)
    assert result.status == "unbounded"
    assert all(getattr(result, name) is None for name in NUMBERS)


def test_infeasible_and_unbounded_are_told_apart() -> None:
    both = toy(("IN", {"a_c": 1}, 0, 1e30), ("OUT", {"a_c": -1}, 0, 1e30), ("MUST", {"b_c": -1}, 1, 10))
    assert run(both).status == "infeasible"


def test_a_range_without_limit_is_null() -> None:
    model = toy(
        ("IN", {"a_c": 1}, 0, 10),
        ("OUT", {"a_c": -1}, 0, 1000),
        ("LOOP", {"b_c": 1}, 0, 1e30),
        ("BACK", {"b_c": -1}, 0, 1e30),
    )
    ranges = run(model, "metabolic_fva").flux_ranges
    assert ranges is not None
    assert (ranges["LOOP"].minimum, ranges["LOOP"].maximum) == (0.0, None)
    assert (ranges["OUT"].minimum, ranges["OUT"].maximum) == (10.0, 10.0)


def test_no_flux_is_written_as_minus_zero() -> None:
    assert "-0.0," not in run("textbook").model_dump_json()


@pytest.mark.parametrize(
    ("fields", "place", "match"),
    [
        ({"constraints": {"EX_o2": [0, 1]}}, "constraints.EX_o2", "EX_o2_e"),
        ({"medium": {"EX_glc_e": 1.0}}, "medium.EX_glc_e", "EX_glc__D_e"),
        ({"gene_knockouts": ["b2779", "b277"]}, "gene_knockouts.1", "b2779"),
        ({"reaction_knockouts": ["PGII"]}, "reaction_knockouts.0", "PGI"),
        ({"objective": "Biomass"}, "objective", "Biomass_Ecoli_core"),
        ({"objective": {"ATPm": 1.0}}, "objective.ATPm", "ATPM"),
        ({"process_code": "metabolic_fva", "reactions": ["pgi"]}, "reactions.0", "PGI"),
        ({"process_code": "metabolic_single_gene_deletion", "genes": ["b07200"]}, "genes.0", "b0720"),
        ({"process_code": "metabolic_double_gene_deletion", "genes_b": ["b07200"]}, "genes_b.0", "b0720"),
        ({"process_code": "metabolic_essential_reactions", "reactions": ["pgi"]}, "reactions.0", "PGI"),
        ({"process_code": "metabolic_moma", "reference": {"pgi": 1.0}}, "reference.pgi", "PGI"),
        ({"process_code": "metabolic_robustness", "reaction": "pgi"}, "reaction", "PGI"),
        ({"process_code": "metabolic_lexicographic_fba", "order": ["pgi"]}, "order.0", "PGI"),
        ({"process_code": "metabolic_sampling", "reactions": ["pgi"]}, "reactions.0", "PGI"),
        (
            {"process_code": "metabolic_dfba", "initial_concentrations": {"EX_glc": 1.0}},
            "initial_concentrations.EX_glc",
            "EX_glc__D_e",
        ),
    ],
)
def test_an_unknown_name_is_an_error_with_its_place(fields: dict[str, Any], place: str, match: str) -> None:
    with pytest.raises(UnknownIdentifierError) as caught:
        run("textbook", **fields)
    assert caught.value.place == place
    assert any(match in near for near in caught.value.details["near_matches"])


def test_a_medium_is_made_of_exchanges() -> None:
    with pytest.raises(UnknownIdentifierError, match="no exchange") as caught:
        run("textbook", medium={"PGI": 1.0})
    assert caught.value.place == "medium.PGI"


def test_unknown_process() -> None:
    with pytest.raises(UnknownProcessError) as caught:
        ENGINE.parse({"process_code": "metabolic_fbaa"})
    assert "metabolic_fba" in caught.value.details["near_matches"]


@pytest.mark.parametrize(
    "fields",
    [
        {"objective": {}},
        {"objective": {"ATPM": 0.0}},
        {"process_code": "metabolic_dfba", "objective_direction": "min"},
        {"constraints": {"EX_o2_e": [1, 0]}},
        {"constraints": {"EX_o2_e": [float("nan"), 0]}},
    ],
)
def test_a_request_without_meaning_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        run("textbook", **fields)


def test_a_model_without_objective_asks_for_one() -> None:
    model = toy(("IN", {"a_c": 1}, 0, 10), ("OUT", {"a_c": -1}, 0, 1000), objective="none")
    with pytest.raises(ValidationError, match="no objective"):
        run(model)
    assert run(model, objective="OUT").optimal_objective == 10.0


def test_medium_comes_first_then_constraints_then_knockouts() -> None:
    medium = {"EX_nh4_e": 1000.0, "EX_pi_e": 1000.0, "EX_o2_e": 1000.0}
    fructose: dict[str, Any] = {"constraints": {"EX_fru_e": [-10, 0]}}
    assert run("textbook", medium=medium).status == "infeasible"
    assert run("textbook", medium=medium | {"EX_fru_e": 10.0}).status == "optimal"
    assert run("textbook", medium=medium, **fructose).status == "optimal"
    assert run("textbook", medium=medium, **fructose, reaction_knockouts=["EX_fru_e"]).status == "infeasible"


def test_a_medium_that_contradicts_a_forced_flux_is_refused() -> None:
    forced = toy(("EX_a_e", {"a_e": -1}, -10, -5), ("OUT", {"a_e": -1}, 0, 1000))
    with pytest.raises(ValidationError, match=r"medium\.EX_a_e"):
        run(forced, medium={"EX_a_e": 1.0})


@pytest.mark.parametrize("direction", ["max", "min"])
@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.9, 1.0])
def test_the_fraction_of_an_optimum_of_any_sign(direction: str, fraction: float) -> None:
    """Least and greatest ATPM, and the export of it; the condition is met and never beyond the best."""
    for objective in ({"ATPM": 1.0}, {"ATPM": -1.0}, {"ATPM": 1.0, "Biomass_Ecoli_core": 1.0}):
        fields = {"objective": objective, "objective_direction": direction, "fraction_of_optimum": fraction}
        best = run("textbook", objective=objective, objective_direction=direction).optimal_objective
        result = run("textbook", "metabolic_pfba", **fields)
        ranges = run("textbook", "metabolic_fva", reactions=["ATPM"], **fields).flux_ranges
        assert best is not None and result.optimal_objective is not None and ranges is not None
        loss = (best - result.optimal_objective) * (1 if direction == "max" else -1)
        assert -1e-7 <= loss <= (1 - fraction) * abs(best) + 1e-7
        assert ranges["ATPM"].minimum is not None and result.flux_state is not None
        assert ranges["ATPM"].minimum <= result.flux_state["ATPM"] + 1e-7


def test_deletions_come_on_top_of_knockouts() -> None:
    alone = run("textbook", "metabolic_single_gene_deletion", genes=["b0114"]).deletions
    both = run("textbook", "metabolic_single_gene_deletion", genes=["b0114"], gene_knockouts=["b0720"])
    assert alone is not None and alone[0].growth is not None and alone[0].growth > 0.5
    assert both.deletions is not None and both.deletions[0].growth == pytest.approx(0.0, abs=1e-9)


def test_a_row_of_a_deletion_study_is_the_fba_of_the_mutant() -> None:
    rows = run("textbook", "metabolic_single_gene_deletion").deletions
    assert rows is not None
    for row in rows[::10]:
        mutant = run("textbook", gene_knockouts=row.ids)
        assert row.status == mutant.status
        assert row.growth == pytest.approx(mutant.optimal_objective, abs=1e-8)


def test_every_error_travels() -> None:
    with pytest.raises(UnknownIdentifierError) as caught:
        run("textbook", objective="nothing_like_it")
    assert BioXenException.from_problem(caught.value.to_problem()) == caught.value


def test_bounds_that_cross_are_infeasible_and_leave_no_trace() -> None:
    compiled = program("textbook")
    network = compiled.network
    lower = network.lower.copy()
    lower[0] = network.upper[0] + 1.0
    before = encoded(run("textbook"))
    outcome = compiled.fluxes.solve(lower, network.upper, -network.objective)
    assert isinstance(outcome, NoOptimum) and outcome.status == "infeasible"
    assert not compiled.fluxes.feasible(lower, network.upper)
    assert encoded(run("textbook")) == before


@pytest.mark.parametrize("objective", ["OUT", {"OUT": 1.0, "MORE": 0.5}])
def test_an_optimum_at_the_bound_of_the_objective(objective: Any) -> None:
    model = toy(("IN", {"a_c": 3}, 0, 100), ("OUT", {"a_c": -0.3}, 0, 0.1), ("MORE", {"a_c": -1}, 0, 0.7))
    for process in ("metabolic_pfba", "metabolic_fva"):
        assert run(model, process, objective=objective).status == "optimal"
