"""Random draws in formulas: the distributions of SBML's package distrib, brought to one form.

A draw is made anew each time its formula is evaluated, so it is no expression: two equal draws have different
values, and none is shared. Where formulas are read, a draw is an input, filled before they are evaluated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import libsbml

from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

DISTRIBUTIONS: Final = {
    libsbml.AST_DISTRIB_FUNCTION_NORMAL: "normal",
    libsbml.AST_DISTRIB_FUNCTION_UNIFORM: "uniform",
    libsbml.AST_DISTRIB_FUNCTION_BERNOULLI: "bernoulli",
    libsbml.AST_DISTRIB_FUNCTION_BINOMIAL: "binomial",
    libsbml.AST_DISTRIB_FUNCTION_CAUCHY: "cauchy",
    libsbml.AST_DISTRIB_FUNCTION_CHISQUARE: "chisquare",
    libsbml.AST_DISTRIB_FUNCTION_EXPONENTIAL: "exponential",
    libsbml.AST_DISTRIB_FUNCTION_GAMMA: "gamma",
    libsbml.AST_DISTRIB_FUNCTION_LAPLACE: "laplace",
    libsbml.AST_DISTRIB_FUNCTION_LOGNORMAL: "lognormal",
    libsbml.AST_DISTRIB_FUNCTION_POISSON: "poisson",
    libsbml.AST_DISTRIB_FUNCTION_RAYLEIGH: "rayleigh",
}
"""MathML's functions, as libSBML numbers them."""
CODES: Final = {name: code for code, name in enumerate(DISTRIBUTIONS.values())}
"""The number of each distribution."""
_SIZES: Final = {
    **dict.fromkeys(("normal", "uniform", "binomial", "cauchy", "gamma", "laplace", "lognormal"), 2),
    **dict.fromkeys(("bernoulli", "chisquare", "exponential", "poisson", "rayleigh"), 1),
}
"""Arguments without the bounds."""
_CENTRED: Final = frozenset({"cauchy", "laplace"})
"""With a single argument, the scale, these lie around zero."""
_UNBOUNDED: Final = frozenset({"uniform", "bernoulli"})
"""Nothing truncates these."""
ARGUMENTS: Final = 4
"""Numbers that a draw takes in its one form: two arguments, and between what it lies."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw."""

    code: int
    """Its distribution's; see `CODES`."""
    arguments: tuple[Node, Node, Node, Node]
    """Two arguments, the lower and the upper bound; infinite where the model gives none."""


def draw_of(graph: Graph, name: str, given: list[Node]) -> Draw:
    """Return a draw in its one form.

    Raises:
        Uncovered: the distribution does not take so many arguments.
    """
    size = _SIZES[name]
    if name in _CENTRED and len(given) == 1:
        given = [graph.zero, *given]
    bounds = [graph.constant(-math.inf), graph.constant(math.inf)]
    if len(given) == size + 2 and name not in _UNBOUNDED:
        given, bounds = given[:size], given[size:]
    if len(given) != size:
        raise Uncovered(f"a draw from {name} with {len(given)} arguments")
    first, second = given if size == 2 else (given[0], graph.zero)
    return Draw(CODES[name], (first, second, bounds[0], bounds[1]))
