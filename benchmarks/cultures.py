"""One step of dynamic FBA: set the uptake, find growth and exchange fluxes, move on."""

from __future__ import annotations

import math
from typing import Any

import cobra
from benchmarks.turns import asking, timed

from bioxen.server.engines.metabolic.program import Program

STEPS = 40
RIVAL_STEPS = 4
HALF, START, BIOMASS, STEP = 0.015, 50.0, 0.01, 0.05
"""Half-saturation and sugar, mmol/L; biomass, gDW/L; h."""


def cultures(model: Any, program: Program) -> None:
    """Print a row for plain steps, and one for steps whose exchange fluxes are unique."""
    sugar = next(name for name in program.network.exchange_ids if name.startswith("EX_glc"))
    biomass = next(iter(cobra.util.solver.linear_reaction_coefficients(model))).id
    for name, find, unique in (
        ("`optimize()`", lambda: _plain(model, biomass, sugar), False),
        ("COBRApy's documented loop, lexicographic", lambda: _documented(model, biomass, sugar), True),
    ):
        work = asking(
            program,
            "metabolic_dfba",
            initial_concentrations={sugar: START},
            initial_biomass=BIOMASS,
            half_saturation=HALF,
            time_points=STEPS + 1,
            time_end=STEPS * STEP,
            lexicographic=unique,
        )
        slow = timed(lambda find=find: _course(model, sugar, find))[0] / RIVAL_STEPS  # type: ignore[misc]
        times = [timed(work) for _ in range(7)]
        fast, result = sorted(times, key=lambda one: one[0])[3]
        assert result.dynamics.ended == "time_end", result.message
        fast /= STEPS + 1
        print(
            f"| dynamic FBA, a step; {name} | {1e3 * slow:.4g} ms | {1e3 * fast:.4g} ms | {slow / fast:.0f} "
            f"| {RIVAL_STEPS} steps, 7×{STEPS + 1} |",
            flush=True,
        )


def _course(model: Any, sugar: str, find: Any) -> float:
    """Return what is left of the sugar after a few steps."""
    left, biomass = START, BIOMASS
    most = -model.reactions.get_by_id(sugar).lower_bound or 10.0
    for _ in range(RIVAL_STEPS):
        with model:
            model.reactions.get_by_id(sugar).lower_bound = -most * left / (HALF + left)
            growth, flux = find()
        left = max(0.0, left + flux * biomass * STEP)
        biomass *= math.exp(growth * STEP)
    return left


def _plain(model: Any, biomass: str, sugar: str) -> tuple[float, float]:
    found = model.optimize()
    return found.fluxes[biomass], found.fluxes[sugar]


def _documented(model: Any, biomass: str, sugar: str) -> tuple[float, float]:
    """The loop of COBRApy's page on dynamic FBA: feasible by slacks, then one flux after another."""
    cobra.util.add_lp_feasibility(model)
    cobra.util.fix_objective_as_constraint(model)
    found = cobra.util.add_lexicographic_constraints(model, [biomass, sugar], ["max", "max"])
    return float(found.iloc[0]), float(found.iloc[1])
