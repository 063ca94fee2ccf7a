"""numba's own way to emit instructions, with a type that checkers understand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from numba.extending import intrinsic


def machine(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation of compiled code from what gives its types and emits its instructions."""
    return cast("Callable[..., Any]", intrinsic(function))
