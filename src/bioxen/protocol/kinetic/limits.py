"""What holds for the limits of a range, whichever message has them."""

from __future__ import annotations

from typing import Literal

from bioxen.protocol.base import mistake_at


def check_order(lower: float, upper: float) -> None:
    """Check that a range is not empty.

    Raises:
        PydanticCustomError: it is.
    """
    if lower >= upper:
        raise mistake_at("upper", f"lower {lower:g} is not below upper {upper:g}")


def check_range(lower: float, upper: float, scale: Literal["auto", "linear", "log"]) -> None:
    """Check that a range is not empty, and that a logarithmic one begins above 0.

    Raises:
        PydanticCustomError: it is, or it does not.
    """
    check_order(lower, upper)
    if scale == "log" and lower <= 0:
        raise mistake_at("lower", f"a logarithmic range begins above 0, not at {lower:g}")
