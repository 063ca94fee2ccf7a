"""A compiled model: the network and the warm linear programs on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.metabolic import store
from bioxen.server.engines.metabolic.families import Ranges, find_ranges
from bioxen.server.engines.metabolic.network import Network, Vector
from bioxen.server.engines.metabolic.problem import Problem
from bioxen.server.engines.metabolic.reduction import split
from bioxen.server.engines.metabolic.solver import Base, LinearProgram, Optimum, Outcome, linear_program

FEW_ROWS = 200
"""Up to so many rows the kernel is faster than the sparse solver even where it starts far away."""


@dataclass(frozen=True, eq=False)
class Program:
    """What a worker keeps warm for one model. Nothing in it depends on the requests it has seen."""

    network: Network
    digest: str
    model_id: str | None
    fluxes: LinearProgram
    """Programs over the fluxes themselves: S·v = 0."""

    @cached_property
    def split_fluxes(self) -> LinearProgram:
        """Programs over forward and backward parts, v = v⁺ − v⁻, whose sum is the total flux.

        Their base problem is the one most asked: the model's own best objective, at the least total flux.
        """
        network = self.network
        matrix = sparse.csc_array(
            sparse.hstack([network.stoichiometry, -network.stoichiometry], format="csc")
        )
        problem = Problem(network.lower, network.upper, network.objective, network.direction, frozenset())
        best = self.optimise(problem)
        lower, upper = problem.lower, problem.upper
        if isinstance(best, Optimum) and np.count_nonzero(problem.objective) == 1:
            held = hold_objective(self, problem, best, 1.0)
            lower, upper = held.lower, held.upper
        cost = np.ones(2 * len(network.reactions))
        return linear_program(
            matrix, *split_bounds(lower, upper), cost, reduction=split(self.fluxes.reduction)
        )

    @cached_property
    def shifts(self) -> LinearProgram:
        """Programs over how far fluxes go up and down from a reference, both together at the least.

        They set out best from no shift at all, where the sparse solver's own first basis stands; that of
        `split_fluxes` drives growth, which takes hundreds of pivots to undo. Small programs do not mind.
        """
        split_fluxes = self.split_fluxes
        if split_fluxes.reduction.matrix.shape[0] <= FEW_ROWS:
            return split_fluxes
        return LinearProgram(split_fluxes.matrix, split_fluxes.reduction, Base(None, None))

    def optimise(self, problem: Problem) -> Outcome:
        """Return the best fluxes of `problem`."""
        return self.fluxes.solve(problem.lower, problem.upper, problem.cost)


def compile_program(source: ModelSource) -> Program:
    """Return the program of `source`, with its base problem solved; from the store where it is kept.

    Raises:
        InvalidModelError: the text is malformed, or not a model for flux balance analysis.
    """
    known = store.load(source.digest)
    if known is None:
        from bioxen.server.engines.metabolic.reader import read_network  # COBRApy comes with it

        network = read_network(source)
        cost = -network.objective if network.direction == "max" else network.objective
        known = network, linear_program(network.stoichiometry, network.lower, network.upper, cost)
        store.save(source.digest, *known)
    network, fluxes = known
    return Program(network, source.digest, source.id, fluxes)


def split_bounds(lower: Vector, upper: Vector) -> tuple[Vector, Vector]:
    """Return the bounds of forward parts followed by backward parts."""
    return (
        np.concatenate([np.maximum(lower, 0.0), np.maximum(-upper, 0.0)]),
        np.concatenate([np.maximum(upper, 0.0), np.maximum(-lower, 0.0)]),
    )


@dataclass(frozen=True, eq=False)
class Held:
    """A problem with the further condition that the objective stays near its best.

    One reaction as objective: its bound does it. Several: a column z with c·v − z = 0, bounded likewise.
    """

    programs: LinearProgram
    lower: Vector
    upper: Vector

    def solve(self, cost: Vector) -> Outcome:
        """Return the least cost·v under the condition."""
        padded = np.concatenate([cost, np.zeros(len(self.lower) - len(cost))])
        return self.programs.solve(self.lower, self.upper, padded)

    def ranges(self, cost: Vector, columns: Sequence[int]) -> Ranges:
        """Return the range of each of `columns` under the condition; the search sets out from least cost."""
        padded = np.concatenate([cost, np.zeros(len(self.lower) - len(cost))])
        return find_ranges(self.programs, (self.lower, self.upper), padded, columns)


def limit_of(problem: Problem, best: float, fraction: float) -> float:
    """Return the worst objective that is allowed, (1 − fraction)·|best| away from the best.

    For a maximum above 0 that is fraction·best, as in COBRApy; for a negative one COBRApy's product would
    ask for better than the best.
    """
    step = (1.0 - fraction) * abs(best)
    return best - step if problem.direction == "max" else best + step


def hold_objective(program: Program, problem: Problem, optimum: Optimum, fraction: float) -> Held:
    """Return `problem` with its objective held at `fraction` of `optimum`."""
    limit = limit_of(problem, problem.objective_value(optimum.value), fraction)
    lower, upper = problem.lower.copy(), problem.upper.copy()
    at_least = (limit, np.inf) if problem.direction == "max" else (-np.inf, limit)
    terms = np.flatnonzero(problem.objective)
    if len(terms) == 1:
        reaction = terms[0]
        low, high = sorted(bound / problem.objective[reaction] for bound in at_least)
        # An optimum at a bound may lie beyond it by a rounding error; the bounds must still not cross.
        lower[reaction], upper[reaction] = np.clip([low, high], lower[reaction], upper[reaction])
        return Held(program.fluxes, lower, upper)
    bounds = np.append(lower, at_least[0]), np.append(upper, at_least[1])
    matrix = _with_row(program.network.stoichiometry, problem.objective)
    programs = linear_program(matrix, *bounds, np.append(problem.cost, 0.0), kernel=False)
    return Held(programs, *bounds)


def _with_row(matrix: sparse.csc_array, row: Vector) -> sparse.csc_array:
    """Return `matrix` with the further row and column of row·v − z = 0."""
    below = sparse.csc_array(row[None, :])
    right = sparse.csc_array(([-1.0], ([matrix.shape[0]], [0])), shape=(matrix.shape[0] + 1, 1))
    return sparse.csc_array(sparse.hstack([sparse.vstack([matrix, below]), right]))
