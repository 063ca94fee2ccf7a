"""MOMA and ROOM: cases solved by hand, COBRApy's linear programs, and least squares by another method."""

from __future__ import annotations

from typing import Any

import cobra
import numpy as np
import pandas as pd
import pytest
from cobra.flux_analysis import moma, room
from scipy.optimize import lsq_linear
from tests.server.engines.metabolic.bench import packaged, program, run, toy

from bioxen.errors import ValidationError

FORK = toy(
    ("IN", {"a_c": 1}, 0, 10),
    ("LEFT", {"a_c": -1, "b_c": 1}, 0, 10),
    ("RIGHT", {"a_c": -1, "b_c": 1}, 0, 10),
    ("OUT", {"b_c": -1}, 0, 1000),
)
BEFORE = {"IN": 6.0, "LEFT": 6.0, "RIGHT": 0.0, "OUT": 6.0}


@pytest.fixture(scope="module")
def textbook() -> tuple[Any, Any]:
    model = cobra.io.read_sbml_model(str(packaged("textbook")))
    model.tolerance = 1e-9
    fluxes = run("textbook", "metabolic_pfba").flux_state
    return model, cobra.Solution(1000.0, "optimal", pd.Series(fluxes))


def test_the_least_euclidean_distance_by_hand() -> None:
    """With LEFT stopped, IN = RIGHT = OUT = v and v² + 2(v − 6)² is least at v = 4: 16 + 36 + 8 = 60."""
    result = run(FORK, "metabolic_moma", reference=BEFORE, reaction_knockouts=["LEFT"])
    assert result.flux_state == pytest.approx({"IN": 4.0, "LEFT": 0.0, "RIGHT": 4.0, "OUT": 4.0}, abs=1e-6)
    assert result.adjustment is not None and result.adjustment.distance == pytest.approx(60**0.5, abs=1e-8)


def test_the_least_absolute_distance_by_hand() -> None:
    """|v| + 2|v − 6| is least at v = 6: 6 for RIGHT and 6 for LEFT."""
    result = run(FORK, "metabolic_linear_moma", reference=BEFORE, reaction_knockouts=["LEFT"])
    assert result.flux_state == pytest.approx({"IN": 6.0, "LEFT": 0.0, "RIGHT": 6.0, "OUT": 6.0}, abs=1e-9)
    assert result.adjustment is not None and result.adjustment.distance == pytest.approx(12.0, abs=1e-9)


def test_the_fewest_changes_by_hand() -> None:
    result = run(FORK, "metabolic_room", reference=BEFORE, reaction_knockouts=["LEFT"])
    assert result.adjustment is not None
    assert result.adjustment.distance == 2.0
    assert result.adjustment.changed == ["LEFT", "RIGHT"]


def test_a_reference_out_of_balance_and_in_part() -> None:
    """Only what is named is compared: |OUT − 7| and |IN − 3| are 4 apart in any steady state."""
    result = run(FORK, "metabolic_linear_moma", reference={"IN": 3.0, "OUT": 7.0})
    assert result.adjustment is not None and result.adjustment.distance == pytest.approx(4.0, abs=1e-9)
    squares = run(FORK, "metabolic_moma", reference={"IN": 3.0, "OUT": 7.0})
    assert squares.flux_state is not None and squares.flux_state["OUT"] == pytest.approx(5.0, abs=1e-6)


@pytest.mark.parametrize("gene", ["b0720", "b4025", "b1676"])
def test_linear_moma_and_relaxed_room_as_in_cobrapy(textbook: tuple[Any, Any], gene: str) -> None:
    model, wild = textbook
    with model:
        model.genes.get_by_id(gene).knock_out()
        expected = (
            moma(model, wild, linear=True).objective_value,
            room(model, wild, linear=True).objective_value,
        )
    linear = run("textbook", "metabolic_linear_moma", gene_knockouts=[gene]).adjustment
    relaxed = run("textbook", "metabolic_room", relaxed=True, gene_knockouts=[gene]).adjustment
    assert linear is not None and relaxed is not None
    assert (linear.distance, relaxed.distance) == pytest.approx(expected, abs=1e-6)


def test_room_as_in_cobrapy_on_a_small_problem(textbook: tuple[Any, Any]) -> None:
    """COBRApy's ROOM by GLPK is slow on the whole network, so most fluxes are held near the reference."""
    model, wild = textbook
    names = [one.id for one in model.reactions]
    near = {one: (wild.fluxes[one] - 0.5, wild.fluxes[one] + 0.5) for one in names[20:]}
    with model:
        for name, bounds in near.items():
            model.reactions.get_by_id(name).bounds = bounds
        model.reactions.ACALD.bounds = (-1.0, -0.2)
        expected = room(model, wild).objective_value
    constraints = {**near, "ACALD": (-1.0, -0.2)}
    reference = {name: float(wild.fluxes[name]) for name in names}
    found = run("textbook", "metabolic_room", constraints=constraints, reference=reference).adjustment
    assert found is not None and found.distance == pytest.approx(expected, abs=1e-6)


