"""Studies over many members: ensembles, scans, global sensitivities, or a part of one."""

from __future__ import annotations

import numpy as np

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import (
    EnsembleRequest,
    MembersRequest,
    SampledRequest,
    ScanRequest,
)
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import Change, changes_of, check_varied
from bioxen.server.engines.kinetic.integrate import Tolerances
from bioxen.server.engines.kinetic.members import MembersRun, Stochastic, run_members
from bioxen.server.engines.kinetic.outputs import MAX_VALUES, selections_of, units_for
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.studies.block import Block
from bioxen.server.engines.studies.conclude import conclude
from bioxen.server.engines.studies.designs import design, varied_names
from bioxen.server.engines.studies.features import features_of

_BLOCK = 64
"""Members whose whole time courses are in memory at once where features alone are kept."""


def study(request: MembersRequest, program: Program) -> Answer:
    """Return what `request` asks of its members.

    Raises:
        UnknownIdentifierError: the model lacks what varies.
        ValidationError: a rule computes what varies, or the answer would be too large.
        InvalidModelError: stochastic simulation would be unsound on this model.
    """
    place, names = _place(request), varied_names(request)
    check_varied(names, place, program.facts)
    selections = selections_of(request.outputs, program.facts)
    _check_room(request, len(selections))
    fixed = changes_of(request, program.facts)
    own = _own_values(request, program, fixed)
    block, settings = _run(request, program, names, design(request, own), selections, fixed)
    found = conclude(request, block)
    seed = getattr(request, "seed", None)
    settings["method"] = found.method
    if not found.completed:
        return failed(found.message, settings, seed)
    return Answer(
        message=found.message,
        settings=settings,
        seed=seed,
        time_vector=block.times.tolist() if found.summary else None,
        output_units=units_for(selections, program.facts),
        members=found.members,
        summary=found.summary,
        global_sensitivity=found.global_sensitivity,
    )


def _run(
    request: MembersRequest,
    program: Program,
    names: tuple[str, ...],
    table: Matrix,
    selections: list[str],
    fixed: list[Change],
) -> tuple[Block, dict[str, Setting]]:
    how: Tolerances | Stochastic = Tolerances(request.relative_tolerance, request.absolute_tolerance)
    if isinstance(request, SampledRequest) and request.method == "ssa":
        how = Stochastic(request.seed)
    grid = (request.time_start, request.time_end, request.time_points)
    first = request.members_of_part.start
    keeps = request.kept != "features"
    tables: list[MembersRun] = []
    features: list[Matrix] = []
    values: list[Matrix] = []
    for start in range(0, len(table), _BLOCK):
        run = run_members(
            program,
            names,
            table[start : start + _BLOCK],
            grid,
            selections,
            how,
            fixed=fixed,
            first=first + start,
        )
        features.append(features_of(run.times, run.values, request.features, request.relative_tolerance))
        if keeps:
            values.append(run.values)
        run.values = np.empty(0)
        tables.append(run)
    block = Block(
        first=first,
        names=names,
        table=table,
        completed=np.concatenate([run.completed for run in tables]),
        failures=_merged(tables),
        methods=_counted(tables),
        outputs=selections,
        times=tables[0].times,
        feature_names=list(dict.fromkeys(request.features)),
        features=np.concatenate(features),
        values=np.concatenate(values) if keeps else None,
    )
    return block, next((run.settings for run in tables if run.settings), {})


def _merged(runs: list[MembersRun]) -> dict[str, list[int]]:
    merged: dict[str, list[int]] = {}
    for run in runs:
        for words, members in run.failures.items():
            merged.setdefault(words, []).extend(members)
    return merged


def _counted(runs: list[MembersRun]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for run in runs:
        for method, count in run.methods.items():
            counted[method] = counted.get(method, 0) + count
    return counted


def _place(request: MembersRequest) -> str:
    if isinstance(request, EnsembleRequest):
        return "distributions"
    return "axes" if isinstance(request, ScanRequest) else "factors"


def _own_values(request: MembersRequest, program: Program, fixed: list[Change]) -> dict[str, float]:
    """Return the values that distributions of a factor refer to."""
    if not isinstance(request, EnsembleRequest):
        return {}
    names = [name for name, distribution in request.distributions.items() if distribution.relative]
    if not names:
        return {}
    runner = program.prepare(fixed)
    return {name: runner.get(name) for name in names}


def _check_room(request: MembersRequest, outputs: int) -> None:
    per_member = request.time_points if request.kept != "features" else len(request.features)
    total = len(request.members_of_part) * per_member * outputs
    if total > MAX_VALUES:
        raise ValidationError(
            f"{len(request.members_of_part)} members would give {total} values; {MAX_VALUES} is the limit.",
            details={
                "place": "report",
                "remedy": "Ask for features, fewer points or fewer outputs; or for one `part` at a time.",
            },
        )
