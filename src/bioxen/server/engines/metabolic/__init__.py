"""The metabolic engine: COBRApy reads the models, a tableau or HiGHS solves, and each optimum has its proof.

reader → network          a model's text as plain arrays
problem                   a request's changes on them
program, store            what is kept warm for a model, and on disk
solver                    linear programs and certificates
kernel, highs             the two ways to solve them
fba, pfba, fva, ...       one analysis each: build, solve, say what was found
double                    double deletions and objectives of many variants, as arrays
"""

from __future__ import annotations

from bioxen.server.engines.metabolic.engine import MetabolicEngine

__all__ = ["MetabolicEngine"]
