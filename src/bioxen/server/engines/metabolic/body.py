"""The possible fluxes as a convex body of full dimension, neither long nor thin to start with.

Each flux is measured in its own range, so one that spans 1e-6 counts like one that spans 1000. Directions in
which steady state can be kept are the null space of S in these units; faces are the bounds that some flux
reaches. Around the analytic centre the Hessian of the logarithmic barrier then gives coordinates in which a
ball fits inside, and a larger one around (Dikin's ellipsoid).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from bioxen.server.engines.metabolic.families import find_ranges
from bioxen.server.engines.metabolic.hull import Indices, Matrix, null_space
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.rows import PricedOptimum, RowProgram, stacked
from bioxen.server.engines.metabolic.solver import LinearProgram, NoOptimum, Optimum

STILL = 1e-8
"""A flux whose range is no wider than this has one value; mmol/gDW/h."""
TOUCHED = 1e-6
"""A bound that no flux comes nearer than this share of its range is no face."""
SHALLOW = 1e-9
"""The centre must be this far from every bound, in units of the ranges."""
MAX_STEPS = 200
CENTRED = 1e-6
"""Newton decrement at which the analytic centre is found."""
TOWARDS_EDGE = 0.9
"""How far from the centre towards a vertex a chain starts."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Which fluxes are possible: programs·x = 0 between bounds; columns beyond the fluxes are helpers."""

    programs: LinearProgram
    lower: Vector
    upper: Vector
    cost: Vector
    """What the search for the ranges sets out from."""


@dataclass(frozen=True, eq=False)
class Body:
    """{y: faces·y ≤ limits}, and the fluxes that y stands for: origin + factor·(directions[place]·y)."""

    faces: Matrix
    """Unit normals: face × dimension."""
    limits: Vector
    origin: Vector
    directions: Matrix
    """Coupled flux × dimension."""
    place: Indices
    """For each flux its row of `directions`; −1 where it has one value."""
    factor: Vector

    @property
    def dimension(self) -> int:
        """Degrees of freedom."""
        return int(self.directions.shape[1])

    def seen_from(self, centre: Vector, axes: Matrix) -> Body:
        """Return the same set in the coordinates y = centre + axes·y'."""
        faces, limits = self.faces @ axes, self.limits - self.faces @ centre
        size = np.linalg.norm(faces, axis=1)
        return Body(
            faces=np.ascontiguousarray(faces / size[:, None]),
            limits=limits / size,
            origin=self.origin + self._moved(centre[None, :], np.arange(len(self.origin)))[0],
            directions=self.directions @ axes,
            place=self.place,
            factor=self.factor,
        )

    def fluxes(self, states: NDArray[np.float64], columns: Indices) -> NDArray[np.float64]:
        """Return the fluxes of `columns` at `states`, … × dimension, as … × column."""
        return self.origin[columns] + self._moved(states, columns)

    def _moved(self, states: NDArray[np.float64], columns: Indices) -> NDArray[np.float64]:
        place = self.place[columns]
        varies = place >= 0
        moved = np.zeros((*states.shape[:-1], len(columns)))
        moved[..., varies] = (states @ self.directions[place[varies]].T) * self.factor[columns[varies]]
        return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Ranges:
    """The coupled fluxes z that vary, in units of their ranges: u = (z − least)/width."""

    columns: Indices
    """Numbers of these z."""
    least: Vector
    width: Vector
    low: Indices
    """Which of them reach their lower bounds; high, their upper ones."""
    high: Indices


def find_body(region: Region, chains: int, random: np.random.Generator) -> tuple[Body, Matrix] | NoOptimum:
    """Return the body and points of it for chains to start from, towards its vertices: chain × dimension."""
    some = region.programs.solve(region.lower, region.upper, region.cost)
    if isinstance(some, NoOptimum):
        return some
    ranges = _ranges(region)
    if isinstance(ranges, NoOptimum):
        return ranges
    reduction, count = region.programs.reduction, len(ranges.columns)
    place = np.full(reduction.matrix.shape[1] + 1, -1)
    place[ranges.columns] = np.arange(count)
    if not count:
        still = np.full(len(region.lower), -1)
        nothing = np.zeros((0, 0))
        return Body(nothing, np.zeros(0), some.x, nothing, still, reduction.factor), np.zeros((chains, 0))
    rows = _steady(region, ranges)
    basis = null_space(rows)
    start = _in_units(region, ranges, some)
    faces = np.vstack([-basis[ranges.low], basis[ranges.high]])
    limits = np.concatenate([start[ranges.low], 1.0 - start[ranges.high]])
    body = Body(faces, limits, some.x, ranges.width[:, None] * basis, place[reduction.root], reduction.factor)
    centre = _centre(body, basis.T @ (_deepest(rows, ranges, start) - start))
    if centre is None:
        return NoOptimum("numeric")
    vertices = _vertices(region, ranges, chains, random)
    if isinstance(vertices, NoOptimum):
        return vertices
    point, axes = centre
    starts = TOWARDS_EDGE * ((vertices - start) @ basis - point)
    return body.seen_from(point, axes), np.ascontiguousarray(linalg.solve(axes, starts.T).T)


