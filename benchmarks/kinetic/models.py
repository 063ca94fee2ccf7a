"""The models of the measurements, as SBML."""

from __future__ import annotations

import antimony

GENE = """model expression
-> M; km; M -> ; gm*M; -> P; kp*M; P -> ; gp*P;
km = 0.5; gm = 0.1; kp = 2; gp = 0.05; M = 0; P = 0; end"""
REPRESSILATOR = """model repressilator
-> m1; a0 + a/(1 + (p3/K)^n); -> m2; a0 + a/(1 + (p1/K)^n); -> m3; a0 + a/(1 + (p2/K)^n);
m1 -> ; km*m1; m2 -> ; km*m2; m3 -> ; km*m3; -> p1; kt*m1; -> p2; kt*m2; -> p3; kt*m3;
p1 -> ; kp*p1; p2 -> ; kp*p2; p3 -> ; kp*p3;
a0 = 0.03; a = 30; K = 40; n = 2; km = 0.35; kt = 7; kp = 0.07; m1 = 10; m2 = 0; m3 = 0;
p1 = 20; p2 = 0; p3 = 0; end"""


def sbml_of(text: str) -> str:
    """Return Antimony as SBML."""
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise ValueError(antimony.getLastError())
    return str(antimony.getSBMLString())


def chain(length: int) -> str:
    """Return a chain of reversible enzymes between two fixed ends."""
    names = ["X0", *(f"S{i}" for i in range(1, length + 1)), "X1"]
    lines = [
        "model chain",
        "const species $X0 = 10, $X1 = 1;",
        *(f"species {name} = 1;" for name in names[1:-1]),
    ]
    for i in range(length + 1):
        a, b = names[i], names[i + 1]
        law = f"v{i}*({a} - {b}/{1.5 + i % 3})/(1 + {a} + {b})"
        lines.append(f"J{i}: {a} -> {b}; {law}; v{i} = {1 + i % 7 * 0.5};")
    return sbml_of("\n".join([*lines, "end"]))
