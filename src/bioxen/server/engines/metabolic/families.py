"""Families of linear programs, in the kernel at once: variants of the bounds, and the range of each x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.metabolic import Certificate, MetabolicStatus
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.highs import Basis
from bioxen.server.engines.metabolic.kernel.batch import Changes, variants
from bioxen.server.engines.metabolic.kernel.extremes import extremes
from bioxen.server.engines.metabolic.kernel.front import optimise
from bioxen.server.engines.metabolic.kernel.state import OPTIMAL, WORDS
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.proof import MAX_GAP, MAX_RESIDUAL, proven, worst, worst_of
from bioxen.server.engines.metabolic.solver import HIGHS, KERNEL, LinearProgram, NoOptimum, Optimum, plain


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The optima of many variants of one problem, without their x."""

    values: Vector
    """Least cost of each; NaN where there is none."""
    status: list[MetabolicStatus]
    certificate: Certificate
    """The one that holds for all optima."""
    solvers: set[str]
    carried: NDArray[np.bool_]
    """Whether each x is other than 0 in each optimum; empty unless asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """Least and greatest x; ±inf where nothing limits it, NaN where no answer could be proven."""

    least: Vector
    greatest: Vector
    certificates: list[Certificate]
    solvers: set[str]

    @property
    def complete(self) -> bool:
        """Whether every answer was proven."""
        return not (np.isnan(self.least).any() or np.isnan(self.greatest).any())


def solve_variants(
    program: LinearProgram,
    bounds: tuple[Vector, Vector],
    cost: Vector,
    changes: Changes,
    *,
    carried: bool = False,
) -> Study:
    """Return the least cost of each variant of a problem, in which some bounds are others."""
    count = len(changes.starts) - 1
    status, proofs = np.full(count, -1), np.full((count, 5), np.nan)
    seen = np.zeros((count if carried else 0, len(cost)), dtype=np.bool_)
    if program.kernel is not None:
        arrays = plain(bounds[0]), plain(bounds[1]), plain(cost)
        if optimise(program.kernel, *arrays, np.empty(len(cost)))[0] == OPTIMAL:
            variants(program.kernel, *arrays, changes, status, proofs, seen)
    good = (status == OPTIMAL) & proven(proofs)
    words: list[MetabolicStatus] = ["optimal"] * count
    certificates, solvers = worst_of(proofs[good]), {KERNEL} if good.any() else set()
    values = np.where(good, proofs[:, 0], np.nan)
    for number in np.flatnonzero(~good).tolist():
        program.fall_back(WORDS[status[number]] if status[number] > 0 else "unproven")
        outcome = program.solve_by_highs(*changes.apply(number, *bounds), cost)
        solvers.add(HIGHS)
        if isinstance(outcome, NoOptimum):
            words[number] = outcome.status
            continue
        values[number] = outcome.value
        certificates.append(outcome.certificate)
        if carried:
            seen[number] = outcome.x != 0.0
    return Study(values, words, worst(certificates), solvers, seen)


def find_ranges(
    program: LinearProgram, bounds: tuple[Vector, Vector], cost: Vector, columns: Sequence[int]
) -> Ranges:
    """Return how little and how much each of `columns` can be, searched for from the least cost."""
    count = program.reduction.matrix.shape[1]
    root, factor = program.reduction.root[list(columns)], program.reduction.factor[list(columns)]
    wanted, found = np.zeros(count, dtype=np.bool_), np.full((2, count), np.nan)
    wanted[root[root >= 0]] = True
    worst_proof = np.zeros(5)
    if program.kernel is not None:
        arrays = plain(bounds[0]), plain(bounds[1]), plain(cost)
        first, proof = optimise(program.kernel, *arrays, np.empty(len(cost)))
        if first == OPTIMAL and proven(np.array([proof])).all():
            limits = MAX_RESIDUAL, MAX_GAP
            extremes(program.kernel, *arrays[:2], proof, wanted, found, limits, worst_proof)
    certificates = worst_of(worst_proof[None, :])
    solvers = {KERNEL} if np.isfinite(found).any() else set()
    start: Basis | None = None
    least, greatest = _unfold(found, root, factor, bounds, columns)
    for place, column in enumerate(columns):
        progress.tell_run(place, len(columns), "reactions")
        for sign, out in ((1.0, least), (-1.0, greatest)):
            if np.isnan(out[place]):
                program.fall_back("range")
                solvers.add(HIGHS)
                if start is None:
                    vertex = program.solve_by_highs(*bounds, cost)
                    start = vertex.basis if isinstance(vertex, Optimum) else None
                one: Vector = np.zeros(len(cost))
                one[column] = sign
                outcome = program.solve_by_highs(*bounds, one, start=start, primal=True)
                if isinstance(outcome, Optimum):
                    certificates.append(outcome.certificate)
                    out[place] = sign * outcome.value
                elif outcome.status == "unbounded":
                    out[place] = -sign * np.inf
    return Ranges(least + 0.0, greatest + 0.0, certificates, solvers)


def _unfold(
    found: NDArray[np.float64],
    root: NDArray[np.int64],
    factor: Vector,
    bounds: tuple[Vector, Vector],
    columns: Sequence[int],
) -> tuple[Vector, Vector]:
    """Return the ranges of x that follow from those of z, within the bounds that rounding may have left."""
    ends = np.where(root < 0, 0.0, found[:, root] * factor)
    low, high = bounds[0][list(columns)], bounds[1][list(columns)]
    return np.clip(ends.min(axis=0), low, high), np.clip(ends.max(axis=0), low, high)
