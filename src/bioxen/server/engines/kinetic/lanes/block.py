"""Straight-line LLVM IR on vectors of doubles, as text: one line an instruction.

`contract` lets a product and a sum become one fused operation; nothing else may be reordered.
"""

from __future__ import annotations

import struct

Value = str
"""The name of an IR value, or a constant."""


def splat(value: float) -> Value:
    """Return a vector constant with `value` in every lane."""
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    return f"splat (double 0x{bits:016X})"


def splat_integer(value: int) -> Value:
    """Return a vector constant of 64-bit integers."""
    return f"splat (i64 {value})"


class Block:
    """Instructions of one function, in order. Each method adds one and returns the name of its result."""

    def __init__(self, width: int, *, inline: bool = True) -> None:
        self.width = width
        self.inline = inline
        """Whether functions of our own are written out where they are used."""
        self.lines: list[str] = []
        self.called: set[str] = set()
        """Functions of our own that it calls."""
        self.declared: set[str] = set()
        """Declarations that it needs."""
        self.doubles = f"<{width} x double>"
        self.integers = f"<{width} x i64>"
        self.truths = f"<{width} x i1>"

    def value(self, instruction: str) -> Value:
        """Add an instruction that gives a value."""
        name = f"%v{len(self.lines)}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        """Add an instruction that gives nothing."""
        self.lines.append(f"  {instruction}")

    def add(self, a: Value, b: Value) -> Value:
        """Return a + b."""
        return self.value(f"fadd contract {self.doubles} {a}, {b}")

    def sub(self, a: Value, b: Value) -> Value:
        """Return a - b."""
        return self.value(f"fsub contract {self.doubles} {a}, {b}")

    def mul(self, a: Value, b: Value) -> Value:
        """Return a · b."""
        return self.value(f"fmul contract {self.doubles} {a}, {b}")

    def exact_add(self, a: Value, b: Value) -> Value:
        """Return a + b, rounded by itself."""
        return self.value(f"fadd {self.doubles} {a}, {b}")

    def exact_sub(self, a: Value, b: Value) -> Value:
        """Return a - b, rounded by itself."""
        return self.value(f"fsub {self.doubles} {a}, {b}")

    def exact_mul(self, a: Value, b: Value) -> Value:
        """Return a · b, rounded by itself."""
        return self.value(f"fmul {self.doubles} {a}, {b}")

    def div(self, a: Value, b: Value) -> Value:
        """Return a / b."""
        return self.value(f"fdiv {self.doubles} {a}, {b}")

    def neg(self, a: Value) -> Value:
        """Return -a."""
        return self.value(f"fneg {self.doubles} {a}")

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """Return a · b + c, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def intrinsic(self, name: str, *arguments: Value) -> Value:
        """Return LLVM's own function of vectors; only those are used that the CPU has."""
        return self._call(f"llvm.{name}.v{self.width}f64", self.doubles, arguments)

    def _call(self, name: str, kind: str, arguments: tuple[Value, ...]) -> Value:
        kinds = ", ".join([kind] * len(arguments))
        self.declared.add(f"declare {kind} @{name}({kinds})")
        return self.value(f"call {kind} @{name}({', '.join(f'{kind} {argument}' for argument in arguments)})")

    def call(self, name: str, *arguments: Value) -> Value:
        """Return the result of a function of our own."""
        self.called.add(name)
        passed = ", ".join(f"{self.doubles} {argument}" for argument in arguments)
        return self.value(f"call {self.doubles} @lane_{name}({passed})")

    def by_lane(self, name: str, *arguments: Value) -> Value:
        """Return the result of a function of the C library, called for one lane after the other."""
        result = "poison"
        for lane in range(self.width):
            scalars = [
                self.value(f"extractelement {self.doubles} {argument}, i64 {lane}") for argument in arguments
            ]
            one = self._call(name, "double", tuple(scalars))
            result = self.value(f"insertelement {self.doubles} {result}, double {one}, i64 {lane}")
        return result

    def compare(self, condition: str, a: Value, b: Value) -> Value:
        """Return a truth value for each lane; `condition` as in `fcmp`."""
        return self.value(f"fcmp {condition} {self.doubles} {a}, {b}")

    def logic(self, operation: str, a: Value, b: Value) -> Value:
        """Return a truth value; `operation` is and, or, xor."""
        return self.value(f"{operation} {self.truths} {a}, {b}")

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """Return a where `condition` holds, else b."""
        return self.value(f"select {self.truths} {condition}, {self.doubles} {a}, {self.doubles} {b}")

    def bits(self, a: Value) -> Value:
        """Return the bits of doubles as integers."""
        return self.value(f"bitcast {self.doubles} {a} to {self.integers}")

    def from_bits(self, a: Value) -> Value:
        """Return the doubles that have these bits."""
        return self.value(f"bitcast {self.integers} {a} to {self.doubles}")

    def integer(self, operation: str, a: Value, b: Value) -> Value:
        """Return the result of an operation on integers."""
        return self.value(f"{operation} {self.integers} {a}, {b}")
