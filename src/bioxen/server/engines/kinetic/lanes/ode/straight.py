"""The elimination of one pattern as machine code without loops: what depends on what stays in registers.

Replaying the tapes waits for memory between any two operations on the same number; a small system is then all
waiting. Large patterns keep the tapes, for they would compile longer than they run.
"""

from __future__ import annotations

from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.ode.elimination import Plan
from bioxen.server.engines.kinetic.lanes.ode.tableaus import RODAS_GAMMA
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

MOST_OPERATIONS = 4000
"""Above this the tapes are replayed."""

_PARAMETERS = "ptr readonly %t, ptr readonly %y, ptr readonly %p, ptr noalias %out"


def straight(plan: Plan) -> Code | None:
    """Return functions `decompose` (of the step at t, the Jacobian at y) and `solve` (factors at y)."""
    if len(plan.factor) + len(plan.forward) + len(plan.backward) > MOST_OPERATIONS:
        return None
    both = separately(plan, WIDTH)
    declaration = _Writer(WIDTH).declaration
    ir = "\n".join([both["decompose"], both["solve"].removeprefix(declaration)])
    return Code(ir, ["decompose", "solve"])


def separately(plan: Plan, width: int) -> dict[str, str]:
    """Return the two functions of `straight` as a module of IR each, for rows of so many lanes."""
    first, second = _Writer(width), _Writer(width)
    return {
        "decompose": f"{first.declaration}\n{first.decompose(plan)}",
        "solve": f"{second.declaration}\n{second.solve(plan)}",
    }


def _number(value: float) -> str:
    return f"splat (double {value!r})"


class _Writer:
    """Writes one function, operation by operation."""

    def __init__(self, width: int) -> None:
        self._kind = f"<{width} x double>"
        self._fused = f"{self._kind} @llvm.fmuladd.v{width}f64"
        self.declaration = f"declare {self._fused}({self._kind}, {self._kind}, {self._kind})"
        self._lines: list[str] = []
        self._count = 0

    def decompose(self, plan: Plan) -> str:
        """Return the function that factors 1/(gamma h) - J; the diagonal of the factors is inverted."""
        step = self._load("%t", 0)
        scaled = self._value(f"fmul {self._kind} {step}, {_number(RODAS_GAMMA)}")
        shift = self._value(f"fdiv {self._kind} {_number(1.0)}, {scaled}")
        held = {int(place): shift for place in plan.diagonal}
        for entry, place in enumerate(map(int, plan.entries)):
            derivative = self._load("%y", entry)
            before = held.get(place, _number(0.0))
            held[place] = self._value(f"fsub {self._kind} {before}, {derivative}")
        tape, cursor = [int(number) for number in plan.factor], 0
        while cursor < len(tape):
            pivot, down, along = tape[cursor : cursor + 3]
            column = tape[cursor + 3 : cursor + 3 + down]
            row = tape[cursor + 3 + down : cursor + 3 + down + along]
            cursor += 3 + down + along
            held[pivot] = self._value(f"fdiv {self._kind} {_number(1.0)}, {held[pivot]}")
            for place in column:
                held[place] = self._value(f"fmul {self._kind} {held[place]}, {held[pivot]}")
                for other in row:
                    target = tape[cursor]
                    before = held.get(target, _number(0.0))
                    held[target] = self._less(before, held[place], held[other])
                    cursor += 1
        for place in range(plan.size):
            self._store(held.get(place, _number(0.0)), place)
        return self._text("decompose")

    def solve(self, plan: Plan) -> str:
        """Return the function that solves for the sum of what is at `out` and at p, and writes to `out`."""
        rows = range(len(plan.diagonal))
        x = [self._value(f"fadd {self._kind} {self._load('%out', i)}, {self._load('%p', i)}") for i in rows]
        tape, cursor = [int(number) for number in plan.forward], 0
        while cursor < len(tape):
            known, count = tape[cursor : cursor + 2]
            cursor += 2
            for _ in range(count):
                target, place = tape[cursor : cursor + 2]
                x[target] = self._less(x[target], self._load("%y", place), x[known])
                cursor += 2
        tape, cursor = [int(number) for number in plan.backward], 0
        while cursor < len(tape):
            target, pivot, count = tape[cursor : cursor + 3]
            cursor += 3
            for _ in range(count):
                known, place = tape[cursor : cursor + 2]
                x[target] = self._less(x[target], self._load("%y", place), x[known])
                cursor += 2
            x[target] = self._value(f"fmul {self._kind} {x[target]}, {self._load('%y', pivot)}")
            self._store(x[target], target)
        return self._text("solve")

    def _value(self, operation: str) -> str:
        self._count += 1
        self._lines.append(f"  %v{self._count} = {operation}")
        return f"%v{self._count}"

    def _address(self, base: str, row: int) -> str:
        return self._value(f"getelementptr {self._kind}, ptr {base}, i64 {row}")

    def _load(self, base: str, row: int) -> str:
        return self._value(f"load {self._kind}, ptr {self._address(base, row)}, align 8")

    def _store(self, value: str, row: int) -> None:
        self._lines.append(f"  store {self._kind} {value}, ptr {self._address('%out', row)}, align 8")

    def _less(self, value: str, left: str, right: str) -> str:
        """Return value - left * right."""
        negative = self._value(f"fneg {self._kind} {left}")
        return self._value(
            f"call {self._fused}({self._kind} {negative}, {self._kind} {right}, {self._kind} {value})"
        )

    def _text(self, name: str) -> str:
        body = "\n".join(self._lines)
        return f"define void @{name}({_PARAMETERS}) nounwind {{\n{body}\n  ret void\n}}"
