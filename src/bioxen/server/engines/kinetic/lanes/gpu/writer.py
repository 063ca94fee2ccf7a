"""Numbers, variables and loops of one function, written as LLVM IR: what the drivers are described in.

The same description becomes PTX and machine code of the CPU, so the tests run what a GPU would run. Products
and sums may be fused (`contract`), as in the drivers of the lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

DOUBLE, WORD, TRUTH, POINTER = ir.DoubleType(), ir.IntType(64), ir.IntType(1), ir.PointerType()
_FUSED = ("contract",)


@dataclass(frozen=True, eq=False)
class Number:
    """A double with the operators of one; comparisons give truths."""

    builder: Any
    value: Any

    def _with(self, other: Number | float) -> Any:
        return other.value if isinstance(other, Number) else ir.Constant(DOUBLE, float(other))

    def _made(self, value: Any) -> Number:
        return Number(self.builder, value)

    def __add__(self, other: Number | float) -> Number:
        return self._made(self.builder.fadd(self.value, self._with(other), flags=_FUSED))

    def __sub__(self, other: Number | float) -> Number:
        return self._made(self.builder.fsub(self.value, self._with(other), flags=_FUSED))

    def __rsub__(self, other: float) -> Number:
        return self._made(self.builder.fsub(self._with(other), self.value, flags=_FUSED))

    def __mul__(self, other: Number | float) -> Number:
        return self._made(self.builder.fmul(self.value, self._with(other), flags=_FUSED))

    def __truediv__(self, other: Number | float) -> Number:
        return self._made(self.builder.fdiv(self.value, self._with(other)))

    def __rtruediv__(self, other: float) -> Number:
        return self._made(self.builder.fdiv(self._with(other), self.value))

    def __lt__(self, other: Number | float) -> Any:
        return self._compared("<", other)

    def __le__(self, other: Number | float) -> Any:
        return self._compared("<=", other)

    def __gt__(self, other: Number | float) -> Any:
        return self._compared(">", other)

    def __ge__(self, other: Number | float) -> Any:
        return self._compared(">=", other)

    def same(self, other: Number | float) -> Any:
        """Return the truth that both are equal."""
        return self._compared("==", other)

    def _compared(self, sign: str, other: Number | float) -> Any:
        return self.builder.fcmp_ordered(sign, self.value, self._with(other))

    __radd__, __rmul__ = __add__, __mul__


class Writer:
    """Writes into one function; a `truth` is a value of LLVM's i1, an index one of i64."""

    def __init__(self, module: ir.Module, name: str, parameters: Sequence[Any]) -> None:
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), parameters), name)
        self.function.attributes.add("nounwind")
        self.arguments: Sequence[Any] = self.function.args
        self._entry = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.builder = ir.IRBuilder(self.function.append_basic_block("body"))

    def finish(self) -> None:
        """End the function."""
        self.builder.ret_void()
        self._entry.branch(self.function.blocks[1])

    def index(self, value: int) -> Any:
        """Return a whole number."""
        return ir.Constant(WORD, value)

    def number(self, value: float | Any) -> Number:
        """Return a constant, or a value of IR, as a number."""
        return Number(self.builder, value if isinstance(value, ir.Value) else ir.Constant(DOUBLE, value))

    def array(self, rows: int) -> Any:
        """Return the address of so many doubles of the thread's own."""
        return self._entry.alloca(DOUBLE, ir.Constant(WORD, max(rows, 1)))

    def variable(self, value: Number) -> Variable:
        """Return a number that may change."""
        return Variable(self, self._entry.alloca(DOUBLE), value)

    def counter(self, value: Any) -> Counter:
        """Return a whole number that may change."""
        return Counter(self, self._entry.alloca(WORD), value)

    def address(self, base: Any, index: Any, kind: Any = DOUBLE) -> Any:
        """Return the address of element `index`."""
        place = index if isinstance(index, ir.Value) else self.index(index)
        return self.builder.gep(base, [place], source_etype=kind)

    def load(self, base: Any, index: Any = 0) -> Number:
        """Return a number of an array."""
        return self.number(self.builder.load(self.address(base, index), align=8, typ=DOUBLE))

    def load_whole(self, base: Any, index: Any, kind: Any = WORD) -> Any:
        """Return a whole number of an array of `kind`, as a word."""
        found = self.builder.load(self.address(base, index, kind), typ=kind)
        return found if kind == WORD else self.builder.sext(found, WORD)

    def store(self, base: Any, index: Any, value: Number) -> None:
        """Write a number of an array."""
        self.builder.store(value.value, self.address(base, index), align=8)

    def store_whole(self, base: Any, index: Any, value: Any) -> None:
        """Write a word of an array of words."""
        self.builder.store(value, self.address(base, index, WORD))

    def call(self, function: Any, *arguments: Any) -> None:
        """Call a function that returns nothing."""
        self.builder.call(function, arguments)

    def intrinsic(self, name: str, *values: Number) -> Number:
        """Return the result of LLVM's own function of doubles."""
        kind = ir.FunctionType(DOUBLE, [DOUBLE] * len(values))
        function = self.builder.module.declare_intrinsic(name, [DOUBLE], kind)
        return self.number(self.builder.call(function, [value.value for value in values]))

    def magnitude(self, value: Number) -> Number:
        """Return the absolute value."""
        return self.intrinsic("llvm.fabs", value)

    def root(self, value: Number) -> Number:
        """Return the square root."""
        return self.intrinsic("llvm.sqrt", value)

    def choose(self, condition: Any, yes: Number, no: Number | float) -> Number:
        """Return one of two numbers."""
        other = no if isinstance(no, Number) else self.number(no)
        return self.number(self.builder.select(condition, yes.value, other.value))

    def larger(self, left: Number, right: Number | float) -> Number:
        """Return the larger of two; a NaN on the left gives the right one."""
        return self.choose(left > right, left, right)

    def smaller(self, left: Number, right: Number | float) -> Number:
        """Return the smaller of two; a NaN on the left gives the right one."""
        return self.choose(left < right, left, right)

    def bits(self, value: Number) -> Any:
        """Return the bits of a number as a word."""
        return self.builder.bitcast(value.value, WORD)

    def from_bits(self, word: Any) -> Number:
        """Return the number that has these bits."""
        return self.number(self.builder.bitcast(word, DOUBLE))

    def both(self, *truths: Any) -> Any:
        """Return the truth that all hold."""
        found = truths[0]
        for truth in truths[1:]:
            found = self.builder.and_(found, truth)
        return found

    def either(self, left: Any, right: Any) -> Any:
        """Return the truth that one of two holds."""
        return self.builder.or_(left, right)

    @contextmanager
    def when(self, condition: Any) -> Iterator[None]:
        """Write what is done where `condition` holds."""
        with self.builder.if_then(condition):
            yield

    @contextmanager
    def loop(self, count: Any) -> Iterator[Any]:
        """Write what is done for each index below `count`."""
        at = self.counter(self.index(0))
        with self.repeat(lambda: self.builder.icmp_signed("<", at.get(), count)):
            yield at.get()
            at.set(self.builder.add(at.get(), self.index(1)))

    @contextmanager
    def repeat(self, going: Callable[[], Any]) -> Iterator[None]:
        """Write what is done again as long as the truth that `going` writes holds."""
        head, body, after = (self.function.append_basic_block(name) for name in ("head", "again", "after"))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        self.builder.cbranch(going(), body, after)
        self.builder.position_at_end(body)
        yield
        self.builder.branch(head)
        self.builder.position_at_end(after)

    def each(self, count: int, write: Callable[[Any], None]) -> None:
        """Write what is done for each index below `count`."""
        with self.loop(self.index(count)) as position:
            write(position)


class Variable:
    """A number that may change."""

    def __init__(self, writer: Writer, address: Any, value: Number) -> None:
        self._writer, self._address = writer, address
        self.set(value)

    def get(self) -> Number:
        """Return its present value."""
        return self._writer.load(self._address)

    def set(self, value: Number) -> None:
        """Give it another value."""
        self._writer.store(self._address, 0, value)


class Counter:
    """A whole number that may change."""

    def __init__(self, writer: Writer, address: Any, value: Any) -> None:
        self._writer, self._address = writer, address
        self.set(value)

    def get(self) -> Any:
        """Return its present value."""
        return self._writer.load_whole(self._address, 0)

    def set(self, value: Any) -> None:
        """Give it another value."""
        self._writer.store_whole(self._address, 0, value)