def _ranges(region: Region) -> _Ranges | NoOptimum:
    reduction = region.programs.reduction
    bounds = reduction.fold_bounds(region.lower, region.upper)
    if bounds is None:
        return NoOptimum("infeasible")
    first = reduction.members[reduction.starts]
    found = find_ranges(region.programs, (region.lower, region.upper), region.cost, first.tolist())
    ends = np.stack([found.least, found.greatest]) / reduction.factor[first]
    least, greatest = ends.min(axis=0), ends.max(axis=0)
    if np.isnan(ends).any():
        return NoOptimum("numeric")
    if np.isinf(ends).any():
        return NoOptimum("unbounded")
    width = greatest - least
    varies = np.flatnonzero(width > STILL)
    least, greatest, width = least[varies], greatest[varies], width[varies]
    low = np.flatnonzero(least - bounds[0][varies] <= TOUCHED * width)
    high = np.flatnonzero(bounds[1][varies] - greatest <= TOUCHED * width)
    return _Ranges(varies, least, width, low, high)


def _steady(region: Region, ranges: _Ranges) -> sparse.csc_array:
    """Return the rows of steady state in units of the ranges, each scaled to its largest entry."""
    rows = region.programs.reduction.matrix[:, ranges.columns] @ sparse.diags_array(ranges.width)
    size = abs(rows).max(axis=1).toarray().ravel()
    used = np.flatnonzero(size > 0)
    return sparse.csc_array(sparse.diags_array(1.0 / size[used]) @ sparse.csr_array(rows)[used])


def _in_units(region: Region, ranges: _Ranges, point: Optimum) -> Vector:
    reduction = region.programs.reduction
    first = reduction.members[reduction.starts][ranges.columns]
    return np.asarray((point.x[first] / reduction.factor[first] - ranges.least) / ranges.width)


def _deepest(rows: sparse.csc_array, ranges: _Ranges, start: Vector) -> Vector:
    """Return the point whose least distance to a face is largest, in units of the ranges.

    Where a linear program cannot tell, that is `start`.
    """
    count, balance = len(start), rows @ start
    unit = sparse.eye_array(count, format="csr")
    ones = [np.ones((len(side), 1)) for side in (ranges.low, ranges.high)]
    matrix = stacked([[rows, None], [unit[ranges.low], -ones[0]], [unit[ranges.high], ones[1]]])
    free = np.full(len(ranges.low), np.inf), np.full(len(ranges.high), -np.inf)
    program = RowProgram(
        matrix,
        np.concatenate([balance, np.zeros(len(ranges.low)), free[1]]),
        np.concatenate([balance, free[0], np.ones(len(ranges.high))]),
    )
    cost = np.append(np.zeros(count), -1.0)
    found = program.solve(np.zeros(count + 1), np.ones(count + 1), cost)
    return found.x[:-1] if isinstance(found, PricedOptimum) else start


def _centre(body: Body, point: Vector) -> tuple[Vector, Matrix] | None:
    """Return the analytic centre and the axes of the barrier's Hessian there; `None` from no inner point."""
    for _ in range(MAX_STEPS):
        slack = body.limits - body.faces @ point
        if not np.min(slack, initial=1.0) > SHALLOW:
            return None
        scaled = body.faces / slack[:, None]
        try:
            factor = linalg.cholesky(scaled.T @ scaled, lower=True)
        except linalg.LinAlgError:
            return None
        half = linalg.solve_triangular(factor, scaled.sum(axis=0), lower=True)
        step = -linalg.solve_triangular(factor, half, lower=True, trans="T")
        decrement = float(np.linalg.norm(half))
        if decrement < CENTRED:
            break
        point = point + _damped(scaled @ step, decrement) * step
    inverse = linalg.solve_triangular(factor, np.eye(len(point)), lower=True)
    return point, np.ascontiguousarray(inverse.T)


def _damped(change: Vector, decrement: float) -> float:
    """Return how much of a Newton step to take: all of it near the centre, else what lowers the barrier."""
    share = min(1.0, 0.9 / max(float(change.max()), 1e-300))
    while -np.log1p(-share * change).sum() > -0.1 * share * decrement**2:
        share /= 2
        if share < 1e-12:
            break
    return share


def _vertices(
    region: Region, ranges: _Ranges, chains: int, random: np.random.Generator
) -> Matrix | NoOptimum:
    """Return a vertex for each chain, in units of the ranges: where a flux drawn at random is extreme."""
    found = []
    first = region.programs.reduction.members[region.programs.reduction.starts]
    for column in random.choice(ranges.columns, chains):
        cost = np.zeros(len(region.lower))
        cost[first[column]] = random.choice([-1.0, 1.0])
        vertex = region.programs.solve(region.lower, region.upper, cost)
        if isinstance(vertex, NoOptimum):
            return NoOptimum("numeric")
        found.append(_in_units(region, ranges, vertex))
    return np.array(found)
