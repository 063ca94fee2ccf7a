"""Studies over many members: ensembles, scans, global sensitivities, or a part of one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import (
    EnsembleRequest,
    MembersRequest,
    Part,
    SampledRequest,
    ScanRequest,
)
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.audit import audited
from bioxen.server.engines.kinetic.changes import Change, bare, changes_of, check_varied
from bioxen.server.engines.kinetic.integrate import Tolerances
from bioxen.server.engines.kinetic.members import MembersRun, Sample, Study, run_members
from bioxen.server.engines.kinetic.outputs import MAX_VALUES, selections_of, units_for
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.routing import lanes_for
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.ssa import Stochastic, refuse_unsound
from bioxen.server.engines.studies.audits import merged
from bioxen.server.engines.studies.block import Block
from bioxen.server.engines.studies.conclude import conclude
from bioxen.server.engines.studies.designs import design, varied_names
from bioxen.server.engines.studies.features import features_of


def study(request: MembersRequest, program: Program) -> Answer:
    """Return what `request` asks of its members.

    Raises:
        UnknownIdentifierError: the model lacks what varies.
        ValidationError: a rule computes what varies, or the answer would be too large.
        InvalidModelError: stochastic simulation would be unsound on this model, or lanes were insisted on.
    """
    place, names = _place(request), varied_names(request)
    check_varied(names, place, program.facts)
    selections = selections_of(request.outputs, program.facts)
    _check_room(request, len(selections))
    fixed = changes_of(request, program.facts)
    own_values = _own_values(request, program, fixed)
    block, settings = _run(request, _common(request, program, names, selections, fixed), own_values)
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
        audit=block.audit,
        summary=found.summary,
        global_sensitivity=found.global_sensitivity,
    )


def _common(
    request: MembersRequest,
    program: Program,
    names: tuple[str, ...],
    selections: list[str],
    fixed: list[Change],
) -> Study:
    how: Tolerances | Stochastic = Tolerances(request.relative_tolerance, request.absolute_tolerance)
    if isinstance(request, SampledRequest) and request.method == "ssa":
        refuse_unsound(program)
        how = Stochastic(request.seed)
    native = [program.facts.native(name) for name in names]
    varied = {bare(name) for name in native}
    return Study(
        program=program,
        names=native,
        grid=(request.time_start, request.time_end, request.time_points),
        selections=selections,
        how=how,
        fixed=[change for change in fixed if change.symbol not in varied],
    )


def _run(
    request: MembersRequest, study: Study, own_values: Mapping[str, float]
) -> tuple[Block, dict[str, Setting]]:
    lanes, why_not = lanes_for(request, study)
    part, size = request.members_of_part, request.block_size
    table = design(request, own_values)
    if lanes:
        lanes.expect(table, part.start)
    runs: list[MembersRun] = []
    features: list[Matrix] = []
    values: list[Matrix] = []
    for start in range(part.start // size * size, part.stop, size):
        block = range(start, min(start + size, request.member_count))
        members = range(max(start, part.start), min(block.stop, part.stop))
        rows = table[members.start - part.start : members.stop - part.start]
        sample = _sample(request, audited(block), table, own_values) if lanes else None
        run = run_members(study, rows, members.start, lanes, sample)
        features.append(features_of(run.times, run.values, request.features, request.relative_tolerance))
        if request.kept != "features":
            values.append(run.values)
        run.values = np.empty(0)
        runs.append(run)
    joined = Block(
        first=part.start,
        names=tuple(study.names),
        table=table,
        completed=np.concatenate([run.completed for run in runs]),
        failures=_merged(runs),
        methods=_counted(runs),
        outputs=list(study.selections),
        times=runs[0].times,
        feature_names=list(dict.fromkeys(request.features)),
        features=np.concatenate(features),
        values=np.concatenate(values) if values else None,
        audit=merged(run.audit for run in runs),
    )
    settings = next((run.settings for run in runs if run.settings), {})
    return joined, {**settings, "lanes": why_not} if why_not else dict(settings)


def _sample(
    request: MembersRequest, members: list[int], table: Matrix, own_values: Mapping[str, float]
) -> Sample:
    """Return the members that the audit looks at; those outside of the part are made for it."""
    part = request.members_of_part
    rows = [
        table[member - part.start] if member in part else design(_alone(request, member), own_values)[0]
        for member in members
    ]
    return Sample(members, np.array(rows).reshape(len(members), table.shape[1]))


def _alone(request: MembersRequest, member: int) -> MembersRequest:
    return request.model_copy(update={"part": Part(first=member, count=1)})


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
