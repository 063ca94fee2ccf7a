"""Large numbers in a compact form: one flat column and a shape, not a million objects."""

from __future__ import annotations

from math import prod
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message

Encoding = Literal["numbers", "base64", "reference"]
"""`numbers` is JSON; `base64` is little-endian float64, a third of the size and exact, with NaN for null;
`reference` is a file of NumPy's that the orchestrator keeps, and nothing of it is in the result."""


class ArrayReference(Message):
    """A kept array: a file in NumPy's format .npy, little-endian float64 with NaN for null."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """sha256 of the file."""
    size: Annotated[int, Field(ge=0)]
    """Bytes of the file."""
    path: str
    """Where the orchestrator that answered has it: `GET` this path."""


class NumberArray(Message):
    """An array of numbers in row-major order (the last axis varies fastest)."""

    shape: list[Annotated[int, Field(ge=0)]]
    """Length of each axis."""
    numbers: list[float | None] | None = None
    """The values one after the other; null where a value is not a finite number."""
    base64: str | None = None
    """The same as little-endian float64 in base64; NaN where a value is not a finite number."""

    reference: ArrayReference | None = None
    """Where the same is kept as a file."""

    @model_validator(mode="after")
    def _one_form(self) -> NumberArray:
        if [self.numbers, self.base64, self.reference].count(None) != 2:
            raise ValueError("an array has one of numbers, base64 and reference")
        if self.numbers is not None and len(self.numbers) != prod(self.shape):
            raise ValueError(f"{len(self.numbers)} numbers do not fill the shape {self.shape}")
        return self
