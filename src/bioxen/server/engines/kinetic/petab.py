"""PEtab problems (version 1): their objective at a point, and their fit.

The petab package parses and checks the tables; the model runs as it is, and the formulas of observables and
noise are evaluated on what it gives.
"""

from __future__ import annotations

import math

from bioxen.protocol.kinetic import PetabFit, PetabRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.conditions import OneByOne
from bioxen.server.engines.kinetic.integrate import REMEDY, IntegrationFailure, Tolerances
from bioxen.server.engines.kinetic.petab_objective import Objective
from bioxen.server.engines.kinetic.petab_tables import tables_of
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.side_by_side import Matrix
from bioxen.server.engines.kinetic.solving import courses_at, solve
from bioxen.server.engines.studies.terms import LOCAL_OPTIMIZATION


def petab(request: PetabRequest, program: Program) -> Answer:
    """Return the likelihood of the measurements, at given parameters or where it is largest.

    Raises:
        MissingModuleError: the petab package is not installed.
        ValidationError: the tables are malformed, or ask for what is not run; the message names it.
        InvalidModelError: the request insists on lanes, which do not run the model.
    """
    tables = tables_of(request, program)
    objective = Objective(request, tables, program)
    tolerances = Tolerances(request.relative_tolerance, request.absolute_tolerance)
    single = OneByOne(program, objective.conditions, tolerances)
    settings: dict[str, Setting] = {
        "relative_tolerance": request.relative_tolerance,
        "absolute_tolerance": request.absolute_tolerance,
        "method": "objective alone",
    }
    if request.fit:
        settings["method"] = "L-BFGS-B"
        settings["kisao"] = LOCAL_OPTIMIZATION
        settings["starts"] = request.starts
        return _fitted(request, objective, single, settings)
    point = objective.given()
    try:
        courses = courses_at(objective, single, point)
    except IntegrationFailure as failure:
        return failed(f"The model could not be integrated: {failure}. {REMEDY}", settings)
    return _answer(objective, point, courses, settings, None, None)


def _fitted(
    request: PetabRequest, objective: Objective, single: OneByOne, settings: dict[str, Setting]
) -> Answer:
    solved = solve(objective, single, request.engine)
    if solved is None:
        return failed(f"The model could not be integrated from any start. {REMEDY}", settings, request.seed)
    reached = [None if run is None else -float(run.fun) for run in solved.runs]
    return _answer(
        objective, solved.best.x, solved.courses, settings | solved.settings, request.seed, reached
    )


def _answer(
    objective: Objective,
    point: Matrix,
    courses: list[Matrix],
    settings: dict[str, Setting],
    seed: int | None,
    reached: list[float | None] | None,
) -> Answer:
    found = objective.likelihood([course[None] for course in courses], point[None, :])
    likelihood = float(found.log_likelihood[0])
    if not math.isfinite(likelihood):
        return failed("The likelihood is no finite number at these parameters.", settings)
    rows = objective.rows
    values = objective.values(point[None, :])
    return Answer(
        message=f"Log-likelihood {likelihood:.10g} of {len(rows)} measurements.",
        settings=settings,
        seed=seed,
        petab=PetabFit(
            log_likelihood=likelihood,
            chi_squared=float((found.residuals[0] ** 2).sum()),
            measurements=len(rows),
            parameters={name: float(value[0, 0]) for name, value in values.items()},
            observable=[row.observable for row in rows],
            condition=[row.condition for row in rows],
            time=[row.time for row in rows],
            measured=[row.measured for row in rows],
            simulated=found.simulated[0].tolist(),
            start_log_likelihoods=reached,
        ),
    )
