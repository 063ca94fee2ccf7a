"""The metabolic engine: COBRApy reads the models, HiGHS solves, and each optimum carries its proof.

reader → network          a model's text as plain arrays
problem                   a request's changes on them
program, solver           warm linear programs and certificates
fba, pfba, fva, ...       one analysis each: build, solve, say what was found
"""

from __future__ import annotations

from bioxen.server.engines.metabolic.engine import MetabolicEngine

__all__ = ["MetabolicEngine"]
