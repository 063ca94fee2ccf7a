"""PEtab problems (version 1): their objective at a point, and their fit.

The petab package parses and checks the tables; the model runs as it is, and the formulas of observables and
noise are evaluated on what it gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from bioxen.protocol.kinetic import PetabFit, PetabRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import Change, changes_of, ordered
from bioxen.server.engines.kinetic.integrate import REMEDY, IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.petab_tables import Parameter, Row, Tables, tables_of
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix

_STEP = 1e-6
"""Step of the finite differences of a fit, on the parameter's scale."""


def petab(request: PetabRequest, program: Program) -> Answer:
    """Return the likelihood of the measurements, at given parameters or where it is largest.

    Raises:
        MissingModuleError: the petab package is not installed.
        ValidationError: the tables are malformed, or ask for what is not run; the message names it.
    """
    objective = _Objective(request, program)
    settings: dict[str, Setting] = {
        "relative_tolerance": request.relative_tolerance,
        "absolute_tolerance": request.absolute_tolerance,
        "method": "L-BFGS-B" if request.fit else "objective alone",
    }
    point, reached = objective.given(), None
    if request.fit:
        settings["starts"] = request.starts
        runs = [objective.search(start) for start in objective.starts(request)]
        reached = [None if run is None else -float(run.fun) for run in runs]
        found = [run for run in runs if run is not None]
        if not found:
            return failed(
                f"The model could not be integrated from any start. {REMEDY}", settings, request.seed
            )
        point = np.asarray(min(found, key=lambda run: float(run.fun)).x)
    try:
        outcome = objective.at(point)
    except IntegrationFailure as failure:
        return failed(f"The model could not be integrated: {failure}. {REMEDY}", settings)
    if not math.isfinite(outcome.log_likelihood):
        return failed("The likelihood is no finite number at these parameters.", settings)
    return Answer(
        message=f"Log-likelihood {outcome.log_likelihood:.10g} of {len(outcome.simulated)} measurements.",
        settings=settings,
        seed=request.seed if request.fit else None,
        petab=objective.message(point, outcome, reached),
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    log_likelihood: float
    chi_squared: float
    simulated: list[float]


class _Objective:
    """The log-likelihood as a function of the estimated parameters on their scales."""

    def __init__(self, request: PetabRequest, program: Program) -> None:
        self._program = program
        self._tables: Tables = tables_of(request, program)
        self._given = self._tables.values(request.values)
        self._fixed = changes_of(request, program.facts)
        self._tolerances = Tolerances(request.relative_tolerance, request.absolute_tolerance)
        self._free: list[Parameter] = [one for one in self._tables.parameters.values() if one.estimated]

    def given(self) -> Matrix:
        """Return the point of the request."""
        return np.array([parameter.scaled(self._given[parameter.id]) for parameter in self._free])

    def starts(self, request: PetabRequest) -> list[Matrix]:
        """Return the starting points: the given one, then seeded uniform draws on the scales."""
        lower, upper = self._bounds()
        draws = np.random.default_rng(request.seed).uniform(
            lower, upper, (request.starts - 1, len(self._free))
        )
        return [np.clip(self.given(), lower, upper), *draws]

    def search(self, start: Matrix) -> OptimizeResult | None:
        """Return the best point reached from `start`, or `None` where the model cannot run there."""
        worst = self._cost(start)
        if not math.isfinite(worst):
            return None
        lower, upper = self._bounds()
        ceiling = abs(worst) * 1e3 + 1e6

        def cost(point: Matrix) -> float:
            value = self._cost(np.clip(point, lower, upper))
            return value if math.isfinite(value) else ceiling

        options: Any = {"maxiter": 500, "maxfun": 100_000, "ftol": 1e-12, "gtol": 1e-6, "eps": _STEP}
        bounds = list(zip(lower, upper, strict=True))
        found: OptimizeResult = minimize(cost, start, method="L-BFGS-B", bounds=bounds, options=options)
        return found

    def at(self, point: Matrix) -> _Outcome:
        """Return the likelihood at `point`.

        Raises:
            IntegrationFailure: a condition could not be simulated.
        """
        values = self._values(point)
        simulated: list[float] = [math.nan] * len(self._tables.rows)
        likelihood = chi = 0.0
        for condition, rows in self._tables.by_condition().items():
            course = self._simulate(condition, rows, values)
            for row in rows:
                seen, sigma = row.observe(course[row.time], values)
                simulated[row.index] = seen
                term, normalised = row.score(seen, sigma)
                likelihood, chi = likelihood + term, chi + normalised**2
        return _Outcome(likelihood, chi, simulated)

    def message(self, point: Matrix, outcome: _Outcome, reached: list[float | None] | None) -> PetabFit:
        """Return the outcome as it is reported."""
        rows = self._tables.rows
        return PetabFit(
            log_likelihood=outcome.log_likelihood,
            chi_squared=outcome.chi_squared,
            measurements=len(rows),
            parameters=self._values(point),
            observable=[row.observable for row in rows],
            condition=[row.condition for row in rows],
            time=[row.time for row in rows],
            measured=[row.measured for row in rows],
            simulated=outcome.simulated,
            start_log_likelihoods=reached,
        )

    def _values(self, point: Matrix) -> dict[str, float]:
        free = {one.id: one.unscaled(float(x)) for one, x in zip(self._free, point, strict=True)}
        return {**self._given, **free}

    def _bounds(self) -> tuple[Matrix, Matrix]:
        return (
            np.array([one.scaled(one.lower) for one in self._free]),
            np.array([one.scaled(one.upper) for one in self._free]),
        )

    def _cost(self, point: Matrix) -> float:
        try:
            return -self.at(point).log_likelihood
        except IntegrationFailure:
            return math.inf

    def _simulate(
        self, condition: str, rows: list[Row], values: dict[str, float]
    ) -> dict[float, dict[str, Any]]:
        """Return time → symbol → value."""
        times = sorted({0.0, *(row.time for row in rows)})
        changes = {change.symbol: change for change in self._fixed}
        changes |= {change.symbol: change for change in self._tables.changes(condition, values)}
        listed: list[Change] = ordered(changes.values(), self._program.facts)
        symbols = self._tables.symbols
        if len(times) == 1:
            runner = self._program.prepare(listed)
            return {0.0: {name: runner.get(selection) for name, selection in symbols.items()}}
        table = integrate(self._program, listed, times, list(symbols.values()), self._tolerances).table
        return {
            time: dict(zip(symbols, row, strict=True))
            for time, row in zip(times, table[:, 1:].tolist(), strict=True)
        }
