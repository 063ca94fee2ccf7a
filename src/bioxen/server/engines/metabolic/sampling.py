"""Flux sampling: the set of possible fluxes, walked at random and summarised with diagnostics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import Certificate, FluxDistribution, FluxSamples, SamplingRequest
from bioxen.protocol.metabolic.sampling import MAX_NUMBERS
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.body import Body, Region, find_body
from bioxen.server.engines.metabolic.convergence import diagnose
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_reactions
from bioxen.server.engines.metabolic.program import Program, hold_objective
from bioxen.server.engines.metabolic.proof import MAX_RESIDUAL
from bioxen.server.engines.metabolic.rows import excess
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved
from bioxen.server.engines.metabolic.walk import Draws, Walk

PROBABILITIES = [0.025, 0.25, 0.5, 0.75, 0.975]
AGREED = 1.05
"""The greatest R-hat at which chains count as agreeing."""
ENOUGH = 0.1
"""Effective samples that are asked for where the request does not say, as a share of the samples."""
MAX_THINNING = 50
"""Ways between two samples, at most, where the request leaves that open."""
_ROUNDING = 0.3
"""Share of the rounding in the progress that is told: up to half of the work, most often less."""
CHUNK = 4_000_000
"""Numbers that are worked on at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """States of a body and the fluxes they stand for, within the bounds."""

    body: Body
    states: Draws
    lower: Vector
    upper: Vector

    def fluxes(self, columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return draw × chain × column."""
        return np.clip(self.body.fluxes(self.states, columns), self.lower[columns], self.upper[columns])

    def chunks(self, columns: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Give the columns in parts whose fluxes fit in memory."""
        each = max(1, CHUNK // (self.states.shape[0] * self.states.shape[1]))
        return (columns[start : start + each] for start in range(0, len(columns), each))


def sample(request: SamplingRequest, program: Program) -> Findings:
    """Return a summary of fluxes drawn uniformly from all that are possible."""
    network = program.network
    problem = build_problem(request, network)
    names = list(network.reactions) if request.reactions is None else request.reactions
    columns = np.array(find_reactions(names, network, "reactions"), dtype=np.int64)
    _check_size(request, len(names))
    region = _region(request, program, problem)
    if isinstance(region, NoOptimum):
        return unsolved(request, program, problem, region)
    drawn = _draw(request, region, columns)
    if isinstance(drawn, NoOptimum):
        return (
            _unbounded(problem) if drawn.status == "unbounded" else unsolved(request, program, problem, drawn)
        )
    found, thinning = drawn
    certificate, largest = _certificate(found, program, problem)
    if max(certificate.residual, certificate.bound_violation) > MAX_RESIDUAL * max(1.0, largest):
        return unsolved(request, program, problem, NoOptimum("numeric"))
    summary = _summary(request, names, found, columns)
    return Findings(
        problem=problem,
        status="optimal" if summary.converged else "feasible",
        message=_message(request, summary),
        samples=summary,
        certificate=certificate,
        settings={"sampler": "rounded billiard walk", "seed": request.seed, "thinning": thinning},
    )


def _region(request: SamplingRequest, program: Program, problem: Problem) -> Region | NoOptimum:
    if request.fraction_of_optimum is None:
        return Region(program.fluxes, problem.lower, problem.upper, problem.cost)
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return best
    held = hold_objective(program, problem, best, request.fraction_of_optimum)
    cost = np.append(problem.cost, np.zeros(len(held.lower) - len(problem.cost)))
    return Region(held.programs, held.lower, held.upper, cost)


def _draw(
    request: SamplingRequest, region: Region, columns: NDArray[np.int64]
) -> tuple[_Sample, int] | NoOptimum:
    """Return the sample, and how many ways lie between two of its draws."""
    found = find_body(region, request.chains, np.random.Generator(np.random.PCG64([request.seed, 1])))
    if isinstance(found, NoOptimum):
        return found
    body, starts = found
    each = -(-request.samples // request.chains)
    if body.dimension == 0:
        return _Sample(body, np.zeros((each, request.chains, 0)), region.lower, region.upper), 1
    walk = Walk(body, starts, request.seed)
    with progress.within(0.0, _ROUNDING):
        trial = _Sample(*walk.warm_up(), region.lower, region.upper)
    thinning = request.thinning or _thinning(trial, columns)
    with progress.within(_ROUNDING, 1.0):
        states = walk.draw(each, thinning)
    return _Sample(walk.body, states, region.lower, region.upper), thinning


def _thinning(trial: _Sample, columns: NDArray[np.int64]) -> int:
    """Return how many ways make the next sample of the slowest flux nearly independent."""
    varying = columns[trial.body.place[columns] >= 0]
    draws = trial.states.shape[0] * trial.states.shape[1]
    sizes = [diagnose(trial.fluxes(part))[0].min() for part in trial.chunks(varying)]
    return int(np.clip(round(draws / min(sizes, default=draws)), 1, MAX_THINNING))


def _certificate(found: _Sample, program: Program, problem: Problem) -> tuple[Certificate, float]:
    """Return the worst of all samples, computed on the samples themselves, and the largest flux."""
    every = np.arange(len(problem.lower))
    residual = violation = largest = 0.0
    each = max(1, CHUNK // (found.states.shape[1] * len(every)))
    for start in range(0, len(found.states), each):
        part = _Sample(found.body, found.states[start : start + each], found.lower, found.upper)
        fluxes = part.fluxes(every).reshape(-1, len(every))
        residual = max(residual, float(np.abs(program.network.stoichiometry @ fluxes.T).max(initial=0.0)))
        violation = max(violation, excess(fluxes, problem.lower, problem.upper))
        largest = max(largest, float(np.abs(fluxes).max(initial=0.0)))
    return Certificate(residual=residual, bound_violation=violation, duality_gap=None), largest


def _summary(
    request: SamplingRequest, names: list[str], found: _Sample, columns: NDArray[np.int64]
) -> FluxSamples:
    fluxes: dict[str, FluxDistribution] = {}
    values: dict[str, list[float]] = {}
    for part in found.chunks(np.arange(len(columns))):
        draws = found.fluxes(columns[part]) + 0.0
        varies = found.body.place[columns[part]] >= 0
        some = [names[number] for number in part]
        fluxes.update(zip(some, _distributions(draws, varies), strict=True))
        if request.return_samples:
            chain_by_chain = draws.transpose(2, 1, 0).reshape(len(part), -1)
            values.update(zip(some, chain_by_chain.tolist(), strict=True))
    sizes = [one.ess for one in fluxes.values() if one.ess is not None]
    ratios = [one.r_hat for one in fluxes.values() if one.r_hat is not None]
    samples = found.states.shape[0] * found.states.shape[1]
    least = request.min_ess or ENOUGH * request.samples
    return FluxSamples(
        samples=samples,
        chains=request.chains,
        dimension=found.body.dimension,
        probabilities=PROBABILITIES,
        converged=min(sizes, default=least) >= least and max(ratios, default=1.0) <= AGREED,
        min_ess=min(sizes, default=None),
        max_r_hat=max(ratios, default=None),
        fluxes=fluxes,
        values=values if request.return_samples else None,
    )


def _distributions(draws: NDArray[np.float64], varies: NDArray[np.bool_]) -> Iterator[FluxDistribution]:
    flat = draws.reshape(-1, draws.shape[2])
    sizes, ratios = diagnose(draws)
    columns = zip(
        flat.mean(axis=0).tolist(),
        flat.std(axis=0, ddof=1).tolist(),
        np.quantile(flat, PROBABILITIES, axis=0).T.tolist(),
        sizes.tolist(),
        ratios.tolist(),
        varies.tolist(),
        strict=True,
    )
    for mean, deviation, quantiles, size, ratio, moves in columns:
        yield FluxDistribution(
            mean=mean + 0.0,
            sd=deviation if moves else 0.0,
            quantiles=quantiles,
            ess=size if moves else None,
            r_hat=ratio if moves else None,
        )


def _message(request: SamplingRequest, summary: FluxSamples) -> str:
    head = f"{summary.samples} fluxes in {summary.dimension} dimensions"
    if summary.min_ess is None or summary.max_r_hat is None:
        return f"Sampled: {head}; each reported flux has one value only."
    trust = f"least effective sample size {summary.min_ess:.0f}, greatest R-hat {summary.max_r_hat:.3f}"
    if summary.converged:
        return f"Sampled: {head}; {trust}."
    short = summary.samples < request.samples
    why = "the work that one request may take is done" if short else "take more samples"
    return f"Not converged: {head}; {trust}; {why}. Each is possible; their distribution is not known yet."


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
