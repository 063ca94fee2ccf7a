"""Steady states of ensembles, their stability, and how they answer to small changes."""
