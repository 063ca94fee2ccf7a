"""Minimal media: the least uptake, or the fewest nutrients, that allow an objective."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import Certificate, Medium, MinimalMediumRequest
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.hull import Indices
from bioxen.server.engines.metabolic.milp import MixedProgram, solve_mixed
from bioxen.server.engines.metabolic.network import Network, Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem, get_uptake
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.rows import PricedOptimum, RowProgram, stacked
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum
from bioxen.server.engines.metabolic.unsolved import unsolved

TRACE = 1e-9
"""An uptake or secretion this small is the solver's tolerance."""


def minimal_medium(request: MinimalMediumRequest, program: Program) -> Findings:
    """Return the media that need the least, one or several."""
    network = program.network
    problem = _opened(request, network, build_problem(request, network))
    best = program.fluxes.solve(problem.lower, problem.upper, -problem.objective)
    if isinstance(best, NoOptimum) and best.status != "unbounded":
        return unsolved(request, program, problem, best)
    if isinstance(best, Optimum) and -best.value < request.min_objective_value:
        return _out_of_reach(request, problem, -best.value)
    needs = _Needs.of(program, problem, request.min_objective_value)
    found = needs.least() if request.minimize == "amounts" else needs.fewest(request.alternatives)
    if isinstance(found, NoOptimum):
        return unsolved(request, program, problem, found)
    media = [_medium(network, needs, one.x, request.exports) for one in found]
    objective = float(problem.objective @ found[0].x[: len(network.reactions)]) + 0.0
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {media[0].components} nutrients, {media[0].total_uptake:.6g} mmol/gDW/h in total, "
        f"allow an objective of {objective:.6g}.",
        optimal_objective=objective,
        media=media,
        certificate=worst(needs.certificates),
        settings={"minimize": request.minimize, "min_objective_value": request.min_objective_value},
    )


def _opened(request: MinimalMediumRequest, network: Network, problem: Problem) -> Problem:
    if request.open_exchanges is None:
        return problem
    lower, upper = problem.lower.copy(), problem.upper.copy()
    lower[list(network.exchanges)] = -request.open_exchanges
    upper[list(network.exchanges)] = request.open_exchanges
    return replace(problem, lower=lower, upper=upper)


def _out_of_reach(request: MinimalMediumRequest, problem: Problem, best: float) -> Findings:
    return Findings(
        problem=problem,
        status="infeasible",
        message=f"Infeasible: the objective reaches {best:.6g} at most, "
        f"not {request.min_objective_value:.6g}. Lower min_objective_value, or give open_exchanges.",
    )


