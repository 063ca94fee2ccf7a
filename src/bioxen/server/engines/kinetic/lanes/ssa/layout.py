"""Where the working numbers of the stochastic drivers lie: rows of lanes in one array."""

TIME, NEXT, COUNTER, STREAM, RANDOM, TOTAL, LOWEST, CHOICE, POINT, ACTIVE, EVENTS, QUIET, START = (
    0,
    1,
    2,
    3,
    4,
    *range(6, 14),
)
"""Rows: the time, the time of the next event, the random stream's counter and number, two random words, the
sum of the propensities, the lowest of them, the reaction chosen, the time of the next point of the output,
whether the lane has a member, the events so far, whether the lane's event is an ordinary one; then states,
parameters, propensities, their sums."""

DONE, TOO_MANY_EVENTS, NOT_FINITE, NEGATIVE_PROPENSITY, NEGATIVE_AMOUNT = 0, 1, 2, 4, 5
"""How a member ended."""
