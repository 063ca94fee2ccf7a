"""`WIDTH` doubles, or truths, as one value of numba code: each operator is one vector instruction.

numba has no such type, and left to itself LLVM would not vectorise loops over lanes whose arrays may overlap.
No operator mixes lanes, so what a lane holds never depends on its neighbours. A product and a sum may be
fused into one instruction (the machine's own choice, the same for every lane).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import ConcreteTemplate, infer_global
from numba.core.typing.templates import signature as typed
from numba.extending import lower_builtin, models, register_model

from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

DOUBLES = ir.VectorType(ir.DoubleType(), WIDTH)
WORDS = ir.VectorType(ir.IntType(64), WIDTH)
TRUTHS = ir.VectorType(ir.IntType(1), WIDTH)
_FUSED = ("contract",)


class Lanes(types.Type):
    """A double a lane."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{WIDTH}")


class Mask(types.Type):
    """A truth a lane."""

    def __init__(self) -> None:
        super().__init__(name=f"Mask{WIDTH}")


Vector = Any
"""What annotations call lanes: a checker cannot know numba's operators."""

lanes = Lanes()
mask = Mask()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, DOUBLES)


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, TRUTHS)


def splat(builder: Any, value: Any, kind: Any = DOUBLES) -> Any:
    """Emit a vector with `value` in every lane."""
    index = ir.IntType(32)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, index(0))
    order = ir.Constant(ir.VectorType(index, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), order)


def _widened(builder: Any, kind: Any, value: Any) -> Any:
    return value if kind == lanes else splat(builder, value)


_PAIRS = ((lanes, lanes), (lanes, types.float64), (types.float64, lanes))


def _binary(operation: Any, result: Any, emit: Callable[[Any, Any, Any], Any]) -> None:
    """Give `operation` a meaning for lanes and lanes, lanes and a number, a number and lanes."""

    @infer_global(operation)
    class _Template(ConcreteTemplate):
        key = operation
        cases = [typed(result, *pair) for pair in _PAIRS]  # noqa: RUF012 - numba's own form

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (_widened(builder, *pair) for pair in zip(sig.args, args, strict=True))
        return emit(builder, left, right)

    for pair in _PAIRS:
        lower_builtin(operation, *pair)(lower)


def _comparison(operation: Any, sign: str) -> None:
    _binary(operation, mask, lambda builder, a, b: builder.fcmp_ordered(sign, a, b))


_binary(operator.add, lanes, lambda builder, a, b: builder.fadd(a, b, flags=_FUSED))
_binary(operator.sub, lanes, lambda builder, a, b: builder.fsub(a, b, flags=_FUSED))
_binary(operator.mul, lanes, lambda builder, a, b: builder.fmul(a, b, flags=_FUSED))
_binary(operator.truediv, lanes, lambda builder, a, b: builder.fdiv(a, b))
_comparison(operator.lt, "<")
_comparison(operator.le, "<=")
_comparison(operator.gt, ">")
_comparison(operator.ge, ">=")
_comparison(operator.eq, "==")


@infer_global(operator.neg)
class _Negation(ConcreteTemplate):
    key = operator.neg
    cases = [typed(lanes, lanes)]  # noqa: RUF012


@lower_builtin(operator.neg, lanes)
def _negate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.fneg(args[0])
