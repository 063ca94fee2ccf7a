"""Studies over many members: ensembles, scans, global sensitivities, or a part of one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import (
    EnsembleRequest,
    Feature,
    KineticBatchRequest,
    MembersRequest,
    Part,
    SampledRequest,
    ScanRequest,
)
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.audit import audited
from bioxen.server.engines.kinetic.changes import Change, bare, changes_of, check_varied
from bioxen.server.engines.kinetic.control import refuse_without_control
from bioxen.server.engines.kinetic.integrate import Tolerances
from bioxen.server.engines.kinetic.members import MembersRun, Sample, Study
from bioxen.server.engines.kinetic.outputs import MAX_VALUES, selections_of, units_for
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.rest import COEFFICIENTS, Settled
from bioxen.server.engines.kinetic.routing import told
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.ssa import Stochastic, refuse_unsound
from bioxen.server.engines.kinetic.steady_state import refuse_driven
from bioxen.server.engines.kinetic.variants import way_of_variants
from bioxen.server.engines.kinetic.ways import Way, way_for
from bioxen.server.engines.studies.audits import merged
from bioxen.server.engines.studies.block import Block
from bioxen.server.engines.studies.conclude import conclude, times_of
from bioxen.server.engines.studies.designs import design, varied_names
from bioxen.server.engines.studies.features import features_of
from bioxen.server.engines.studies.histograms import check_edges
from bioxen.server.engines.studies.totals import Totals, added, totals_of


def study(request: MembersRequest, program: Program) -> Answer:
    """Return what `request` asks of its members.

    Raises:
        UnknownIdentifierError: the model lacks what varies.
        ValidationError: a rule computes what varies, or the answer would be too large.
        InvalidModelError: stochastic simulation would be unsound on this model, or lanes were insisted on.
    """
    place, names = _place(request), varied_names(request)
    check_varied(names, place, program.facts)
    _refuse_method(request, program)
    selections = selections_of(request.outputs, program.facts)
    _check_room(request, len(selections))
    if isinstance(request, SampledRequest):
        check_edges(request, selections)
    fixed = changes_of(request, program.facts)
    own_values = _own_values(request, program, fixed)
    block, settings = _run(request, _common(request, program, names, selections, fixed), own_values)
    found = conclude(request, block)
    seed = getattr(request, "seed", None)
    settings |= told(request) | found.settings
    if not found.completed:
        return failed(found.message, settings, seed)
    return Answer(
        message=found.message,
        settings=settings,
        seed=seed,
        time_vector=times_of(block, found),
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
    native = [program.facts.native(name) for name in names]
    varied = {bare(name) for name in native}
    return Study(
        program=program,
        names=native,
        grid=(request.time_start, request.time_end, request.time_points),
        selections=selections,
        how=_how(request),
        fixed=[change for change in fixed if change.symbol not in varied],
        ends_only=not request.sends_values and request.kept == "features" and request.features == ["final"],
        seed=request.seed if isinstance(request, SampledRequest) else 0,
    )


def _how(request: MembersRequest) -> Tolerances | Stochastic | Settled:
    within = request.relative_tolerance, request.absolute_tolerance
    method = request.method if isinstance(request, SampledRequest) else "ode"
    if isinstance(request, SampledRequest) and method in ("ssa", "tau_leaping"):
        return Stochastic(request.seed, request.epsilon if method == "tau_leaping" else None)
    return Tolerances(*within) if method == "ode" else Settled(method == "control", *within)


def _refuse_method(request: MembersRequest, program: Program) -> None:
    """Make sure that the method suits the model.

    Raises:
        InvalidModelError: stochastic simulation would be unsound on it.
        ValidationError: it has no steady state, or nothing that has control.
    """
    method = request.method if isinstance(request, SampledRequest) else "ode"
    if method in ("ssa", "tau_leaping"):
        refuse_unsound(program)
    elif method == "steady_state":
        refuse_driven(program)
    elif method == "control":
        refuse_without_control(program)


def _run(
    request: MembersRequest, study: Study, own_values: Mapping[str, float]
) -> tuple[Block, dict[str, Setting]]:
    way = _way(request, study)
    sent = request.sends_features
    wanted = list(dict.fromkeys(request.features)) if _counts(request) else sent
    part, size = request.members_of_part, request.block_size
    table = design(request, own_values)
    way.expect(table, part.start)
    runs: list[MembersRun] = []
    features: list[Matrix] = []
    values: list[Matrix] = []
    totals = Totals()
    for start in range(part.start // size * size, part.stop, size):
        block = range(start, min(start + size, request.member_count))
        members = range(max(start, part.start), min(block.stop, part.stop))
        rows = table[members.start - part.start : members.stop - part.start]
        sample = _sample(request, audited(block), table, own_values) if way.in_lanes else None
        run = way.run(rows, members.start, sample)
        found = features_of(
            run.times, run.values, wanted, request.relative_tolerance, request.absolute_tolerance
        )
        features.append(found[:, [wanted.index(name) for name in sent]])
        if isinstance(request, SampledRequest) and request.kept == "summary":
            new = _totals(request, study, run, wanted, found)
            totals = added([totals, new]) if runs else new
        if request.sends_values:
            values.append(run.values)
        if not _keeps_coefficients(request):
            run.series = {name: every for name, every in run.series.items() if name not in COEFFICIENTS}
        run.values = np.empty(0)
        runs.append(run)
    names = () if request.part is not None and request.kept == "summary" else tuple(study.names)
    joined = Block(
        first=part.start,
        names=names,
        table=table[:, : len(names)],
        completed=np.concatenate([run.completed for run in runs]),
        failures=_merged(runs),
        methods=_counted(runs),
        outputs=list(study.selections),
        times=np.zeros(0) if isinstance(study.how, Settled) else np.linspace(*study.grid),
        feature_names=sent,
        features=np.concatenate(features),
        values=np.concatenate(values) if values else None,
        audit=merged(run.audit for run in runs),
        series={name: np.concatenate([run.series[name] for run in runs]) for name in runs[0].series},
        axes=way.axes,
        totals=totals,
    )
    settings = next((run.settings for run in runs if run.settings), {})
    return joined, {**settings, "lanes": way.why_not} if way.why_not else dict(settings)


def _way(request: MembersRequest, study: Study) -> Way:
    if isinstance(request, KineticBatchRequest):
        return way_of_variants(request, study)
    return way_for(request, study)


def _totals(
    request: SampledRequest, study: Study, run: MembersRun, wanted: list[Feature], features: Matrix
) -> Totals:
    numbers = {"values": run.values} | {n: a for n, a in run.series.items() if n in COEFFICIENTS}
    done = {name: every[run.completed] for name, every in numbers.items()}
    return totals_of(request, done, study.selections, wanted, features[run.completed])


def _counts(request: MembersRequest) -> bool:
    """Whether features are counted in histograms here."""
    return isinstance(request, SampledRequest) and request.report == "summary" and bool(request.edges)


def _keeps_coefficients(request: MembersRequest) -> bool:
    return request.kept != "summary" or request.sends_values


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
    per_member = request.points if request.sends_values else len(request.sends_features)
    total = len(request.members_of_part) * per_member * outputs
    if total > MAX_VALUES:
        raise ValidationError(
            f"{len(request.members_of_part)} members would give {total} values; {MAX_VALUES} is the limit.",
            details={
                "place": "report",
                "remedy": "Ask for features, fewer points or fewer outputs; or for one `part` at a time.",
            },
        )
