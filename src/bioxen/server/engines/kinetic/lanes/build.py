"""From a checked model to a program in lanes."""

from __future__ import annotations

from bioxen.server.engines.kinetic.lanes.content import read
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.system import System
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered


def build(sbml: str, width: int | None = None, *, singly: bool = False) -> LaneProgram:
    """Return the program of `sbml`, the text that the loader gives for a model it has checked.

    Args:
        sbml: the model.
        width: lanes of a vector; this CPU's own where it is `None`.
        singly: for the stochastic simulation alone, which has delays, computed priorities, equalities as
            triggers and random draws in its events.

    Raises:
        Uncovered: the model has a construct that the lanes do not run; it names the construct.
    """
    try:
        program = LaneProgram(System(read(sbml, singly=singly), singly=singly), width or WIDTH)
        if not singly and program.jumps_unforeseen:
            raise Uncovered("a comparison of a curve in time that events move")
    except RecursionError as error:
        raise Uncovered("a formula nested as deep as one of this model") from error
    return program
