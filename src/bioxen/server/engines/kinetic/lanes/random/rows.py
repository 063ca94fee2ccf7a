"""Where the state of a lane's random stream lies among a driver's working numbers: rows of lanes."""

COUNTER, STREAM, SEED = 2, 3, 4
"""Rows of words, one after the other: numbers drawn so far, the number of the stream, its seed."""
