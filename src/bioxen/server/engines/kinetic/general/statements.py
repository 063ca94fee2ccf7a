"""Statements that compute values from values, put in an order in which each finds what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.general.arithmetic import NAMES

Compiled = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """`v[target] = text`."""

    target: int
    text: str
    needs: frozenset[int]


def ordered(statements: Iterable[Statement], names: Sequence[str]) -> list[Statement]:
    """Return the statements so that each comes after those that give what it needs.

    Raises:
        InvalidModelError: they need each other in a circle.
    """
    by_target = {statement.target: statement for statement in statements}
    graph = {
        target: sorted(need for need in statement.needs if need in by_target)
        for target, statement in sorted(by_target.items())
    }
    try:
        return [by_target[target] for target in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = sorted({names[slot] for slot in error.args[1]})
        raise InvalidModelError(
            f"The rules of the model need each other in a circle: {', '.join(circle)}.",
            details={"construct": "a circle of rules", "remedy": "Break the circle."},
        ) from None


def reached(statements: Iterable[Statement], needs: Iterable[int]) -> list[Statement]:
    """Return the statements that give what is needed, and what those need."""
    by_target = {statement.target: statement for statement in statements}
    found: dict[int, Statement] = {}
    waiting = [*needs]
    while waiting:
        slot = waiting.pop()
        if slot in by_target and slot not in found:
            found[slot] = by_target[slot]
            waiting.extend(by_target[slot].needs)
    return [*found.values()]


def compiled(statements: Sequence[Statement], names: Mapping[str, Any]) -> Compiled:
    """Return a function of (t, v, R, D) that runs the statements, in which `names` are known."""
    body = [f"    v[{statement.target}] = {statement.text}" for statement in statements] or ["    pass"]
    return _function("\n".join(["def f(t, v, R, D):", *body]), names)


def expression(text: str, names: Mapping[str, Any]) -> Compiled:
    """Return a function of (t, v, R, D) that gives the value of `text`, in which `names` are known."""
    return _function(f"def f(t, v, R, D):\n    return {text}", names)


def _function(source: str, names: Mapping[str, Any]) -> Compiled:
    """Compile our own generated text: numbers, slots, `NAMES` and `names`, nothing from the model."""
    scope: dict[str, Any] = {**NAMES, **names}
    try:
        code = compile(source, "<model>", "exec")
    except (SyntaxError, RecursionError, MemoryError):  # what Python says of brackets nested too deeply
        raise InvalidModelError(
            "A formula of the model nests too deeply for the general solver.",
            details={"construct": "a deeply nested formula", "remedy": "Split it over assignment rules."},
        ) from None
    exec(code, scope)  # noqa: S102
    function: Compiled = scope["f"]
    return function
