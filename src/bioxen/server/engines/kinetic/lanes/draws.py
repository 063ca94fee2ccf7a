"""Random draws in formulas: the distributions of SBML's package distrib, brought to one form.

A draw is made anew each time its formula is evaluated, so it is no expression: two equal draws have different
values, and none is shared. Where formulas are read, a draw is an input, filled before they are evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

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


Term = TypeVar("Term")


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw."""

    code: int
    """Its distribution's; see `CODES`."""
    arguments: Sequence[Node]
    """Two arguments, the lower and the upper bound; infinite where the model gives none."""


def draw_of(graph: Graph, name: str, given: Sequence[Node]) -> Draw:
    """Return a draw in its one form.

    Raises:
        Uncovered: the distribution does not take so many arguments.
    """
    return Draw(CODES[name], arranged(name, given, graph.constant))


def arranged(name: str, given: Sequence[Term], number: Callable[[float], Term]) -> list[Term]:
    """Return the four arguments of a draw, those that the model leaves out made by `number`.

    Raises:
        Uncovered: the distribution does not take so many arguments.
    """
    size = _SIZES[name]
    if name in _CENTRED and len(given) == 1:
        given = [number(0.0), *given]
    bounds: Sequence[Term] = (number(-math.inf), number(math.inf))
    if len(given) == size + 2 and name not in _UNBOUNDED:
        given, bounds = given[:size], given[size:]
    if len(given) != size:
        raise Uncovered(f"a draw from {name} with {len(given)} arguments")
    return [*given, *([] if size == 2 else [number(0.0)]), *bounds]
