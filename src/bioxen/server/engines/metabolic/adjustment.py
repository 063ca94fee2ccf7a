"""MOMA: where the fluxes of a changed cell go when they stay near those of the unchanged one."""

from __future__ import annotations

import math

import numpy as np

from bioxen.protocol.metabolic import LinearMomaRequest, MomaRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.problem import build_problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.quadratic import CLARABEL_VERSION, nearest
from bioxen.server.engines.metabolic.reference import adjusted, feasible, least_shift, measured, reference_of
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved


def moma(request: MomaRequest, program: Program) -> Findings:
    """Return the fluxes at the least Euclidean distance from the reference."""
    problem = build_problem(request, program.network)
    before = reference_of(request, program, problem)
    if isinstance(before, Findings):
        return before
    if not feasible(program, problem):
        return unsolved(request, program, problem, NoOptimum("infeasible"))
    weight = before.compared.astype(float)
    found = nearest(program.fluxes, problem.lower, problem.upper, before.fluxes, weight)
    if isinstance(found, NoOptimum):
        return unsolved(request, program, problem, found)
    adjustment = measured("euclidean", math.sqrt(2.0 * found.value), before, program)
    settings: dict[str, Setting] = {"solver": f"Clarabel {CLARABEL_VERSION}"}
    return adjusted(request, program, problem, found.x, adjustment, found.certificate, settings)


def linear_moma(request: LinearMomaRequest, program: Program) -> Findings:
    """Return the fluxes at the least sum of absolute differences from the reference."""
    problem = build_problem(request, program.network)
    before = reference_of(request, program, problem)
    if isinstance(before, Findings):
        return before
    found = least_shift(program, problem, before, np.tile(before.compared.astype(float), 2))
    if isinstance(found, NoOptimum):
        return unsolved(request, program, problem, found)
    adjustment = measured("manhattan", found.value, before, program)
    return adjusted(request, program, problem, found.fluxes, adjustment, found.certificate, {})
