"""How the variants of a batch are run: those of a block that change the same things, together.

What one leaves alone, the model computes: an initial assignment may make it follow from what the variant
changes. So a variant is never filled up with the values that the model has without any change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bioxen.errors import BioXenException
from bioxen.protocol.kinetic import KineticBatchRequest, KineticVariant
from bioxen.server.engines.kinetic.audit import audited
from bioxen.server.engines.kinetic.changes import bare, changes_of
from bioxen.server.engines.kinetic.members import MembersRun, Sample, Study
from bioxen.server.engines.kinetic.rest import Settled
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.ssa import Stochastic, needs_lanes
from bioxen.server.engines.kinetic.ways import Way, way_for
from bioxen.server.engines.studies.audits import merged
from bioxen.server.engines.studies.designs import member_seed

_FEWEST_OF_A_BLOCK = 8
"""Variants of a block that change the same things, from which on `auto` takes the lanes: each group is
audited by itself, which takes as long as running one or two of its members."""
_ALONE = "each variant is the trajectory of a request of its own"
_FEW = f"only where {_FEWEST_OF_A_BLOCK} variants of a block change the same"


@dataclass(frozen=True, slots=True)
class _Group:
    """Variants of a block that change the same things."""

    members: list[int]
    """Their indices in the whole, rising."""
    study: Study
    """Member i of it is the i-th of them."""
    table: Matrix
    whole: bool
    """Whether every variant of the block changes these."""


def way_of_variants(request: KineticBatchRequest, study: Study) -> Way:
    """Return what runs the variants of `request`, of which `study` says what they have in common."""
    if isinstance(study.how, Settled) and study.how.control:
        axes = way_for(request.model_copy(update={"engine": "libroadrunner"}), study).axes
    else:
        axes = None
    return Way(
        lambda table, first, _: _run(request, study, range(first, first + len(table))),
        in_lanes=False,  # each group is audited here
        axes=axes,
    )


def _run(request: KineticBatchRequest, study: Study, members: range) -> MembersRun:
    """Run some members of one block."""
    runs: list[tuple[list[int], MembersRun]] = []
    for group in _groups(request, study, _block(request, members.start)):
        here = [index for index, member in enumerate(group.members) if member in members]
        if here:
            mine = [group.members[index] - members.start for index in here]
            runs.append((mine, _run_group(request, group, slice(here[0], here[-1] + 1))))
    return _gathered(runs, len(members))


def _block(request: KineticBatchRequest, member: int) -> range:
    size = request.block_size
    start = member // size * size
    return range(start, min(start + size, request.member_count))


def _groups(request: KineticBatchRequest, study: Study, block: range) -> list[_Group]:
    alike: dict[tuple[str, ...], list[int]] = {}
    for member in block:
        variant = _variant(request, member)
        alike.setdefault((*sorted(variant.parameters), "", *sorted(variant.initial_conditions)), []).append(
            member
        )
    return [_group(request, study, members, len(alike) == 1) for members in alike.values()]


def _variant(request: KineticBatchRequest, member: int) -> KineticVariant:
    return request.variants[member - request.offset]


def _group(request: KineticBatchRequest, study: Study, members: list[int], whole: bool) -> _Group:
    facts = study.program.facts
    first = _variant(request, members[0])
    try:
        given = {"parameters": first.parameters, "initial_conditions": first.initial_conditions}
        changes_of(request.model_copy(update=given), facts)
    except BioXenException as error:
        raise _placed(error, request, members[0]) from None
    parameters, starts = sorted(first.parameters), sorted(first.initial_conditions)
    names = [facts.native(name) for name in (*parameters, *starts)]
    varied = {bare(name) for name in names}
    rows = [
        [*(one.parameters[name] for name in parameters), *(one.initial_conditions[name] for name in starts)]
        for one in (_variant(request, member) for member in members)
    ]
    own = replace(
        study,
        names=names,
        fixed=[change for change in study.fixed if change.symbol not in varied],
        seeds=[_seed(request, member) for member in members],
    )
    table = np.array(rows, dtype=float).reshape(len(members), len(names))
    return _Group(members, own, table, whole)


def _seed(request: KineticBatchRequest, member: int) -> int:
    own = _variant(request, member).seed
    return member_seed(request.seed, member) if own is None else own


def _run_group(request: KineticBatchRequest, group: _Group, here: slice) -> MembersRun:
    way, why_not = _way(request, group)
    sample = _sample(group) if way.in_lanes else None
    try:
        run = way.run(group.table[here], here.start, sample)
    except BioXenException as error:
        index = error.details.pop("member", None)
        if index is None:
            raise
        raise _placed(error, request, group.members[index]) from None
    run.failures = {
        words: [group.members[index] for index in indices] for words, indices in run.failures.items()
    }
    if why_not and run.settings:
        run.settings = {**run.settings, "lanes": why_not}
    return run


def _way(request: KineticBatchRequest, group: _Group) -> tuple[Way, str]:
    """Return what runs a group, and why that is not the lanes."""
    why_not = ""
    if request.engine == "auto":
        how = group.study.how
        if isinstance(how, Stochastic) and how.epsilon is None and not needs_lanes(group.study.program):
            why_not = _ALONE
        elif not (isinstance(how, Stochastic) or group.whole) and len(group.members) < _FEWEST_OF_A_BLOCK:
            why_not = _FEW
    asked = request.model_copy(update={"engine": "libroadrunner"}) if why_not else request
    way = way_for(asked, group.study)
    return way, why_not or way.why_not


def _sample(group: _Group) -> Sample:
    """Return the members that the audit looks at; their places wander from block to block."""
    start, count = group.members[0], len(group.members)
    indices = [member - start for member in audited(range(start, start + count))]
    return Sample(indices, group.table[indices])


def _gathered(runs: Sequence[tuple[list[int], MembersRun]], count: int) -> MembersRun:
    """Return runs of some members each as one; a run says at which rows its members stand."""
    if len(runs) == 1:
        return runs[0][1]
    head = runs[0][1]
    whole = MembersRun(
        times=head.times,
        values=_filled(count, head.values),
        completed=np.zeros(count, dtype=bool),
        settings=next((run.settings for _, run in runs if run.settings), {}),
        audit=merged(run.audit for _, run in runs),
        series={name: _filled(count, numbers) for name, numbers in head.series.items()},
    )
    for rows, run in runs:
        whole.values[rows] = run.values
        whole.completed[rows] = run.completed
        for name, numbers in run.series.items():
            whole.series[name][rows] = numbers
        for words, members in run.failures.items():
            whole.failures.setdefault(words, []).extend(members)
        for way, number in run.methods.items():
            whole.methods[way] = whole.methods.get(way, 0) + number
    whole.failures = {words: sorted(members) for words, members in whole.failures.items()}
    return whole


def _filled(count: int, like: Matrix) -> Matrix:
    return np.full((count, *like.shape[1:]), np.nan)


def _placed(error: BioXenException, request: KineticBatchRequest, member: int) -> BioXenException:
    """Return an error about one variant with its place among those that the request has."""
    where = f"variants.{member - request.offset}"
    error.details["place"] = f"{where}.{error.place}" if error.place else where
    return error
