"""The general solver: every construct of SBML's semantics, one trajectory at a time, for what is rare.

libRoadRunner is fast and covers most models. This solver covers the rest: algebraic rules, delays, fast
reactions, and events whose order is drawn at random. It reads the same SBML, writes each formula as Python,
and integrates with SciPy from one discontinuity to the next. Python makes it slow.
"""

from __future__ import annotations

from bioxen.server.engines.kinetic.general.course import METHODS, simulate
from bioxen.server.engines.kinetic.general.equations import Equations

__all__ = ["METHODS", "Equations", "simulate"]
