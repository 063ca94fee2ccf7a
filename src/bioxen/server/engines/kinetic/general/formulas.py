"""One SBML formula as a Python expression.

In the text, `t` is the time and `v` the list of all values. `R` notes the outcome of each comparison and each
rounding on its way: two evaluations that note the same took the same branches, so nothing jumped between
them. `D(k, t, tau)` is the value of the delayed expression number `k`. `W` draws at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import libsbml

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.general.arithmetic import AVOGADRO
from bioxen.server.engines.kinetic.general.beginning import literal
from bioxen.server.engines.kinetic.general.reading import refused
from bioxen.server.engines.kinetic.lanes.draws import CODES, DISTRIBUTIONS, arranged
from bioxen.server.engines.kinetic.mathtree import children

_FUNCTIONS = {
    getattr(libsbml, f"AST_FUNCTION_{name.upper()}"): name
    for name in (
        *(
            "exp",
            "ln",
            "sin",
            "cos",
            "tan",
            "sec",
            "csc",
            "cot",
            "sinh",
            "cosh",
            "tanh",
            "sech",
            "csch",
            "coth",
        ),
        *("arcsin", "arccos", "arctan", "arcsec", "arccsc", "arccot", "factorial", "abs"),
        *("arcsinh", "arccosh", "arctanh", "arcsech", "arccsch", "arccoth"),
    )
}
_COMPARISONS = {
    libsbml.AST_RELATIONAL_EQ: "==",
    libsbml.AST_RELATIONAL_GEQ: ">=",
    libsbml.AST_RELATIONAL_GT: ">",
    libsbml.AST_RELATIONAL_LEQ: "<=",
    libsbml.AST_RELATIONAL_LT: "<",
}
_CONSTANTS = {
    libsbml.AST_NAME_TIME: "t",
    libsbml.AST_NAME_AVOGADRO: repr(AVOGADRO),
    libsbml.AST_CONSTANT_E: repr(2.718281828459045),
    libsbml.AST_CONSTANT_PI: repr(3.141592653589793),
    libsbml.AST_CONSTANT_TRUE: "True",
    libsbml.AST_CONSTANT_FALSE: "False",
}
_ROUNDINGS = {libsbml.AST_FUNCTION_FLOOR: "floor", libsbml.AST_FUNCTION_CEILING: "ceil"}
_WHOLE = {libsbml.AST_FUNCTION_QUOTIENT: "quotient({}, {})", libsbml.AST_FUNCTION_REM: "remainder({}, {})"}
_POWERS = (libsbml.AST_POWER, libsbml.AST_FUNCTION_POWER)
_EXTREMES = {libsbml.AST_FUNCTION_MIN: "min", libsbml.AST_FUNCTION_MAX: "max"}


class Writer:
    """Writes formulas and notes what they need."""

    def __init__(self, value: Callable[[str], int], rate: Callable[[str], int]) -> None:
        """Take what gives the slot of an identifier's value, and of its rate of change."""
        self._value = value
        self._rate = rate
        self.needs: set[int] = set()
        self.delayed: list[Any] = []
        """The delayed expressions; the index of each is its number."""
        self.switches = False
        """Whether anything written so far may jump."""
        self.draws = 0
        """Random draws written so far."""
        self._drawing = ""

    @contextmanager
    def drawing(self, *, once: bool) -> Iterator[None]:
        """Let what is written draw at random: at each evaluation, or `once` for all of them."""
        self._drawing = "once" if once else "draw"
        try:
            yield
        finally:
            self._drawing = ""

    def write(self, node: Any) -> str:
        """Return `node` as a Python expression in brackets, where it needs them."""
        kind, parts = node.getType(), children(node)
        if node.isNumber():
            return _number(node.getValue())
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind in {libsbml.AST_NAME, libsbml.AST_FUNCTION_RATE_OF}:
            named = kind == libsbml.AST_NAME
            return self._slot(self._value(node.getName()) if named else self._rate(parts[0].getName()))
        if kind == libsbml.AST_FUNCTION_DELAY:
            self.delayed.append(parts[0].deepCopy())
            return f"D({len(self.delayed) - 1}, t, {self.write(parts[1])})"
        if kind in DISTRIBUTIONS:
            return self._draw(DISTRIBUTIONS[kind], [self.write(part) for part in parts])
        return self._operation(node, kind, [self.write(part) for part in parts])

    def _draw(self, distribution: str, parts: list[str]) -> str:
        if not self._drawing:
            raise refused(
                "a random draw outside of initial assignments, event assignments and delays",
                "Draw in an event that fires when a new number is wanted, and name what it assigns.",
            )
        number = f"{self.draws}, " if self._drawing == "once" else ""
        self.draws += 1
        arguments = ", ".join(arranged(distribution, parts, literal))
        return f"W.{self._drawing}({number}{CODES[distribution]}, {arguments})"

    def _slot(self, slot: int) -> str:
        self.needs.add(slot)
        return f"v[{slot}]"

    def _operation(self, node: Any, kind: int, parts: list[str]) -> str:  # noqa: PLR0911 - one line a kind
        if kind in _FUNCTIONS:
            return f"{_FUNCTIONS[kind]}({parts[0]})"
        if kind == libsbml.AST_PLUS:
            return f"({' + '.join(parts) or '0.0'})"
        if kind == libsbml.AST_TIMES:
            return f"({' * '.join(parts) or '1.0'})"
        if kind == libsbml.AST_MINUS:
            return f"(-{parts[0]})" if len(parts) == 1 else f"({parts[0]} - {parts[1]})"
        if kind == libsbml.AST_DIVIDE:
            return f"divide({parts[0]}, {parts[1]})"
        if kind in _POWERS:
            return f"power({parts[0]}, {parts[1]})"
        if kind == libsbml.AST_FUNCTION_ROOT:
            return f"root({parts[0]}, {parts[1]})" if len(parts) == 2 else f"root(2.0, {parts[0]})"
        if kind == libsbml.AST_FUNCTION_LOG:
            return f"logarithm({parts[0]}, {parts[1]})" if len(parts) == 2 else f"logarithm(10.0, {parts[0]})"
        if kind in _EXTREMES:
            return f"{_EXTREMES[kind]}([{', '.join(parts)}])"
        if node.isLogical() or kind == libsbml.AST_LOGICAL_IMPLIES:
            return _logical(kind, parts)
        return self._jump(kind, parts)

    def _jump(self, kind: int, parts: list[str]) -> str:
        self.switches = True
        if kind in _ROUNDINGS:
            return f"R(whole({_ROUNDINGS[kind]}, {parts[0]}))"
        if kind in _WHOLE:
            return f"(R(quotient({parts[0]}, {parts[1]})), {_WHOLE[kind].format(*parts)})[1]"
        if kind == libsbml.AST_RELATIONAL_NEQ:
            return f"R({parts[0]} != {parts[1]})"
        if kind in _COMPARISONS:
            return f"R({f' {_COMPARISONS[kind]} '.join(parts)})" if len(parts) > 1 else "True"
        if kind == libsbml.AST_FUNCTION_PIECEWISE:
            return _piecewise(parts)
        raise InvalidModelError(
            "A formula of the model has an operator that the general solver does not know.",
            details={"remedy": "Write it with the functions of SBML Level 3."},
        )


def _number(value: float) -> str:
    text = repr(float(value))
    return f"({text})" if text.startswith("-") else text


def _logical(kind: int, parts: list[str]) -> str:
    if kind == libsbml.AST_LOGICAL_NOT:
        return f"(not {parts[0]})"
    if kind == libsbml.AST_LOGICAL_AND:
        return f"all([{', '.join(parts)}])"
    if kind == libsbml.AST_LOGICAL_OR:
        return f"any([{', '.join(parts)}])"
    if kind == libsbml.AST_LOGICAL_IMPLIES:
        return f"((not {parts[0]}) or {parts[1]})"
    return f"(sum(map(bool, [{', '.join(parts)}])) % 2 == 1)"


def _piecewise(parts: list[str]) -> str:
    """Return nested conditionals; without an otherwise, what no piece covers is NaN."""
    pairs = len(parts) // 2
    text = parts[-1] if len(parts) % 2 else "nan"
    for index in reversed(range(pairs)):
        text = f"({parts[2 * index]} if {parts[2 * index + 1]} else {text})"
    return text
