"""What can be read off a formula without evaluating it: the names in it, and whether it can be negative."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libsbml

TIME = "time"
EVERYTHING = "rateOf"
"""Stands for a formula that may depend on anything."""

_NEVER_NEGATIVE = {
    libsbml.AST_FUNCTION_EXP,
    libsbml.AST_FUNCTION_ABS,
    libsbml.AST_FUNCTION_ROOT,
    libsbml.AST_FUNCTION_FACTORIAL,
    libsbml.AST_NAME_TIME,
    libsbml.AST_NAME_AVOGADRO,
    libsbml.AST_CONSTANT_E,
    libsbml.AST_CONSTANT_PI,
    libsbml.AST_CONSTANT_TRUE,
    libsbml.AST_CONSTANT_FALSE,
}
_POWERS = {libsbml.AST_POWER, libsbml.AST_FUNCTION_POWER}
_LIKE_THEIR_PARTS = {
    libsbml.AST_PLUS,
    libsbml.AST_TIMES,
    libsbml.AST_DIVIDE,
    libsbml.AST_FUNCTION_MIN,
    libsbml.AST_FUNCTION_FLOOR,
    libsbml.AST_FUNCTION_CEILING,
    libsbml.AST_FUNCTION_QUOTIENT,
    libsbml.AST_FUNCTION_REM,
    libsbml.AST_FUNCTION_PIECEWISE,
    *_POWERS,
}


_JUMPS = {
    libsbml.AST_FUNCTION_PIECEWISE,
    libsbml.AST_FUNCTION_FLOOR,
    libsbml.AST_FUNCTION_CEILING,
    libsbml.AST_FUNCTION_QUOTIENT,
    libsbml.AST_FUNCTION_REM,
}


def children(node: Any) -> list[Any]:
    """Return the parts of a formula."""
    return [node.getChild(index) for index in range(node.getNumChildren())]


def walk(node: Any) -> Iterator[Any]:
    """Yield a formula and all its parts, each before its own; without recursion, since a sum may be long."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def names(node: Any) -> Iterator[str]:
    """Yield every identifier in a formula, functions included; the time as `time`."""
    for part in walk(node):
        kind = part.getType()
        if kind in (libsbml.AST_NAME, libsbml.AST_FUNCTION):
            yield part.getName()
        elif kind == libsbml.AST_NAME_TIME:
            yield TIME
        elif kind == libsbml.AST_FUNCTION_RATE_OF:
            yield EVERYTHING


def jumps(node: Any) -> bool:
    """Whether a formula may jump: it has a comparison, a piecewise or a rounding; called functions aside."""
    return any(part.getType() in _JUMPS or part.isRelational() for part in walk(node))


class Signs:
    """Proves that formulas are never negative where every amount and every parameter is at least 0."""

    def __init__(self, definitions: Mapping[str, Any], functions: Mapping[str, Any]) -> None:
        """Take the formulas of assignment rules and the bodies (lambdas) of functions, by id."""
        self._definitions = definitions
        self._functions = functions

    def never_negative(self, node: Any, arguments: Mapping[str, bool] | None = None) -> bool:
        """Whether the formula is proved to be at least 0; false where it is not known."""
        arguments = arguments or {}
        kind, parts = node.getType(), children(node)
        if node.isNumber():
            return bool(node.getValue() >= 0)
        if kind == libsbml.AST_NAME:
            return self._name(node.getName(), arguments)
        if kind == libsbml.AST_FUNCTION and node.getName() in self._functions:
            return self._call(self._functions[node.getName()], parts, arguments)
        if kind in _NEVER_NEGATIVE or node.isBoolean():
            return True
        signs = (self.never_negative(part, arguments) for part in _bearing(kind, parts))
        return any(signs) if kind == libsbml.AST_FUNCTION_MAX else kind in _LIKE_THEIR_PARTS and all(signs)

    def _name(self, name: str, arguments: Mapping[str, bool]) -> bool:
        if name in arguments:
            return arguments[name]
        return name not in self._definitions or self.never_negative(self._definitions[name])

    def _call(self, function: Any, parts: list[Any], arguments: Mapping[str, bool]) -> bool:
        *parameters, body = children(function)
        signs = [self.never_negative(part, arguments) for part in parts]
        bound = {parameter.getName(): sign for parameter, sign in zip(parameters, signs, strict=False)}
        return self.never_negative(body, bound)


def _bearing(kind: int, parts: list[Any]) -> list[Any]:
    """Return the parts that the sign depends on: no conditions, no exponents."""
    if kind in _POWERS:
        return parts[:1]
    return parts[::2] if kind == libsbml.AST_FUNCTION_PIECEWISE else parts
