"""Large numbers in a compact form: one flat column and a shape, not a million objects."""

from __future__ import annotations

from math import prod
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message

Encoding = Literal["numbers", "base64"]
"""`numbers` is JSON; `base64` is little-endian float64, a third of the size and exact, with NaN for null."""


class NumberArray(Message):
    """An array of numbers in row-major order (the last axis varies fastest)."""

    shape: list[Annotated[int, Field(ge=0)]]
    """Length of each axis."""
    numbers: list[float | None] | None = None
    """The values one after the other; null where a value is not a finite number."""
    base64: str | None = None
    """The same as little-endian float64 in base64; NaN where a value is not a finite number."""

    @model_validator(mode="after")
    def _one_form(self) -> NumberArray:
        if (self.numbers is None) == (self.base64 is None):
            raise ValueError("an array has either numbers or base64")
        if self.numbers is not None and len(self.numbers) != prod(self.shape):
            raise ValueError(f"{len(self.numbers)} numbers do not fill the shape {self.shape}")
        return self
