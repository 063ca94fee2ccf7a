"""Stochastic simulation in lanes: every lane a trajectory of its own, from its own stream of random numbers."""
