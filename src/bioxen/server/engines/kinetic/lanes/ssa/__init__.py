"""Stochastic simulation in lanes: each a trajectory of its own, from its own stream of random numbers."""
