"""How the events of a member can end it."""

DONE = 0
NOT_FINITE, NEGATIVE_AMOUNT = 2, 5
UNDRAWN, BROKEN, ENDLESS, BAD_DELAY, CROWDED, RESTLESS = 6, 7, 8, 9, 10, 11
"""Numbers that the drivers use for nothing else."""

WORDS = {
    NEGATIVE_AMOUNT: "fell below zero molecules",
    UNDRAWN: "a random draw from no distribution: its arguments or bounds have no meaning",
    BROKEN: "an event set a species to no whole number of molecules",
    ENDLESS: "events set each other off without end",
    BAD_DELAY: "the delay of an event is negative or no number",
    CROWDED: "too many events wait for their delays",
    RESTLESS: "the time alone switches it too often",
}
"""What they mean."""
