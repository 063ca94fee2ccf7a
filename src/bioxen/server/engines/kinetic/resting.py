"""Steady states of many members: in lanes, audited by libRoadRunner, or one after the other on it alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bioxen.errors import BioXenException
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.audit import BOUND, Difference, verdict
from bioxen.server.engines.kinetic.members import MembersRun, Sample, Study
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.rest import WITHIN, Rest, Settled, Unsettled, at_rest
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.statespace import StateSpace

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.resting_lanes import LanedRest, RestingLanes

COEFFICIENT_BOUND = 1e-4
"""How far a scaled control coefficient may be from libRoadRunner's, whose derivatives are differences."""
_LABEL = "libRoadRunner integration, then Newton"
_NUMBERS = ("residual", "stable", "settled", "rightmost_real", "rightmost_imaginary")


def order_of(study: Study) -> tuple[list[str], list[str]]:
    """Return the names of the states and of the reactions, in libRoadRunner's order."""
    program: Program = study.program
    space = StateSpace(program.prepare(study.fixed), program.facts.rate_targets)
    return space.names, list(program.facts.reactions)


def run_resting(
    study: Study,
    how: Settled,
    order: tuple[list[str], list[str]],
    table: Matrix,
    first: int = 0,
    lanes: RestingLanes | None = None,
    sample: Sample | None = None,
) -> MembersRun:
    """Find the steady state of many members of one model.

    Args:
        study: what they have in common; its grid does not matter.
        how: what is asked of each.
        order: see `order_of`.
        table: members × names, the value of each in each member.
        first: index of the first of these members in the whole study.
        lanes: of the same study; absent for libRoadRunner.
        sample: which members are audited; needed with lanes.

    Raises:
        ValidationError: more than the stoichiometry turns reaction rates into changes.
    """
    run = _empty(len(table), len(study.selections), how, order)
    if lanes is None:
        _one_by_one(run, study, how, table, first, range(len(table)), "")
        return run
    run.settings = {"newton": "lanes", **WITHIN}
    found = lanes.run(table)
    if sample is not None and not _passes(run, study, how, first, found, lanes, sample):
        _one_by_one(run, study, how, table, first, range(len(table)), ", lanes failed the audit")
        return run
    for row in range(len(table)):
        if row in found.failed:
            run.failures.setdefault(found.failed[row], []).append(first + row)
        elif row not in found.stopped:
            _note(run, row, _row(found, row), "lanes integration, then Newton")
    for row, words in sorted(found.stopped.items()):
        _one_by_one(run, study, how, table, first, [row], f", lane stopped: {words}")
    return run


def _empty(members: int, selections: int, how: Settled, order: tuple[list[str], list[str]]) -> MembersRun:
    states, reactions = map(len, order)
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_NUMBERS, ())
    if how.control:
        shapes["fluxes"] = (reactions,)
        shapes["flux_control"] = (reactions, reactions)
        shapes["concentration_control"] = (states, reactions)
    return MembersRun(
        times=np.zeros(0),
        values=np.full((members, 1, selections), np.nan),
        completed=np.zeros(members, dtype=bool),
        series={name: np.full((members, *shape), np.nan) for name, shape in shapes.items()},
    )


def _note(run: MembersRun, row: int, rest: Rest, way: str) -> None:
    run.note(row, rest.values[None, :], way)
    for name, numbers in rest.series.items():
        run.series[name][row] = numbers


def _row(found: LanedRest, row: int) -> Rest:
    return Rest(found.values[row], {name: numbers[row] for name, numbers in found.series.items()})


def _one_by_one(
    run: MembersRun,
    study: Study,
    how: Settled,
    table: Matrix,
    first: int,
    rows: Sequence[int],
    label: str,
) -> None:
    """Run these rows on libRoadRunner; `label` tells why, where lanes were to run them."""
    run.settings = run.settings or dict(WITHIN)
    for done, row in enumerate(rows):
        progress.tell(done, len(rows), "members")
        try:
            found = at_rest(study.program, study.changes(table[row].tolist()), study.selections, how)
        except Unsettled as failure:
            run.failures.setdefault(str(failure), []).append(first + row)
            continue
        except BioXenException as error:
            error.details["member"] = first + row
            raise
        _note(run, row, found, _LABEL + label)


def _passes(
    run: MembersRun,
    study: Study,
    how: Settled,
    first: int,
    found: LanedRest,
    lanes: RestingLanes,
    sample: Sample,
) -> bool:
    """Audit the block; note what was found for those of its members that are run here."""
    here = range(first, first + len(found.values))
    seen: list[tuple[int, Difference | None]] = []
    for member, row in zip(sample.members, sample.table, strict=True):
        one, at = (found, member - first) if member in here else (lanes.run(row[None, :]), 0)
        if at in one.stopped:
            continue  # libRoadRunner answers it anyway
        try:
            reference = at_rest(study.program, study.changes(row.tolist()), study.selections, how)
        except Unsettled as failure:
            same = one.failed.get(at) == str(failure)
            seen.append((member, Difference(0.0, 0.0, acceptable=True) if same else None))
            continue
        seen.append((member, None if at in one.failed else _difference(_row(one, at), reference, how)))
    passes = all(off is not None and off.acceptable for _, off in seen)
    run.audit = verdict([off for member, off in seen if member in here], len(here), refused=not passes)
    return passes


def _difference(mine: Rest, reference: Rest, how: Settled) -> Difference:
    """Return how far a steady state is off; each output is its own measure."""
    gap = np.abs(mine.values - reference.values)
    size = np.abs(reference.values)
    off = float((gap / (how.absolute + how.relative * size)).max(initial=0.0))
    relative = float(np.divide(gap, size, out=np.zeros_like(gap), where=size > 0).max(initial=0.0))
    acceptable = off <= BOUND and _same(mine.series["stable"], reference.series["stable"])
    if how.control:
        for name in ("flux_control", "concentration_control"):
            one, other = mine.series[name], reference.series[name]
            distance = np.abs(one - other) / (1.0 + np.abs(other))
            known = np.isfinite(one) & np.isfinite(other)
            acceptable = acceptable and bool((distance[known] <= COEFFICIENT_BOUND).all())
    return Difference(off, relative, acceptable)


def _same(mine: Matrix, other: Matrix) -> bool:
    """Whether two stabilities agree; undecided agrees with both."""
    return bool(np.isnan(mine) or np.isnan(other) or mine == other)
