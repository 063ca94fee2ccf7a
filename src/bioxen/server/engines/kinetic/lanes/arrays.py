"""Expressions over whole ensembles in numpy: for what is computed once a run, such as initial values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bioxen.server.engines.kinetic.lanes.graph import Graph, Node

Array = NDArray[Any]


def _over_base(power: Array, base: Array, exponent: Array) -> Array:
    return np.where(base == 0, np.power(0.0, exponent - 1), power / base)


def _times_log(power: Array, base: Array) -> Array:
    return np.where(power == 0, 0.0, power * np.log(base))


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "true": lambda: np.True_,
    "false": lambda: np.False_,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "pow": np.power,
    "power_by_log": lambda a, b, _: np.power(a, b),
    "over_base": _over_base,
    "times_log": _times_log,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "factorial": lambda a: special.gamma(a + 1.0),
    "rem": np.fmod,
    "min": np.minimum,
    "max": np.maximum,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
    "not": np.logical_not,
    "number": lambda a: np.asarray(a, dtype=float),
    "truth": lambda a: np.not_equal(a, 0.0),
    "select": np.where,
}


def evaluate(graph: Graph, roots: Sequence[Node], given: Sequence[Array]) -> list[Array]:
    """Return the values of `roots` at time 0, where parameter i of the graph is `given[i]`."""
    values: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for node in graph.reachable(roots):
            operation, arguments = graph.operations[node], graph.arguments[node]
            if operation == "constant":
                values[node] = np.asarray(graph.constants[node])
            elif operation == "time":
                values[node] = np.asarray(0.0)
            elif operation == "parameter":
                values[node] = given[arguments[0]]
            else:
                values[node] = _FUNCTIONS[operation](*(values[argument] for argument in arguments))
    return [values[root] for root in roots]
