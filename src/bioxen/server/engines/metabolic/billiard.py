"""Trajectories of a billiard ball in {y: faces·y ≤ limits}, in machine code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.metabolic.kernel.compiled import compiled, entry

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

PARALLEL = 1e-14
"""A ball that nears a face at less than this share of its speed never meets it."""


@entry
def fly(
    faces: Matrix,
    gram: Matrix,
    slacks: Matrix,
    speeds: Matrix,
    states: Matrix,
    ways: Matrix,
    lengths: Vector,
    most: int,
) -> int:
    """Move every ball along its way, off each face it meets, until its length is used up.

    A ball that meets more than `most` faces stays where it was: that keeps the distribution uniform.

    Args:
        faces: unit normals of the faces: face × dimension.
        gram: faces·facesᵀ; empty where it would be too large, and is computed a row at a time.
        slacks: distance of each ball to each face: ball × face. Spent.
        speeds: ways·facesᵀ. Spent.
        states: where the balls are: ball × dimension. Moved.
        ways: unit vectors of their directions. Spent.
        lengths: how far each goes.
        most: most reflections of one ball.

    Returns:
        How many reflections there were.
    """
    total, times, place = 0, np.empty(faces.shape[0]), np.empty(states.shape[1])
    for ball in range(states.shape[0]):
        s, w, way, left, met = slacks[ball], speeds[ball], ways[ball], lengths[ball], 0
        place[:] = states[ball]
        while met <= most:
            first, time = _meets(s, w, left, times)
            for j in range(place.size):
                place[j] += time * way[j]
            if first < 0:
                states[ball] = place
                break
            for i in range(s.size):
                s[i] -= time * w[i]
            s[first] = 0.0
            left -= time
            met += 1
            _turn(faces, gram, first, w, way)
        total += met
    return total


@compiled
def _meets(s: Vector, w: Vector, left: float, times: Vector) -> tuple[int, float]:
    """Return the face that is met first, −1 where none is in the way that is left, and how far it is."""
    for i in range(s.size):
        times[i] = s[i] / w[i] if w[i] > PARALLEL else np.inf
    first, time = -1, left
    for i in range(s.size):
        if times[i] < time:
            first, time = i, times[i]
    return first, max(time, 0.0)  # a face may have been passed by a rounding error


@compiled
def _turn(faces: Matrix, gram: Matrix, face: int, w: Vector, way: Vector) -> None:
    """Reflect the way, and with it the speeds towards all faces."""
    twice, normal = 2.0 * w[face], faces[face]
    if gram.shape[0] > 0:
        row = gram[face]
        for i in range(w.size):
            w[i] -= twice * row[i]
    else:
        for i in range(w.size):
            w[i] -= twice * _dot(faces[i], normal)
    for j in range(way.size):
        way[j] -= twice * normal[j]


@compiled
def _dot(one: Vector, other: Vector) -> float:
    total = 0.0
    for j in range(one.size):
        total += one[j] * other[j]
    return total


def warm_up() -> None:
    """Compile or load `fly`; what it answers here is of no interest."""
    unit = np.ones((1, 1))
    fly(unit, unit, unit.copy(), unit.copy(), unit.copy(), unit.copy(), np.ones(1), 1)
