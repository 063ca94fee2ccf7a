"""The elementary functions that are not machine instructions, as functions in LLVM IR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bioxen.server.engines.kinetic.lanes.block import Block, Value
from bioxen.server.engines.kinetic.lanes.powers import power, power_by_log
from bioxen.server.engines.kinetic.lanes.vectormath import exp, log

FUNCTIONS: Final[dict[str, tuple[Callable[..., Value], int]]] = {
    "exp": (exp, 1),
    "log": (log, 1),
    "pow": (power, 2),
    "power_by_log": (power_by_log, 3),
}


def functions(names: set[str], width: int, declared: set[str]) -> str:
    """Return the definitions of the named functions, after what they and `declared` declare."""
    texts = []
    declared = set(declared)
    for name in sorted(names):
        block = Block(width)
        body, arity = FUNCTIONS[name]
        parameters = [f"%x{index}" for index in range(arity)]
        result = body(block, *parameters)
        listed = ", ".join(f"{block.doubles} {parameter}" for parameter in parameters)
        head = f"define internal {block.doubles} @lane_{name}({listed}) nounwind {{"
        texts += [head, *block.lines, f"  ret {block.doubles} {result}", "}"]
        declared |= block.declared
    return "\n".join([*sorted(declared), *texts])
