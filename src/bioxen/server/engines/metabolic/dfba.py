"""Dynamic FBA, static optimisation approach (Mahadevan et al. 2002): a batch culture, interval by interval.

Within an interval Δt the growth rate μ is constant, so biomass grows by exp(μΔt) and an exchange with flux v
moves its concentration by v·X·φ, where φ = (exp(μΔt) − 1)/μ. Uptake follows Michaelis–Menten and never
exceeds what is left: concentrations end at 0, not below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import Certificate, DynamicFba, DynamicFbaRequest
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.derived import only_reaction
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_exchange
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum, Outcome
from bioxen.server.engines.metabolic.unsolved import unsolved

MOST_GROWTH = 700.0
"""exp() of more is no double."""
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
        progress.tell(number, request.time_points, "intervals")
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
        columns = [find_exchange(name, network, f"initial_concentrations.{name}") for name in start]
        self.exchanges = np.array(columns, dtype=np.int64)
        self.backwards = np.array([network.takes_up_backwards(one) for one in columns], dtype=bool)
        self.signs = np.where(self.backwards, 1.0, -1.0)
        self.concentration = np.array(list(start.values()), dtype=float)
        self.lower, self.upper = self.problem.lower.copy(), self.problem.upper.copy()
        self.cost = self.problem.cost
        self.most = np.where(self.backwards, -self.lower[self.exchanges], self.upper[self.exchanges])
        self.growing = only_reaction(self.problem, self.program, "`lexicographic`") if self.unique else -1
        self.history: list[Vector] = []

    @property
    def unique(self) -> bool:
        """Whether exchange fluxes are to be made unique."""
        return self.request.lexicographic

    def grow(self, step: float) -> Outcome:
        """Return the best growth now that uses up no more in `step` than is left."""
        outcome = self._optimise(np.full(len(self.exchanges), np.inf))
        if isinstance(outcome, NoOptimum):
            return outcome
        # With less uptake the growth rate and so the mean biomass can only fall: this limit is safe.
        mean_biomass = self.biomass * _mean_growth(-outcome.value, step)
        limits = self._enough(mean_biomass * step)
        return self._optimise(limits) if np.any(self._uptakes(outcome) > limits) else outcome

    def _enough(self, amount: float) -> Vector:
        """Return the uptakes that `amount` of biomass times time leaves something for, mmol/gDW/h."""
        if amount == 0:
            return np.full(len(self.exchanges), np.inf)
        with np.errstate(over="ignore"):  # next to no biomass takes up next to nothing
            return self.concentration / amount

    def move(self, step: float, outcome: Optimum) -> None:
        """Go on by `step` with the fluxes of `outcome`.

        Raises:
            ValidationError: the biomass outgrows every number, as no growth rate makes it do.
        """
        growth = -outcome.value
        if not math.isfinite(self.biomass * _exp(growth * step)):
            raise _no_growth_rate(growth, step)
        amount = self.biomass * _mean_growth(growth, step) * step
        left = self.concentration - self._uptakes(outcome) * amount
        self.concentration = np.maximum(left, 0.0)  # below 0 by rounding only
        self.biomass *= math.exp(growth * step)

    def record(self, time: float, outcome: Outcome) -> None:
        """Note the present state."""
        self.times.append(time)
        self.biomasses.append(self.biomass)
        self.growth_rates.append(-outcome.value + 0.0 if isinstance(outcome, Optimum) else None)
        self.history.append(self.concentration)
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
                concentrations=dict(
                    zip(self.request.initial_concentrations, np.array(self.history).T.tolist(), strict=True)
                ),
                growth_rate=self.growth_rates,
                ended=ended,
            ),
            certificate=worst(self.certificates),
            settings={
                "half_saturation": self.request.half_saturation,
                "growth": "objective value",
                "lexicographic": self.unique,
            },
        )

    def _uptakes(self, outcome: Optimum) -> Vector:
        return -self.signs * outcome.x[self.exchanges]

    def _optimise(self, limits: Vector) -> Outcome:
        """Return the best growth with uptakes within kinetics and `limits`; only their bounds change."""
        share = self.concentration / (self.request.half_saturation + self.concentration)
        kinetic, open_ = np.minimum(self.most, 0.0), (self.most > 0) & (share > 0)
        kinetic[open_] = self.most[open_] * share[open_]
        allowed = np.minimum(kinetic, limits)
        self.lower[self.exchanges[self.backwards]] = -allowed[self.backwards]
        self.upper[self.exchanges[~self.backwards]] = allowed[~self.backwards]
        best = self.program.fluxes.solve(self.lower, self.upper, self.cost)
        return self._unique(best) if self.unique and isinstance(best, Optimum) else best

    def _unique(self, best: Optimum) -> Outcome:
        """Return the fluxes with this growth whose uptakes are least, one exchange after another."""
        lower, upper = self.lower.copy(), self.upper.copy()
        last, held = best, self.growing
        for column, sign in zip(self.exchanges, self.signs, strict=True):
            lower[held] = upper[held] = np.clip(last.x[held], lower[held], upper[held])
            cost = np.zeros(len(lower))
            cost[column] = -sign
            found = self.program.fluxes.solve(lower, upper, cost)
            if isinstance(found, NoOptimum):  # `last` is such a point
                return NoOptimum("numeric")
            last, held = found, column
        return replace(last, value=best.value, certificate=worst([best.certificate, last.certificate]))


def _mean_growth(growth: float, step: float) -> float:
    """Return the mean of exp(growth·t) over an interval of length `step`; infinite beyond all doubles."""
    exponent = growth * step
    if exponent > MOST_GROWTH:
        return math.inf
    return math.expm1(exponent) / exponent if exponent else 1.0


def _exp(exponent: float) -> float:
    return math.inf if exponent > MOST_GROWTH else math.exp(exponent)


def _no_growth_rate(growth: float, step: float) -> ValidationError:
    return ValidationError(
        f"dynamic FBA takes the objective for the growth rate, and at {growth:.4g} 1/h the biomass outgrows "
        f"every number within {step:.4g} h",
        details={"place": "objective", "remedy": "Give the biomass reaction, whose flux is in 1/h."},
    )
