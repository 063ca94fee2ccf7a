"""Many variants of one simulation or analysis in one request, each with changes and a seed of its own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.kinetic.findings import VariantAnalysis
from bioxen.protocol.kinetic.members import MAX_MEMBERS
from bioxen.protocol.kinetic.request import KineticRequest, Seed
from bioxen.protocol.kinetic.sampled import SampledRequest
from bioxen.protocol.units import Identifier, Quantity

ANALYSED_AT_ONCE = 20
"""Variants in one part of a batch of analyses, each of which may take seconds: so that progress shows."""


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

    With an `analysis` every variant has what that would find for it alone.
    """

    title: ClassVar[str] = "one simulation or analysis of many variants"
    counted_by: ClassVar[str] = "variants"

    process_code: Literal["kinetic_batch"] = "kinetic_batch"
    variants: Annotated[list[KineticVariant], Field(min_length=1, max_length=MAX_MEMBERS)]
    total: Annotated[int, Field(ge=1, le=MAX_MEMBERS)] | None = None
    """How many variants the whole has, where `variants` are those of `part` alone, which is whole blocks."""

    analysis: Annotated[VariantAnalysis, Field(discriminator="process_code")] | None = None
    """The analysis and its own fields, its times and tolerances among them; the model, `outputs` and what
    variants change stand beside it. Where absent, variants are simulated by `method`."""

    @property
    def member_count(self) -> int:
        """The number of variants of the whole."""
        return self.total or len(self.variants)

    @property
    def block_size(self) -> int:
        """The variants of a block: fewer where each is analysed, which takes long."""
        if self.analysis is None:
            return super().block_size
        return min(max(-(-self.member_count // 16), 1), ANALYSED_AT_ONCE)

    @property
    def fewest_in_part(self) -> int:
        """The variants of the smallest parts: audits need a whole block, an analysis one alone."""
        return self.block_size if self.analysis is None else 1

    @property
    def offset(self) -> int:
        """The index of the first of `variants` in the whole."""
        return self.part.first if self.total and self.part else 0

    @model_validator(mode="after")
    def _simulated_or_analysed(self) -> KineticBatchRequest:
        if self.analysis is None:
            return self
        if self.method != "ode" or self.report != "features" or self.engine not in ("auto", "libroadrunner"):
            raise mistake_at(
                "analysis", "an analysis has no method, report and engine: leave them out, or the analysis"
            )
        for name, field in KineticRequest.model_fields.items():
            if getattr(self.analysis, name, None) not in (None, field.get_default(call_default_factory=True)):
                raise mistake_at(f"analysis.{name}", f"give {name} beside analysis, not inside it")
        return self

    @model_validator(mode="after")
    def _part_of_the_total(self) -> KineticBatchRequest:
        if self.total is None:
            return self
        if self.part is None or self.part.count != len(self.variants):
            raise mistake_at("part", "with total, part says which of the variants these are, and has as many")
        end, size = self.part.first + self.part.count, self.fewest_in_part
        if self.part.first % size or (end % size and end != self.total):
            raise mistake_at("part", f"with total, it is blocks of {size} variants, audited together")
        return self
