"""Where the working numbers of the stochastic drivers lie: rows of lanes in one array."""

TIME, NEXT, COUNTER, STREAM, SEED, RANDOM, TOTAL, LOWEST, CHOICE, POINT, ACTIVE, EVENTS, QUIET, START = (
    *range(6),
    *range(7, 15),
)
"""Rows: the time, the time of the next firing, the random stream's counter, number and seed, two random
words, the sum of the propensities, the lowest of them, the reaction chosen, the time up to which nothing but
firings happens (the next point of the output, or something that jumps), whether the lane has a member, the
firings so far, whether the lane's firing is an ordinary one; then states and parameters, and what the driver
adds."""

DONE, TOO_MANY_EVENTS, NOT_FINITE, NEGATIVE_PROPENSITY, NEGATIVE_AMOUNT = 0, 1, 2, 4, 5
UNDRAWN, BROKEN, ENDLESS, BAD_DELAY, CROWDED = 6, 7, 8, 9, 10
"""How a member ended."""

STATUS = {
    DONE: "ok",
    TOO_MANY_EVENTS: "too many events",
    NOT_FINITE: "not finite",
    NEGATIVE_PROPENSITY: "negative propensity",
    NEGATIVE_AMOUNT: "fell below zero molecules",
    UNDRAWN: "a random draw from no distribution: its arguments or bounds have no meaning",
    BROKEN: "an event set a species to no whole number of molecules",
    ENDLESS: "events set each other off without end",
    BAD_DELAY: "the delay of an event is negative or no number",
    CROWDED: "too many events wait for their delays",
}
"""What the numbers mean."""

NONE = -1.0
"""The reaction chosen where none fires."""
