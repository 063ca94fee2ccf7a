"""Loopless and lexicographic FBA, duals and uniqueness."""

from __future__ import annotations

from typing import Any

import cobra
import numpy as np
import pytest
from cobra.flux_analysis import flux_variability_analysis, loopless_solution
from scipy.optimize import linprog
from tests.server.engines.metabolic.bench import packaged, program, run, toy

LOOP: tuple[tuple[str, dict[str, float], float, float], ...] = (
    ("R1", {"a_c": -1, "b_c": 1}, -1000, 1000),
    ("R2", {"b_c": -1, "a_c": 1}, -1000, 1000),
)
RING = toy(("IN", {"a_c": 1}, 0, 10), *LOOP, ("OUT", {"a_c": -1}, 0, 1000))


@pytest.fixture(scope="module")
def textbook() -> Any:
    model = cobra.io.read_sbml_model(str(packaged("textbook")))
    model.tolerance = 1e-9
    return model


@pytest.mark.parametrize("method", ["cycle_free_flux", "exact"])
def test_a_ring_stands_still(method: str) -> None:
    result = run(RING, "metabolic_loopless_fba", method=method)
    assert result.flux_state == pytest.approx({"IN": 10, "R1": 0, "R2": 0, "OUT": 10}, abs=1e-9)
    ranges = run(RING, "metabolic_loopless_fva").flux_ranges
    plain = run(RING, "metabolic_fva").flux_ranges
    assert ranges is not None and plain is not None
    assert (plain["R1"].minimum, plain["R1"].maximum) == (-1000.0, 1000.0)
    assert (ranges["R1"].minimum, ranges["R1"].maximum) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_an_objective_inside_a_ring_is_limited_by_what_passes() -> None:
    """CycleFreeFlux keeps the objective, and with it the cycle; the loop law does not."""
    kept = run(RING, "metabolic_loopless_fba", objective="R1")
    exact = run(RING, "metabolic_loopless_fba", objective="R1", method="exact")
    assert kept.optimal_objective == 1000.0 and "cycles are left" in kept.message
    assert exact.optimal_objective == pytest.approx(0.0, abs=1e-9) and "no cycle" in exact.message


def test_a_forced_ring_is_infeasible() -> None:
    forced = run(RING, "metabolic_loopless_fba", method="exact", constraints={"R1": [5, 10]})
    assert (forced.status, forced.optimal_objective, forced.flux_state) == ("infeasible", None, None)
    assert "cycle" in forced.message


@pytest.mark.parametrize("fraction", [1.0, 0.5])
def test_loopless_ranges_as_in_cobrapy(textbook: Any, fraction: float) -> None:
    expected = flux_variability_analysis(
        textbook, loopless="fastSNP", fraction_of_optimum=fraction, processes=1
    )
    ranges = run("textbook", "metabolic_loopless_fva", fraction_of_optimum=fraction).flux_ranges
    assert ranges is not None
    for name, row in ranges.items():
        assert (row.minimum, row.maximum) == pytest.approx(tuple(expected.loc[name]), abs=1e-5), name


def test_cycle_free_flux_as_in_cobrapy(textbook: Any) -> None:
    found = run("textbook", "metabolic_loopless_fba").flux_state
    assert found == pytest.approx(dict(loopless_solution(textbook).fluxes), abs=1e-6)


def test_lexicographic_is_what_linear_programs_one_after_the_other_give() -> None:
    """The same order with every criterion held as an equation, by another front end."""
    network = program("textbook").network
    order = ["PGI", "MDH"]
    changes: dict[str, Any] = {"objective": "ATPM", "constraints": {"ATPM": [0, 30], "PFK": [8, 20]}}
    found = run("textbook", "metabolic_lexicographic_fba", order=order, **changes)
    names = list(network.reactions)
    lower, upper = network.lower.copy(), network.upper.copy()
    for name, (low, high) in changes["constraints"].items():
        lower[names.index(name)], upper[names.index(name)] = low, high
    split = np.hstack([network.stoichiometry.toarray(), -network.stoichiometry.toarray()])
    bounds = np.column_stack(
        [
            np.append(np.maximum(lower, 0), np.maximum(-upper, 0)),
            np.append(np.maximum(upper, 0), np.maximum(-lower, 0)),
        ]
    )
    unit = np.eye(len(names))
    signed = [np.append(row, -row) for row in unit]
    criteria = [-signed[names.index("ATPM")], np.ones(2 * len(names))]
    criteria += [signed[names.index(name)] for name in dict.fromkeys([*order, *names])]
    rows, right = split, np.zeros(len(split))
    for cost in criteria[:12]:
        solved: Any = linprog(
            cost, A_eq=rows, b_eq=right, bounds=[tuple(pair) for pair in bounds], method="highs"
        )
        rows, right = np.vstack([rows, cost]), np.append(right, solved.fun)
    forward, backward = np.split(solved.x, 2)
    assert found.flux_state is not None
    assert np.array(list(found.flux_state.values())) == pytest.approx(forward - backward, abs=1e-5)


