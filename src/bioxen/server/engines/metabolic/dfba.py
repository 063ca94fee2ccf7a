"""Dynamic FBA, static optimisation approach (Mahadevan et al. 2002): a batch culture, interval by interval.

Within an interval Δt the growth rate μ is constant, so biomass grows by exp(μΔt) and an exchange with flux v
moves its concentration by v·X·φ, where φ = (exp(μΔt) − 1)/μ. Uptake follows Michaelis–Menten and never
exceeds what is left: concentrations end at 0, not below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import Certificate, DynamicFba, DynamicFbaRequest
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.problem import (
    Problem,
    build_problem,
    find_exchange,
    get_uptake,
    set_uptake,
)
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum, Outcome, worst
from bioxen.server.engines.metabolic.unsolved import unsolved

STARVED = "It ended there: what is left in the medium no longer meets the cell's demands (infeasible)."


def dfba(request: DynamicFbaRequest, program: Program) -> Findings:
    """Return growth and concentrations over time."""
    problem = build_problem(request, program.network)
    if problem.direction == "min":
        raise ValidationError(
            "dynamic FBA takes the objective for the growth rate, so it must be maximised",
            details={"place": "objective_direction", "remedy": 'Leave it out or give "max".'},
        )
    culture = _Culture(request, program, problem)
    step = request.time_end / (request.time_points - 1)
    for number in range(request.time_points):
        outcome = culture.grow(step)
        culture.record(number * step, outcome)
        if isinstance(outcome, NoOptimum):
            if number == 0 or outcome.status != "infeasible":
                return unsolved(request, program, problem, outcome)
            return culture.findings("infeasible")
        culture.move(step, outcome)
    return culture.findings("time_end")


@dataclass
class _Culture:
    """Biomass and medium at the present time, and what was recorded of them."""

    request: DynamicFbaRequest
    program: Program
    problem: Problem
    times: list[float] = field(default_factory=list)
    biomasses: list[float] = field(default_factory=list)
    growth_rates: list[float | None] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)

    def __post_init__(self) -> None:
        network, start = self.program.network, self.request.initial_concentrations
        self.biomass = self.request.initial_biomass
        self.exchanges = {
            name: find_exchange(name, network, f"initial_concentrations.{name}") for name in start
        }
        self.concentration = dict(start)
        self.signs = {
            name: 1.0 if network.takes_up_backwards(column) else -1.0
            for name, column in self.exchanges.items()
        }
        self.history: dict[str, list[float]] = {name: [] for name in start}

    def grow(self, step: float) -> Outcome:
        """Return the best growth now that uses up no more in `step` than is left."""
        outcome = self._optimise({})
        if isinstance(outcome, NoOptimum):
            return outcome
        # With less uptake the growth rate and so the mean biomass can only fall: this limit is safe.
        mean_biomass = self.biomass * _mean_growth(-outcome.value, step)
        limits = {name: amount / (mean_biomass * step) for name, amount in self.concentration.items()}
        short = {name: limit for name, limit in limits.items() if self._uptake(name, outcome) > limit}
        return self._optimise(limits) if short else outcome

    def move(self, step: float, outcome: Optimum) -> None:
        """Go on by `step` with the fluxes of `outcome`."""
        growth = -outcome.value
        amount = self.biomass * _mean_growth(growth, step) * step
        for name in self.exchanges:
            left = self.concentration[name] - self._uptake(name, outcome) * amount
            self.concentration[name] = max(left, 0.0)  # below 0 by rounding only
        self.biomass *= math.exp(growth * step)

    def record(self, time: float, outcome: Outcome) -> None:
        """Note the present state."""
        self.times.append(time)
        self.biomasses.append(self.biomass)
        self.growth_rates.append(-outcome.value + 0.0 if isinstance(outcome, Optimum) else None)
        for name, amount in self.concentration.items():
            self.history[name].append(amount)
        if isinstance(outcome, Optimum):
            self.certificates.append(outcome.certificate)

    def findings(self, ended: Literal["time_end", "infeasible"]) -> Findings:
        """Return what happened."""
        grown = f"{self.biomasses[0]:.4g} to {self.biomasses[-1]:.4g} gDW/L in {self.times[-1]:.4g} h"
        why = "" if ended == "time_end" else f" {STARVED}"
        return Findings(
            problem=self.problem,
            status="optimal",
            message=f"Biomass went from {grown}.{why}",
            dynamics=DynamicFba(
                time=self.times,
                biomass=self.biomasses,
                concentrations=self.history,
                growth_rate=self.growth_rates,
                ended=ended,
            ),
            certificate=worst(self.certificates),
            settings={"half_saturation": self.request.half_saturation, "growth": "objective value"},
        )

    def _uptake(self, name: str, outcome: Optimum) -> float:
        return -self.signs[name] * float(outcome.x[self.exchanges[name]])

    def _optimise(self, limits: dict[str, float]) -> Outcome:
        network, problem = self.program.network, self.problem
        lower, upper = problem.lower.copy(), problem.upper.copy()
        for name, column in self.exchanges.items():
            amount = self.concentration[name]
            most = get_uptake(column, network, problem.lower, problem.upper)
            share = amount / (self.request.half_saturation + amount)
            kinetic = most * share if most > 0 and share > 0 else min(most, 0.0)
            set_uptake(column, min(kinetic, limits.get(name, math.inf)), network, lower, upper)
        return self.program.fluxes.solve(lower, upper, problem.cost)


def _mean_growth(growth: float, step: float) -> float:
    """Return the mean of exp(growth·t) over an interval of length `step`."""
    exponent = growth * step
    return math.expm1(exponent) / exponent if exponent else 1.0
