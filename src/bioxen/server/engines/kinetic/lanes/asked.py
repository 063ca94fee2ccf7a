"""Whether what is asked of the drivers of lanes has a meaning; one check for all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.errors import ValidationError
from bioxen.server.engines.kinetic.lanes.simd.contract import Runnable
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

Floats = NDArray[np.float64]


def check_courses(program: Runnable, y: Floats, p: Floats, times: Floats, start: float) -> None:
    """Refuse numbers that are no courses of `program`.

    Args:
        program: the model.
        y: [members][states]
        p: [members][parameters]
        times: when to report.
        start: the time of `y`.

    Raises:
        ValidationError: the shapes do not fit, or the times do not rise from `start`.
    """
    if program.width != WIDTH:
        raise ValidationError(
            f"The program works on {program.width} members at a time, the drivers on {WIDTH}.",
            details={"place": "width", "remedy": "Build the program without naming a width."},
        )
    shapes = (
        y.shape[1:] == (len(program.states),),
        p.shape[1:] == (len(program.parameters),),
        len(y) == len(p),
    )
    if y.ndim != 2 or p.ndim != 2 or not all(shapes):
        raise ValidationError(
            f"States and parameters have the shapes {y.shape} and {p.shape}.",
            details={"place": "states", "remedy": "Give a row a member, a column a state or parameter."},
        )
    if times.ndim != 1 or not times.size or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise ValidationError(
            "The times are not rising numbers.", details={"place": "times", "remedy": "Give them in order."}
        )
    if not np.isfinite(start) or start > times[0]:
        raise ValidationError(
            "The start lies after the first time.",
            details={"place": "start", "remedy": "Start at the first time or earlier."},
        )
