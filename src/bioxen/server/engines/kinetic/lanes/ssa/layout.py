"""Where the working numbers of the stochastic drivers lie: rows of lanes in one array."""

from bioxen.server.engines.kinetic.lanes.events.status import DONE, NEGATIVE_AMOUNT, NOT_FINITE, WORDS
from bioxen.server.engines.kinetic.lanes.random.rows import COUNTER, SEED, STREAM

__all__ = ["COUNTER", "DONE", "NEGATIVE_AMOUNT", "NOT_FINITE", "SEED", "STREAM"]

TIME, NEXT = 0, 1
RANDOM, TOTAL, LOWEST, CHOICE, POINT, ACTIVE, EVENTS, QUIET, START = 5, *range(7, 15)
"""Rows besides those of the random stream: the time, the time of the next firing, two random words, the sum
of the propensities, the lowest of them, the reaction chosen, the time up to which nothing but firings happens
(the next point of the output, or something that jumps), whether the lane has a member, the firings so far,
whether the lane's firing is an ordinary one; then states and parameters, and what the driver adds."""

TOO_MANY_EVENTS, NEGATIVE_PROPENSITY = 1, 4
"""How a member ended, besides what its events may do."""

STATUS = {
    DONE: "ok",
    TOO_MANY_EVENTS: "too many events",
    NOT_FINITE: "not finite",
    NEGATIVE_PROPENSITY: "negative propensity",
    **WORDS,
}
"""What the numbers mean."""

NONE = -1.0
"""The reaction chosen where none fires."""
