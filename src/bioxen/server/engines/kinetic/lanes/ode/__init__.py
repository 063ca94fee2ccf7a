"""Ordinary differential equations in lanes: every lane integrates a member of its own, with its own steps."""
