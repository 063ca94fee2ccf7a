"""Gap filling by COBRApy's own `gapfill`; beside the reader the only file that imports COBRApy.

GLPK proposes, within COBRApy's tolerances. Each proposal is then solved by this service's own solver, and one
that does not reach the objective there is no answer.
"""

from __future__ import annotations

from typing import Any

import cobra
import numpy as np
from cobra.exceptions import OptimizationError
from cobra.flux_analysis import gapfill
from scipy import sparse

from bioxen.errors import UnknownIdentifierError, did_you_mean
from bioxen.protocol.metabolic import Certificate, GapFill, GapFillingRequest
from bioxen.server.bytecode.scan import admit
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.network import Network
from bioxen.server.engines.metabolic.problem import Problem, build_problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.reader import read_network
from bioxen.server.engines.metabolic.rows import PricedOptimum, steady_state
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved

KINDS = ("universal", "exchange", "demand")
SHORT = 1e-6
"""How far, relatively, a proposal may stay below the objective asked for: COBRApy's own tolerance."""


def gap_filling(request: GapFillingRequest, program: Program) -> Findings:
    """Return the cheapest reactions that let the objective be reached."""
    problem = build_problem(request, program.network)
    universal = _universal(request)
    _check_penalties(request, universal)
    model = _model("model", program.network, problem)
    try:
        proposals = gapfill(
            model,
            None if universal is None else _model("universal", universal, None),
            lower_bound=request.min_objective_value,
            penalties=dict(request.penalties),
            demand_reactions=request.demand_reactions,
            exchange_reactions=request.exchange_reactions,
            iterations=request.iterations,
        )
    except OptimizationError:
        return _none(request, program, problem)
    except RuntimeError:  # COBRApy could not confirm its own proposal
        return unsolved(request, program, problem, NoOptimum("numeric"))
    checked = [_check(program.network, problem, reactions) for reactions in proposals]
    fills, certificates = _reached(checked, request.min_objective_value)
    if fills is None:
        return unsolved(request, program, problem, NoOptimum("numeric"))
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Filled: {_words(fills[0])}.",
        optimal_objective=fills[0].objective,
        gap_fills=fills,
        certificate=worst(certificates),
        settings={"proposed_by": f"cobra {cobra.__version__} gapfill, GLPK"},
    )


def _universal(request: GapFillingRequest) -> Network | None:
    """Return the universal model; it comes in by the same door as any other."""
    if request.universal_sbml is not None:
        return read_network(admit(request.universal_sbml, "sbml"))
    if request.universal_cobra_json is not None:
        return read_network(admit(request.universal_cobra_json, "cobra-json"))
    return None


def _check_penalties(request: GapFillingRequest, universal: Network | None) -> None:
    known = [*KINDS, *(universal.reactions if universal else ())]
    for name in request.penalties:
        if name not in known:
            raise UnknownIdentifierError(
                f"the universal model has no reaction {name!r}",
                details={"place": f"penalties.{name}", **did_you_mean(name, known)},
            )


def _model(name: str, network: Network, problem: Problem | None) -> Any:
    """Return a COBRApy model of `network`, with the bounds and the objective of `problem`."""
    model = cobra.Model(name)
    model.solver = "glpk"
    metabolites = [cobra.Metabolite(one) for one in network.metabolites]
    lower, upper = (network.lower, network.upper) if problem is None else (problem.lower, problem.upper)
    reactions = []
    for column, reaction_id in enumerate(network.reactions):
        reaction = cobra.Reaction(reaction_id, lower_bound=lower[column], upper_bound=upper[column])
        entries = slice(*network.stoichiometry.indptr[column : column + 2])
        rows, values = network.stoichiometry.indices[entries], network.stoichiometry.data[entries]
        reaction.add_metabolites(
            {metabolites[row]: float(value) for row, value in zip(rows, values, strict=True)}
        )
        reactions.append(reaction)
    model.add_metabolites(metabolites)
    model.add_reactions(reactions)
    if problem is not None:
        terms = {reactions[column]: problem.objective[column] for column in np.flatnonzero(problem.objective)}
        model.objective = terms
        model.objective_direction = problem.direction
    return model


def _check(
    network: Network, problem: Problem, added: list[Any]
) -> tuple[list[str], PricedOptimum | NoOptimum]:
    """Return the proposal, and the best objective that our own solver finds with it."""
    row_of = {name: row for row, name in enumerate(network.metabolites)}
    entries = []
    for column, reaction in enumerate(added):
        for metabolite, value in reaction.metabolites.items():
            entries.append((row_of.setdefault(metabolite.id, len(row_of)), column, float(value)))
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    extra = sparse.csc_array(
        (np.array(values, dtype=float), (np.array(rows, dtype=int), np.array(columns, dtype=int))),
        shape=(len(row_of), len(added)),
    )
    old = network.stoichiometry
    padded = sparse.vstack([old, sparse.csc_array((len(row_of) - old.shape[0], old.shape[1]))])
    found = steady_state(sparse.csc_array(sparse.hstack([padded, extra]))).solve(
        np.append(problem.lower, [reaction.lower_bound for reaction in added]),
        np.append(problem.upper, [reaction.upper_bound for reaction in added]),
        np.append(-problem.objective, np.zeros(len(added))),
    )
    return [reaction.id for reaction in added], found


def _reached(
    checked: list[tuple[list[str], PricedOptimum | NoOptimum]], least: float
) -> tuple[list[GapFill] | None, list[Certificate]]:
    fills, certificates = [], []
    for names, found in checked:
        if isinstance(found, NoOptimum) or -found.value < least * (1.0 - SHORT):
            return None, []
        fills.append(GapFill(reactions=sorted(names), objective=-found.value + 0.0))
        certificates.append(found.certificate)
    return fills, certificates


def _words(fill: GapFill) -> str:
    if not fill.reactions:
        return f"nothing is missing; the objective reaches {fill.objective:.6g}"
    return f"{', '.join(fill.reactions)} let the objective reach {fill.objective:.6g}"


def _none(request: GapFillingRequest, program: Program, problem: Problem) -> Findings:
    found = unsolved(request, program, problem, NoOptimum("infeasible"))
    words = "Infeasible: no set of the offered reactions lets the objective be reached."
    if program.fluxes.feasible(problem.lower, problem.upper):
        return Findings(problem=problem, status="infeasible", message=f"{words} Offer more of them.")
    return Findings(problem=problem, status="infeasible", message=f"{words} Before it: {found.message}")