def test_quadratic_moma_is_the_projection_on_the_mutants_fluxes() -> None:
    """The same point by bounded least squares, with the steady state as a heavy penalty."""
    network = program("textbook").network
    result = run("textbook", "metabolic_moma", gene_knockouts=["b4025"])
    assert result.adjustment is not None and result.flux_state is not None and result.certificate is not None
    blocked = list(network.rules.blocked_by({network.gene_index["b4025"]}))
    lower, upper = network.lower.copy(), network.upper.copy()
    lower[blocked], upper[blocked] = -1e-9, 1e-9
    wild = np.array(list(result.adjustment.reference.values()))
    rows = np.vstack([np.eye(len(lower)), 1e4 * network.stoichiometry.toarray()])
    right = np.concatenate([wild, np.zeros(len(network.metabolites))])
    nearest = lsq_linear(rows, right, (lower, upper + 1e-9), method="bvls", tol=1e-14).x
    assert np.array(list(result.flux_state.values())) == pytest.approx(nearest, abs=1e-4)
    assert result.certificate.kkt_residual is not None and result.certificate.kkt_residual < 1e-7
    assert result.provenance.settings["solver"].startswith("Clarabel")  # type: ignore[union-attr]  # it is a text


@pytest.mark.parametrize("process", ["metabolic_moma", "metabolic_linear_moma", "metabolic_room"])
def test_a_knock_out_that_costs_nothing_changes_nothing(process: str) -> None:
    result = run("textbook", process, gene_knockouts=["b3916"])
    assert result.adjustment is not None and result.adjustment.distance == pytest.approx(0.0, abs=1e-5)
    if process != "metabolic_room":  # within its tolerance ROOM has no preference
        assert result.optimal_objective == pytest.approx(0.8739215, abs=1e-6)


def test_room_needs_finite_bounds() -> None:
    endless = toy(("IN", {"a_c": 1}, 0, 1e30), ("OUT", {"a_c": -1}, 0, 10))
    with pytest.raises(ValidationError, match="IN has none"):
        run(endless, "metabolic_room", relaxed=True, reference={"IN": 1.0})


def test_genome_scale() -> None:
    quadratic = run("iJO1366", "metabolic_moma", gene_knockouts=["b2779"])
    linear = run("iJO1366", "metabolic_linear_moma", gene_knockouts=["b2779"])
    assert (
        quadratic.adjustment is not None and linear.adjustment is not None and linear.flux_state is not None
    )
    reference = quadratic.adjustment.reference
    euclid = sum((linear.flux_state[name] - flux) ** 2 for name, flux in reference.items()) ** 0.5
    assert quadratic.adjustment.distance < euclid
    # The reference, a pFBA optimum, is one of several here; growth hardly depends on which.
    assert quadratic.optimal_objective == pytest.approx(0.2072, abs=1e-3)


def test_room_that_runs_out_of_time_gives_what_it_has_and_its_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioxen.server.engines.metabolic.room.MAX_SECONDS", 0.001)
    result = run("iJO1366", "metabolic_room", gene_knockouts=["b2779"])
    assert result.status == "feasible" and "proven to be needed" in result.message
    assert result.adjustment is not None and result.adjustment.changed is not None
    assert result.certificate is not None and result.flux_state is not None
    gap = result.certificate.duality_gap
    assert gap is not None and 1.0 <= gap <= result.adjustment.distance
    assert result.certificate.residual < 1e-8
    names = {
        name
        for name, flux in result.adjustment.reference.items()
        if abs(result.flux_state[name] - flux) > 0.03 * abs(flux) + 1e-3 + 1e-6
    }
    assert names <= set(result.adjustment.changed)
    assert len(result.adjustment.changed) == result.adjustment.distance


def test_relaxed_room_counts_what_a_reference_beyond_the_bounds_forces() -> None:
    """LEFT must fall from 6 to 0 and counts whole; RIGHT takes it over in full, 6 of its 10."""
    result = run(FORK, "metabolic_room", relaxed=True, reference=BEFORE, reaction_knockouts=["LEFT"])
    assert result.adjustment is not None and result.adjustment.distance == pytest.approx(1.6, abs=1e-9)
    assert result.adjustment.changed == ["LEFT", "RIGHT"]
