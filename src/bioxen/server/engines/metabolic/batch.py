"""Many variants of one problem, each solved as if it were asked for alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import (
    BatchColumns,
    BatchRequest,
    Certificate,
    FbaRequest,
    MetabolicRequest,
    MetabolicStatus,
    Outcome,
)
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.network import Network
from bioxen.server.engines.metabolic.objectives import objectives
from bioxen.server.engines.metabolic.problem import build_problem, find_reactions
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.variants import blamed, problem_of, request_of
from bioxen.server.engines.packing import as_numbers

Analyses = Mapping[type[MetabolicRequest], Callable[[Any, Program], Findings]]


@dataclass(eq=False)
class _Columns:
    """The columns as they fill."""

    reported: list[str]
    """The reactions whose fluxes are reported."""
    status: list[MetabolicStatus] = field(default_factory=list)
    objective: list[float | None] = field(default_factory=list)
    fluxes: list[list[float | None]] = field(default_factory=list)
    """One row a variant."""
    results: list[Outcome] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    solvers: set[str] = field(default_factory=set)

    def message(self) -> BatchColumns:
        """Return the columns."""
        by_reaction = list(map(list, zip(*self.fluxes, strict=True))) if self.fluxes else []
        return BatchColumns(
            status=self.status,
            objective=self.objective,
            fluxes=dict(zip(self.reported, by_reaction, strict=True)) if self.reported else None,
            results=self.results or None,
        )


def batch(request: BatchRequest, program: Program, analyses: Analyses) -> Findings:
    """Return the outcomes of the variants in columns.

    Args:
        request: the variants, and what is asked of each.
        program: the model.
        analyses: kind of request → the analysis that answers it.
    """
    problem = build_problem(request, program.network)
    columns = _Columns(_reported(request, program.network))
    base = program.optimise(problem)
    if not isinstance(base, NoOptimum):
        columns.solvers.add(base.solver)
    plain = request.analysis is None or request.analysis == FbaRequest()
    if plain and request.told == "objective":
        _solve_objectives(columns, request, program)
    elif plain and request.told == "fluxes":
        _solve_fluxes(columns, request, program)
    else:
        _analyse(columns, request, program, analyses)
    return Findings(
        problem=problem,
        status=base.status if isinstance(base, NoOptimum) else "optimal",
        message=f"{len(request.variants)} variants, {columns.status.count('optimal')} of them optimal.",
        optimal_objective=None if isinstance(base, NoOptimum) else problem.objective_value(base.value),
        batch=columns.message(),
        certificate=worst(columns.certificates) if columns.certificates else None,
        settings={"solver": ", ".join(sorted(columns.solvers))} if columns.solvers else {},
    )


def _reported(request: BatchRequest, network: Network) -> list[str]:
    if request.told != "fluxes":
        return []
    names = network.reactions if request.reactions is None else request.reactions
    find_reactions(names, network, "reactions")
    return list(dict.fromkeys(names))


def _solve_objectives(columns: _Columns, request: BatchRequest, program: Program) -> None:
    found = objectives(request, program)
    columns.status = found.status
    columns.objective = as_numbers(found.values)
    columns.certificates = found.certificates
    columns.solvers |= found.solvers


def _solve_fluxes(columns: _Columns, request: BatchRequest, program: Program) -> None:
    at = [program.network.reaction_index[name] for name in columns.reported]
    for number in range(len(request.variants)):
        problem = problem_of(request, number, program.network)
        outcome = program.optimise(problem)
        if isinstance(outcome, NoOptimum):
            columns.status.append(outcome.status)
            columns.objective.append(None)
            columns.fluxes.append([None] * len(at))
            continue
        columns.status.append("optimal")
        columns.objective.append(problem.objective_value(outcome.value))
        columns.fluxes.append((outcome.x[at] + 0.0).tolist())
        columns.certificates.append(outcome.certificate)
        columns.solvers |= {outcome.solver}


def _analyse(columns: _Columns, request: BatchRequest, program: Program, analyses: Analyses) -> None:
    count = len(request.variants)
    for number in range(count):
        alone = request_of(request, number)
        progress.tell(number, count, "variants")
        with blamed(number), progress.within(number / count, (number + 1) / count):
            found = analyses[type(alone)](alone, program)
        columns.status.append(found.status)
        columns.objective.append(found.optimal_objective)
        columns.certificates += [found.certificate] if found.certificate else []
        columns.solvers |= set(str(found.settings.get("solver", "")).split(", ")) - {""}
        if request.told == "results":
            columns.results.append(Outcome.model_construct(**found.outcome()))
        elif request.told == "fluxes":
            columns.fluxes.append(_fluxes(columns.reported, alone, found))


def _fluxes(reported: list[str], alone: MetabolicRequest, found: Findings) -> list[float | None]:
    if found.flux_state is not None:
        return [found.flux_state[name] for name in reported]
    if found.status == "optimal":
        raise ValidationError(
            f"{alone.title} does not give one flux distribution, so there are no fluxes to report",
            details={"place": "report", "remedy": 'Set report to "results".'},
        )
    return [None] * len(reported)
