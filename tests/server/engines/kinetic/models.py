"""Small models whose answers are known, and the one way tests run a request on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.kinetic import KineticResult
from bioxen.server.bytecode.source import ModelFormat, ModelSource, digest_of
from bioxen.server.engines.kinetic import KineticEngine

FloatArray = NDArray[np.float64]

DECAY = "species A = 10; A => ; k*A; k = 0.5;"
GENE_EXPRESSION = """
species m = 0, p = 0;
=> m; k1;  m => ; d1*m;  => p; k2*m;  p => ; d2*p;
k1 = 10; d1 = 0.5; k2 = 2; d2 = 0.1;
"""
REPRESSILATOR = """
species pX = 0, pY = 0, pZ = 0, mX = 0, mY = 20, mZ = 0;
=> mX; a0 + a/(1 + pZ^n); mX => ; mX;  => mY; a0 + a/(1 + pX^n); mY => ; mY;
=> mZ; a0 + a/(1 + pY^n); mZ => ; mZ;
=> pX; b*mX; pX => ; b*pX;  => pY; b*mY; pY => ; b*pY;  => pZ; b*mZ; pZ => ; b*pZ;
a0 = 0.2; a = 200; n = 2; b = 5;
"""
BIRTH_DEATH = "species S = 10; => S; birth; S => ; death*S; birth = 5; death = 0.1;"
KITCHEN_SINK = """
compartment C = 2;
species S1 in C, S2 in C, $B in C;
substanceOnly species H in C;
S1 = 10; S2 = 4*k; B = 3; H = 7;
k = 0.5; kd = 2*k; x = S1*2; q := 3*p; p = 3; z = 1; z' = -0.1*z; y = p*3; y' = 1;
S1 => S2; k*S1*C; S2 => ; kd*S2*C; H => ; 0.1*H;
at time > 2: p = 9;
"""
"""Everything that a reset must bring back: rules of each kind, initial assignments, an event, a volume."""

DELAYED = """
P = 1.5; Q = 0; R = 0; R' = 1;
E0: at 2.5 after P > 1, t0 = false, fromTrigger = false: P = P^2;
E1: at time > 9: Q = Q + 1;
"""
"""A delayed event that fires at the start: libRoadRunner's reset leaves it waiting."""

EQUALITY = "P = 1.5; Q = 0; R = 0; R' = P; at R == 1e9: Q = Q + 1;"
"""An event that lanes could step over."""


def source_of(text: str, text_format: ModelFormat = "antimony") -> ModelSource:
    """Return the model as the engine gets it."""
    return ModelSource(text, text_format, digest_of(text))


def run(
    engine: KineticEngine, text: str, process_code: str = "kinetic_ode", /, **request: Any
) -> KineticResult:
    """Return the result of one request on a freshly compiled model."""
    payload = {"process_code": process_code, **request}
    return engine.run(engine.parse(payload), engine.compile(source_of(text)))


def series(result: KineticResult, selection: str) -> FloatArray:
    """Return one trajectory as numbers; null becomes NaN."""
    assert result.species_trajectories is not None, result.message
    return np.array([np.nan if v is None else v for v in result.species_trajectories[selection]], dtype=float)


def plain(result: KineticResult) -> str:
    """Return the result's JSON without the measured time."""
    return result.model_dump_json()