@dataclass(frozen=True, eq=False)
class _Needs:
    """Programs over fluxes v, uptakes u of the exchanges, and switches z that allow them."""

    matrix: sparse.csc_array
    row_lower: Vector
    row_upper: Vector
    lower: Vector
    upper: Vector
    exchanges: tuple[int, ...]
    certificates: list[Certificate]

    @classmethod
    def of(cls, program: Program, problem: Problem, least: float) -> _Needs:
        """Return the programs in which the objective is at least `least`."""
        network = program.network
        size, count, exchanges = len(problem.lower), len(network.exchanges), list(network.exchanges)
        most = np.array([get_uptake(one, network, problem.lower, problem.upper) for one in exchanges])
        most = np.maximum(most, 0.0)
        _check_finite(network, np.flatnonzero(np.isinf(most)))
        outward = np.array([1.0 if network.takes_up_backwards(one) else -1.0 for one in exchanges])
        flux = sparse.csr_array((outward, (np.arange(count), exchanges)), shape=(count, size))
        one = sparse.eye_array(count)
        rows = stacked(
            [
                [network.stoichiometry, None, None],
                [sparse.csr_array(problem.objective[None, :]), None, None],
                [flux, one, None],  # u ≥ the flux inwards
                [None, one, sparse.diags_array(-most)],  # u ≤ most·z
            ]
        )
        balance, free, zero = (
            np.zeros(network.stoichiometry.shape[0]),
            np.full(count, np.inf),
            np.zeros(count),
        )
        return cls(
            matrix=rows,
            row_lower=np.concatenate([balance, [least], zero, -free]),
            row_upper=np.concatenate([balance, [np.inf], free, zero]),
            lower=np.concatenate([problem.lower, zero, zero]),
            upper=np.concatenate([problem.upper, most, np.ones(count)]),
            exchanges=network.exchanges,
            certificates=[],
        )

    @property
    def size(self) -> int:
        """Number of fluxes."""
        return len(self.lower) - 2 * len(self.exchanges)

    def least(self) -> list[PricedOptimum] | NoOptimum:
        """Return the medium of least total uptake."""
        found = self._amounts(np.ones(len(self.exchanges)))
        return found if isinstance(found, NoOptimum) else [found]

    def fewest(self, alternatives: int) -> list[PricedOptimum] | NoOptimum:
        """Return media of the fewest nutrients, each at its least total uptake."""
        found: list[PricedOptimum] = []
        chosen: list[Vector] = []
        while len(found) < alternatives:
            progress.tell(len(found), alternatives, "media")
            mixed = solve_mixed(self._choice(chosen))
            if isinstance(mixed, NoOptimum):
                return found if found and mixed.status == "infeasible" else mixed
            switches = np.rint(mixed.x[-len(self.exchanges) :])
            if chosen and switches.sum() > chosen[0].sum():
                break
            amounts = self._amounts(switches)
            if isinstance(amounts, NoOptimum):
                return NoOptimum("numeric")
            chosen.append(switches)
            found.append(amounts)
            self.certificates.append(mixed.certificate)
        return found

    def _amounts(self, switches: Vector) -> PricedOptimum | NoOptimum:
        """Return the least total uptake through the exchanges that are switched on."""
        lower, upper = self.lower.copy(), self.upper.copy()
        lower[-len(switches) :] = upper[-len(switches) :] = switches
        cost = np.zeros(len(lower))
        cost[self.size : self.size + len(switches)] = 1.0
        found = RowProgram(self.matrix, self.row_lower, self.row_upper).solve(lower, upper, cost)
        if isinstance(found, PricedOptimum):
            self.certificates.append(found.certificate)
        return found

    def _choice(self, chosen: list[Vector]) -> MixedProgram:
        """Return the search for the fewest switches that allows none of the sets `chosen` before."""
        count = len(self.exchanges)
        cost = np.append(np.zeros(len(self.lower) - count), np.ones(count))
        cuts = np.zeros((len(chosen), len(self.lower)))
        for number, switches in enumerate(chosen):
            cuts[number, -count:] = switches
        matrix = sparse.csc_array(sparse.vstack([self.matrix, sparse.csr_array(cuts)]))
        return MixedProgram(
            matrix,
            row_lower=np.append(self.row_lower, np.full(len(chosen), -np.inf)),
            row_upper=np.append(self.row_upper, [switches.sum() - 1.0 for switches in chosen]),
            lower=self.lower,
            upper=self.upper,
            cost=cost,
            integer=cost > 0,
        )


def _medium(network: Network, needs: _Needs, x: Vector, exports: bool) -> Medium:
    inward = {
        network.reactions[one]: float(-x[one] if network.takes_up_backwards(one) else x[one])
        for one in needs.exchanges
    }
    taken = {name: flux for name, flux in inward.items() if flux > TRACE}
    shown = {name: flux for name, flux in inward.items() if abs(flux) > TRACE} if exports else taken
    return Medium(components=len(taken), total_uptake=sum(taken.values()), uptake=shown)


def _check_finite(network: Network, endless: Indices) -> None:
    if len(endless):
        name = network.reactions[network.exchanges[endless[0]]]
        raise ValidationError(
            f"a minimal medium needs a largest uptake for every exchange, and {name} has none",
            details={"place": f"constraints.{name}", "remedy": "Give it a bound, or give open_exchanges."},
        )
