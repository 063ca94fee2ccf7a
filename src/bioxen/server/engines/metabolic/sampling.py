"""Flux sampling: the set of possible fluxes, walked at random and summarised with diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import Certificate, FluxDistribution, FluxSamples, SamplingRequest
from bioxen.protocol.metabolic.sampling import MAX_NUMBERS
from bioxen.server.engines.metabolic.convergence import effective_size, r_hat
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.hull import Hull, Matrix, Solver, find_hull
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_reactions
from bioxen.server.engines.metabolic.program import Program, hold_objective
from bioxen.server.engines.metabolic.rows import excess
from bioxen.server.engines.metabolic.solver import MAX_RESIDUAL, NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved
from bioxen.server.engines.metabolic.walk import Polytope, Walk

PROBABILITIES = [0.025, 0.25, 0.5, 0.75, 0.975]
AGREED = 1.1
"""The greatest R-hat at which chains count as agreeing."""
Draws = NDArray[np.float64]
"""Samples: chain × draw × reaction."""


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """The fluxes that are possible: matrix·x = 0 between bounds; columns beyond the fluxes are helpers."""

    programs: Solver
    matrix: sparse.csc_array
    lower: Vector
    upper: Vector


def sample(request: SamplingRequest, program: Program) -> Findings:
    """Return a summary of fluxes drawn uniformly from all that are possible."""
    network = program.network
    problem = build_problem(request, network)
    names = list(network.reactions) if request.reactions is None else request.reactions
    columns = find_reactions(names, network, "reactions")
    _check_size(request, len(names))
    region = _region(request, program, problem)
    if isinstance(region, NoOptimum):
        return unsolved(request, program, problem, region)
    drawn = _draw(request, region)
    if isinstance(drawn, NoOptimum):
        return (
            _unbounded(problem) if drawn.status == "unbounded" else unsolved(request, program, problem, drawn)
        )
    draws, hull = drawn
    certificate = _certificate(draws, program, problem)
    if max(certificate.residual, certificate.bound_violation) > MAX_RESIDUAL * max(
        1.0, float(np.abs(draws).max())
    ):
        return unsolved(request, program, problem, NoOptimum("numeric"))
    summary = _summary(request, names, draws[:, :, columns], hull, columns)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Sampled: {summary.samples} fluxes in {hull.dimension} dimensions; {_trust(summary)}.",
        samples=summary,
        certificate=certificate,
        settings={
            "sampler": "rounded coordinate hit-and-run",
            "seed": request.seed,
            "thinning": request.thinning,
        },
    )


def _region(request: SamplingRequest, program: Program, problem: Problem) -> _Region | NoOptimum:
    if request.fraction_of_optimum is None:
        matrix = program.network.stoichiometry
        return _Region(program.fluxes, matrix, problem.lower, problem.upper)
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return best
    held = hold_objective(program, problem, best, request.fraction_of_optimum)
    return _Region(held.programs, held.programs.matrix, held.lower, held.upper)


def _draw(request: SamplingRequest, region: _Region) -> tuple[Draws, Hull] | NoOptimum:
    some = region.programs.solve(region.lower, region.upper, np.zeros(len(region.lower)))
    if isinstance(some, NoOptimum):
        return some
    hull = find_hull(region.programs, region.matrix, (region.lower, region.upper), some.x)
    if isinstance(hull, NoOptimum):
        return hull
    each = -(-request.samples // request.chains)
    fluxes = np.broadcast_to(hull.inside, (request.chains, each, len(hull.inside))).copy()
    if hull.dimension:
        vertices = _vertices(region, hull)
        if isinstance(vertices, NoOptimum):
            return vertices
        open_ = hull.open
        polytope = Polytope(hull.inside[open_], hull.basis, region.lower[open_], region.upper[open_])
        walk = Walk(polytope, vertices[open_], request.chains, request.seed)
        walk.warm_up()
        fluxes[:, :, open_] = walk.draw(each, request.thinning).transpose(2, 0, 1)
    return fluxes, hull


def _vertices(region: _Region, hull: Hull) -> Matrix | NoOptimum:
    """Return points with the least and the greatest flux of every open column."""
    found = []
    for column in hull.open:
        for sign in (1.0, -1.0):
            cost: Vector = np.zeros(len(region.lower))
            cost[column] = sign
            outcome = region.programs.solve(region.lower, region.upper, cost)
            if isinstance(outcome, NoOptimum):
                return outcome
            found.append(outcome.x)
    return np.array(found).T


def _certificate(draws: Draws, program: Program, problem: Problem) -> Certificate:
    """Return the worst of all samples: steady state and bounds, each computed on the samples themselves."""
    count = len(problem.lower)
    fluxes = draws.reshape(-1, draws.shape[2])[:, :count]
    residual = float(np.max(np.abs(program.network.stoichiometry @ fluxes.T), initial=0.0))
    violation = excess(fluxes, problem.lower, problem.upper)
    return Certificate(residual=residual, bound_violation=violation, duality_gap=None)


def _summary(
    request: SamplingRequest, names: list[str], draws: Draws, hull: Hull, columns: list[int]
) -> FluxSamples:
    fluxes = {
        name: _distribution(draws[:, :, number], bool(hull.varies[column]))
        for number, (name, column) in enumerate(zip(names, columns, strict=True))
    }
    sizes = [one.ess for one in fluxes.values() if one.ess is not None]
    ratios = [one.r_hat for one in fluxes.values() if one.r_hat is not None]
    values = {name: (draws[:, :, number].ravel() + 0.0).tolist() for number, name in enumerate(names)}
    return FluxSamples(
        samples=draws.shape[0] * draws.shape[1],
        chains=draws.shape[0],
        dimension=hull.dimension,
        probabilities=PROBABILITIES,
        min_ess=min(sizes, default=None),
        max_r_hat=max(ratios, default=None),
        fluxes=fluxes,
        values=values if request.return_samples else None,
    )


def _distribution(draws: NDArray[np.float64], varies: bool) -> FluxDistribution:
    return FluxDistribution(
        mean=float(draws.mean()) + 0.0,
        sd=float(draws.std(ddof=1)) if varies else 0.0,
        quantiles=(np.quantile(draws, PROBABILITIES) + 0.0).tolist(),
        ess=effective_size(draws) if varies else None,
        r_hat=r_hat(draws) if varies else None,
    )


def _trust(summary: FluxSamples) -> str:
    if summary.min_ess is None or summary.max_r_hat is None:
        return "each reported flux has one value only"
    trust = f"least effective sample size {summary.min_ess:.0f}, greatest R-hat {summary.max_r_hat:.3f}"
    return f"{trust}: the chains do not agree yet, raise thinning" if summary.max_r_hat > AGREED else trust


def _unbounded(problem: Problem) -> Findings:
    return Findings(
        problem=problem,
        status="unbounded",
        message="Unbounded: nothing limits some fluxes, so there is no uniform distribution over them. "
        "Give finite bounds to the exchanges and to reactions of internal cycles.",
    )


def _check_size(request: SamplingRequest, reactions: int) -> None:
    if request.return_samples and request.samples * reactions > MAX_NUMBERS:
        raise ValidationError(
            f"{request.samples:,} samples of {reactions:,} reactions are more than the {MAX_NUMBERS:,} "
            "numbers that one answer returns",
            details={
                "place": "return_samples",
                "remedy": "Name the reactions to report, or take fewer samples.",
            },
        )