def test_the_order_decides_between_equal_ways() -> None:
    twins = toy(
        ("IN", {"a_c": 1}, 0, 10),
        ("W1", {"a_c": -1, "b_c": 1}, 0, 8),
        ("W2", {"a_c": -1, "b_c": 1}, 0, 8),
        ("OUT", {"b_c": -1}, 0, 1000),
    )
    model_order = run(twins, "metabolic_lexicographic_fba").flux_state
    turned = run(twins, "metabolic_lexicographic_fba", order=["W2"]).flux_state
    assert model_order == pytest.approx({"IN": 10, "W1": 2, "W2": 8, "OUT": 10}, abs=1e-9)
    assert turned == pytest.approx({"IN": 10, "W1": 8, "W2": 2, "OUT": 10}, abs=1e-9)
    said = run(twins, report_uniqueness=True).uniqueness
    assert said is not None
    assert (said.unique, said.degrees_of_freedom, said.undetermined) == (False, 1, ["W1", "W2"])


@pytest.mark.parametrize(
    "changes", [{}, {"constraints": {"EX_o2_e": [0, 1000]}}, {"objective": "ATPM"}, {"objective": "FBP"}]
)
def test_undetermined_is_what_flux_variability_finds_open(changes: dict[str, Any]) -> None:
    said = run("textbook", report_uniqueness=True, **changes).uniqueness
    ranges = run("textbook", "metabolic_fva", **changes).flux_ranges
    assert said is not None and ranges is not None
    wide = [name for name, one in ranges.items() if (one.maximum or 0.0) - (one.minimum or 0.0) > 1e-5]
    assert said.undetermined == wide


def test_prices_by_hand_and_as_in_cobrapy() -> None:
    """2 a → b: the best OUT is 5, and one more a per time is worth half a b."""
    steps: tuple[tuple[str, dict[str, float], float, float], ...] = (
        ("IN", {"a_c": 1}, 0, 10),
        ("MAKE", {"a_c": -2, "b_c": 1}, 0, 1000),
        ("OUT", {"b_c": -1}, 0, 1000),
    )
    result = run(toy(*steps), report_shadow_prices=True)
    model = cobra.Model("steps")
    for name, stoichiometry, low, high in steps:
        reaction = cobra.Reaction(name, lower_bound=low, upper_bound=high)
        model.add_reactions([reaction])
        reaction.add_metabolites(
            {cobra.Metabolite(one, compartment="c"): n for one, n in stoichiometry.items()}
        )
    for direction in ("max", "min"):
        model.objective = "OUT"
        model.objective_direction = direction
        model.reactions.OUT.lower_bound = 1.0
        solution = model.optimize()
        result = run(
            toy(*steps),
            report_shadow_prices=True,
            constraints={"OUT": [1, 1000]},
            objective_direction=direction,
        )
        assert result.shadow_prices == pytest.approx(dict(solution.shadow_prices), abs=1e-9)
        # COBRApy adds the reduced cost of the forward variable and of the reverse one, which is its negative.
        twice = {name: 2 * slope for name, slope in (result.reduced_costs or {}).items()}
        assert twice == pytest.approx(dict(solution.reduced_costs), abs=1e-9)


@pytest.mark.parametrize("changes", [{}, {"EX_o2_e": (-8, 1000), "EX_glc__D_e": (-5, 1000)}])
def test_prices_are_slopes_of_the_objective(textbook: Any, changes: dict[str, Any]) -> None:
    """A price lies between the slopes to either side. Where a conserved moiety allows no change of one
    balance alone, such as that of ATP, every price is one."""
    result = run("textbook", report_shadow_prices=True, constraints=changes)
    assert result.shadow_prices is not None and result.optimal_objective is not None
    with textbook as model:
        for name, bounds in changes.items():
            model.reactions.get_by_id(name).bounds = bounds
        for name in ("atp_c", "glc__D_e", "nadh_c", "pyr_c", "o2_c", "co2_c", "h2o_c"):
            balance, step, slopes = model.constraints[name], 1e-4, []
            for end in (-step, step):
                balance.lb, balance.ub = min(end, 0.0), max(end, 0.0)  # no moment of crossed bounds
                balance.lb, balance.ub = end, end
                slopes.append((model.slim_optimize(error_value=-np.inf) - result.optimal_objective) / end)
                balance.lb, balance.ub = min(end, 0.0), max(end, 0.0)
                balance.lb, balance.ub = 0.0, 0.0
            low, high = sorted(slopes)
            assert low - 1e-6 <= result.shadow_prices[name] <= high + 1e-6, name


def test_reduced_costs_of_a_genome_add_up_to_the_objective() -> None:
    """Strong duality: with steady state as the only rows, the bounds that press make the whole objective."""
    result = run("iJO1366", report_shadow_prices=True, report_uniqueness=True)
    network = program("iJO1366").network
    assert (
        result.reduced_costs is not None and result.uniqueness is not None and result.flux_state is not None
    )
    slopes = np.array(list(result.reduced_costs.values()))
    bounds = np.where(slopes > 0, network.upper, network.lower)
    pressed = np.abs(slopes) > 1e-8
    assert float(slopes[pressed] @ bounds[pressed]) == pytest.approx(result.optimal_objective, abs=1e-6)
    assert not result.uniqueness.unique
