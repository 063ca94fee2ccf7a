"""Where the working numbers of the integrators lie: rows of lanes in one array.

First single rows, then blocks of one row a state, then the parameters, the triggers and the matrices.
"""

from __future__ import annotations

from bioxen.server.engines.kinetic.lanes.simd.compiled import lean

TIME, STEP, MOMENT, END, LIMIT, NEXT, KNOWN, LOW, HIGH = range(9)
"""Times: now, the length of the step, of a stage or sample, of the end of the step, of the end of all, of the
next point of the output, of a discontinuity found ahead, and the bracket around one."""
DUE = 19
"""The time of the next event that was triggered before."""
STOP = 20
"""The next time, found before the run, at which a step must end."""

ERROR, LOG_ERROR, CUT, GROWTH, INVERSE = range(9, 14)
"""The error of the step, the logarithm of the last one, the factor for the next step, the largest allowed,
and one over the step."""

ACTIVE, FRESH, ACCEPTED, STEPS, REJECTED = range(14, 19)
"""Truths as 1 or 0: the lane has a member, begins or had its step cut, accepted its step; counts of steps."""

SINGLES = 21

STATE, NEW, STAGE, SLOPE, STAGES, POLYNOMIAL, SAMPLE, TOLERANCE, RIGHT = 0, 1, 2, 3, 4, 12, 16, 17, 18
BLOCKS = 19
"""Blocks: the state, the state after the step, a stage's state, the rates at the start, eight stages, the
interpolant's four powers, a sample of it, the absolute tolerances, a right side."""

FUNCTION_RATES, FUNCTION_JACOBIAN, FUNCTION_TIME, FUNCTION_TRIGGERS, FUNCTION_MOMENTS = range(5)
FUNCTION_DECOMPOSE, FUNCTION_SOLVE = 5, 6
"""Where each function's address stands in the table of functions."""


@lean
def block(states: int, number: int) -> int:
    """Return the first row of a block."""
    return SINGLES + number * states


@lean
def parameter_row(states: int) -> int:
    """Return the first row of the parameters."""
    return SINGLES + BLOCKS * states


@lean
def trigger_row(states: int, parameters: int) -> int:
    """Return the first row of the triggers remembered; those at a sample follow, then what events need."""
    return parameter_row(states) + parameters
