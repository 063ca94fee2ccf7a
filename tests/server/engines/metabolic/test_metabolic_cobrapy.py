"""The same perturbed models in COBRApy and here."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import cobra
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.engines.metabolic.bench import packaged, program, run

from bioxen.server.engines.metabolic.solver import NoOptimum


@cache
def model(name: str) -> Any:
    loaded = cobra.io.read_sbml_model(str(packaged(name)))
    loaded.tolerance = 1e-9
    return loaded


def cobrapys_optimum(name: str, **changes: Any) -> float | None:
    with model(name) as changed:
        if "medium" in changes:
            changed.medium = changes["medium"]
        for reaction, bounds in changes.get("constraints", {}).items():
            changed.reactions.get_by_id(reaction).bounds = bounds
        for gene in changes.get("gene_knockouts", ()):
            changed.genes.get_by_id(gene).knock_out()
        value = float(changed.slim_optimize())
    return None if math.isnan(value) else value


def agrees(name: str, **changes: Any) -> None:
    found, expected = run(name, **changes).optimal_objective, cobrapys_optimum(name, **changes)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"constraints": {"EX_o2_e": (0, 1000)}},
        {"constraints": {"EX_glc__D_e": (0, 1000), "EX_succ_e": (-20, 1000)}},
        {"constraints": {"EX_glc__D_e": (0, 1000)}},
        {"gene_knockouts": ["b2779"]},
        {"gene_knockouts": ["b1779", "b0114"]},
        {"medium": {"EX_glc__D_e": 5.0, "EX_nh4_e": 1000.0, "EX_pi_e": 1000.0, "EX_o2_e": 3.0}},
    ],
)
def test_genome_scale(changes: dict[str, Any]) -> None:
    agrees("iJO1366", **changes)


def bounds_of(network: Any) -> st.SearchStrategy[dict[str, tuple[float, float]]]:
    """Return random bounds on a few reactions, around what the model has."""
    number = st.floats(-30, 30).map(lambda value: round(value, 3))
    pair = st.tuples(number, number).map(lambda two: (min(two), max(two)))
    return st.dictionaries(st.sampled_from(network.reactions), pair, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_perturbations_of_the_core_model(data: st.DataObject) -> None:
    network = program("textbook").network
    constraints = data.draw(bounds_of(network))
    genes = data.draw(st.lists(st.sampled_from(network.genes), max_size=3, unique=True))
    agrees("textbook", constraints=constraints, gene_knockouts=genes)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 1366), min_size=1, max_size=60))
def test_gene_rules_block_what_cobrapy_blocks(numbers: set[int]) -> None:
    network = program("iJO1366").network
    missing = {network.genes[number] for number in numbers}
    expected = [
        column for column, reaction in enumerate(model("iJO1366").reactions) if not reaction.gpr.eval(missing)
    ]
    assert list(network.rules.blocked_by(frozenset(numbers))) == expected


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_random_optimum_is_proven_and_every_refusal_is_confirmed(data: st.DataObject) -> None:
    """Judge by the definition: feasibility and optimality, with a fresh start as the second opinion."""
    compiled = program("textbook")
    network, programs = compiled.network, compiled.fluxes
    lower, upper = network.lower.copy(), network.upper.copy()
    for name, (low, high) in data.draw(bounds_of(network)).items():
        column = network.reaction_index[name]
        lower[column], upper[column] = low, high
    cost = np.zeros(len(lower))
    for column in data.draw(st.lists(st.integers(0, len(lower) - 1), min_size=1, max_size=5)):
        cost[column] = data.draw(st.sampled_from([-2.0, -1.0, 1.0, 0.5]))
    outcome = programs.solve(lower, upper, cost)
    again = programs.solve(lower, upper, cost, primal=True)
    if isinstance(outcome, NoOptimum):
        assert outcome == again
        assert not programs.feasible(lower, upper)
        return
    assert not isinstance(again, NoOptimum)
    assert outcome.value == pytest.approx(again.value, rel=1e-7, abs=1e-7)
    assert np.abs(network.stoichiometry @ outcome.x).max() <= 1e-8
    assert (outcome.x >= lower - 1e-8).all() and (outcome.x <= upper + 1e-8).all()
    assert outcome.certificate.duality_gap is not None and outcome.certificate.duality_gap <= 1e-6
