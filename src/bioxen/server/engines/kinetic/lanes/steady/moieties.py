"""Conserved moieties: which states a network leaves free, and how the others follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from bioxen.server.engines.kinetic.lanes.program import LaneProgram

Floats = NDArray[np.float64]
_RANK = 1e-10


@dataclass(frozen=True)
class Moieties:
    """States that move freely, and the link from their changes to those of all states."""

    free: NDArray[np.intp]
    """The independent states."""
    link: Floats
    """[states][free]: d(all states) = link · d(free states); the identity in the free rows."""


def moieties(program: LaneProgram) -> Moieties:
    """Return the free states of a program. Where stoichiometries change, all states are."""
    count = len(program.states)
    matrix = program.stoichiometry
    if matrix is None:
        return Moieties(np.arange(count), np.eye(count))
    by_rule = rule_states(program)
    moves = np.hstack([matrix, np.eye(count)[:, by_rule]])
    if not moves.any():
        return Moieties(np.zeros(0, np.intp), np.zeros((count, 0)))
    _, triangle, order = linalg.qr(moves.T, mode="economic", pivoting=True)
    sizes = np.abs(np.diag(triangle))
    rank = int((sizes > _RANK * sizes[0]).sum())
    free = np.sort(order[:rank])
    link = np.asarray(np.linalg.lstsq(moves[free].T, moves.T, rcond=None)[0].T, np.float64)
    link[np.abs(link) < 1e-12] = 0.0
    link[free] = np.eye(rank)
    return Moieties(free.astype(np.intp), link)


def rule_states(program: LaneProgram) -> NDArray[np.intp]:
    """Return the states that rate rules move: their rates are no sums of reactions."""
    matrix = program.stoichiometry
    if matrix is None:
        return np.zeros(0, np.intp)
    names = program.rate_rules
    return np.array([index for index, name in enumerate(program.states) if name in names], np.intp)
