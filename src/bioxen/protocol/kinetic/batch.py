"""Many variants of one simulation in one request, each with changes and a seed of its own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.kinetic.members import MAX_MEMBERS, SampledRequest
from bioxen.protocol.kinetic.request import Seed
from bioxen.protocol.units import Identifier, Quantity


class KineticVariant(Message):
    """How one variant differs; what it names comes in place of the request's own value of the same name."""

    parameters: dict[Identifier, Quantity] = Field(default_factory=dict)
    """Parameter, `reaction.parameter` or compartment id → value."""
    initial_conditions: dict[Identifier, Quantity] = Field(default_factory=dict)
    """`S` (amount) or `[S]` (concentration) → value at the start."""
    seed: Seed | None = None
    """Of this variant alone; where absent, it follows from the request's seed and the variant's number."""


class KineticBatchRequest(SampledRequest):
    """One simulation of many variants that are given one by one; member i is variant i.

    Each is what it would be in a request of its own with its seed: an integration within the tolerances, a
    stochastic trajectory to the last bit. For that `auto` runs members of the method `ssa` as `kinetic_ssa`
    does; the engine `lanes` gives other trajectories of the same distribution.
    """

    title: ClassVar[str] = "one simulation of many variants"
    counted_by: ClassVar[str] = "variants"

    process_code: Literal["kinetic_batch"] = "kinetic_batch"
    variants: Annotated[list[KineticVariant], Field(min_length=1, max_length=MAX_MEMBERS)]
    total: Annotated[int, Field(ge=1, le=MAX_MEMBERS)] | None = None
    """How many variants the whole has, where `variants` are those of `part` alone, which is whole blocks."""

    @property
    def member_count(self) -> int:
        """The number of variants of the whole."""
        return self.total or len(self.variants)

    @property
    def offset(self) -> int:
        """The index of the first of `variants` in the whole."""
        return self.part.first if self.total and self.part else 0

    @model_validator(mode="after")
    def _part_of_the_total(self) -> KineticBatchRequest:
        if self.total is None:
            return self
        if self.part is None or self.part.count != len(self.variants):
            raise mistake_at("part", "with total, part says which of the variants these are, and has as many")
        end, size = self.part.first + self.part.count, self.block_size
        if self.part.first % size or (end % size and end != self.total):
            raise mistake_at("part", f"with total, it is blocks of {size} variants, audited together")
        return self
