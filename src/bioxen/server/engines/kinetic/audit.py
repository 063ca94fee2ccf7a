"""Members in lanes beside libRoadRunner: which are looked at, how far they are off, and what is too far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bioxen.protocol.kinetic import Audit
from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.integrate import IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix

_SHARE = 250
"""One member of so many is looked at, and one of every block at least."""
_TIGHTER = 100.0
"""How many times tighter the tolerances of the audit are than the request's."""
_TIGHTEST = 1e-13
BOUND = 100.0
"""A difference of so many tolerances is what one expects of a long integration."""
_TIMES_WORSE = 10.0
"""Beyond the bound, how many times libRoadRunner's error at the request's tolerances is still accepted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one member in lanes is from libRoadRunner."""

    in_tolerances: float
    relative: float
    acceptable: bool


def audited(block: range) -> list[int]:
    """Return which members of a block are looked at: places that wander from block to block."""
    count = -(-len(block) // _SHARE)
    shift = block.start // len(block) * 0.6180339887498949 % 1.0
    return sorted({block.start + int((place + shift) % count / count * len(block)) for place in range(count)})


def difference(
    program: Program,
    changes: Sequence[Change],
    grid: tuple[float, float, int],
    selections: Sequence[str],
    tolerances: Tolerances,
    values: Matrix,
    wanted: Callable[[Matrix], Matrix],
) -> Difference | None:
    """Return how far `values` are off; `None` where libRoadRunner has no answer.

    `wanted` gives, of the rows of a grid, those that `values` has.
    """
    tight = Tolerances(max(tolerances.relative / _TIGHTER, _TIGHTEST), tolerances.absolute / _TIGHTER)
    reference = _course(program, changes, grid, selections, tight)
    if reference is None or not np.isfinite(reference).all():
        return None
    here = wanted(reference)
    off = _in_tolerances(values, here, tolerances)
    largest = np.abs(reference).max(axis=0)
    gap = np.abs(values - here).max(axis=0)
    relative = float(np.divide(gap, largest, out=np.zeros_like(gap), where=largest > 0).max())
    acceptable = off <= BOUND
    if not acceptable:  # over a long time, or where a difference of large numbers is reported, all are off
        same = _course(program, changes, grid, selections, tolerances)
        acceptable = same is not None and off <= _TIMES_WORSE * _in_tolerances(wanted(same), here, tolerances)
    return Difference(off, relative, acceptable)


def verdict(differences: Sequence[Difference | None], members: int, *, refused: bool) -> Audit:
    """Return what is reported of a block, or the part of it, that has so many members."""
    known = [one for one in differences if one is not None]
    return Audit(
        members=len(known),
        largest_in_tolerances=max((one.in_tolerances for one in known), default=None),
        largest_relative=max((one.relative for one in known), default=None),
        refused=members if refused else 0,
    )


def _course(
    program: Program,
    changes: Sequence[Change],
    grid: tuple[float, float, int],
    selections: Sequence[str],
    tolerances: Tolerances,
) -> Matrix | None:
    try:
        return integrate(program, changes, grid, selections, tolerances).table[:, 1:]
    except IntegrationFailure:
        return None


def _in_tolerances(values: Matrix, reference: Matrix, tolerances: Tolerances) -> float:
    allowed = tolerances.absolute + tolerances.relative * np.abs(reference)
    return float((np.abs(values - reference) / allowed).max())
