"""Tau-leaping: one approximate stochastic trajectory, the same as member 0 of an ensemble with that seed."""

from __future__ import annotations

import numpy as np

from bioxen.protocol.kinetic import TauLeapingRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import changes_of
from bioxen.server.engines.kinetic.members import Study, run_members
from bioxen.server.engines.kinetic.outputs import check_size, selections_of, trajectories_of, units_for
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.routing import lanes_alone
from bioxen.server.engines.kinetic.ssa import Stochastic, refuse_unsound
from bioxen.server.engines.studies.terms import TAU_LEAPING


def tau_leaping(request: TauLeapingRequest, program: Program) -> Answer:
    """Return one approximate realisation, reported on an even grid.

    Raises:
        InvalidModelError: the method would be unsound on this model, or the lanes do not run it.
        ValidationError: the start is not a whole number of molecules.
    """
    refuse_unsound(program)
    selections = selections_of(request.outputs, program.facts)
    check_size(request.time_points, len(selections))
    study = Study(
        program=program,
        names=(),
        grid=(request.time_start, request.time_end, request.time_points),
        selections=selections,
        how=Stochastic(request.seed, request.epsilon),
        fixed=changes_of(request, program.facts),
    )
    run = run_members(study, np.empty((1, 0)), lanes=lanes_alone(study, "process_code"))
    settings: dict[str, Setting] = {"method": "tau-leaping", "kisao": TAU_LEAPING, **run.settings}
    if run.failures:
        return failed(next(iter(run.failures)), settings, request.seed)
    trajectories = trajectories_of(np.column_stack([run.times, run.values[0]]), selections)
    return Answer(
        message=f"One approximate trajectory to time {request.time_end:g} by tau-leaping, "
        f"epsilon {request.epsilon:g}, seed {request.seed}.",
        settings=settings,
        seed=request.seed,
        time_vector=run.times.tolist(),
        trajectories=trajectories,
        final_state=dict(zip(selections, trajectories.last(), strict=True)),
        output_units=units_for(selections, program.facts),
    )
