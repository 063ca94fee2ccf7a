"""Global sensitivities: Sobol indices and Morris's elementary effects of features of time courses."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.kinetic.features import Feature
from bioxen.protocol.kinetic.limits import check_range
from bioxen.protocol.kinetic.members import MembersRequest
from bioxen.protocol.kinetic.request import Seed
from bioxen.protocol.units import Identifier, Quantity


class FactorRange(Message):
    """Between which limits a factor varies, uniformly on its scale."""

    lower: Quantity
    upper: Quantity
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _ordered(self) -> FactorRange:
        check_range(self.lower, self.upper, self.scale)
        return self


class _ScreeningRequest(MembersRequest):
    factors: Annotated[dict[Identifier, FactorRange], Field(min_length=1, max_length=1000)]
    """Parameter or initial value (`S`, `[S]`) → its range."""
    seed: Seed = 0

    @property
    def concludes(self) -> bool:
        """Whether the answer is a conclusion over all members: always, unless for a part."""
        return self.part is None


class SobolRequest(_ScreeningRequest):
    """Sobol indices: how much of a feature's variance each factor explains, alone and with others."""

    title: ClassVar[str] = "global sensitivity (Sobol indices)"
    counted_by: ClassVar[str] = "samples"

    process_code: Literal["kinetic_sobol", "sobol_sensitivity"] = "kinetic_sobol"
    samples: Annotated[int, Field(ge=2, le=2**17)] = 256
    """Base samples N, a power of two; N·(k + 2) members run for k factors, N·(2k + 2) with second order."""
    second_order: bool = False

    @property
    def member_count(self) -> int:
        """The number of model runs."""
        k = len(self.factors)
        return self.samples * (2 * k + 2 if self.second_order else k + 2)

    @model_validator(mode="after")
    def _power_of_two(self) -> SobolRequest:
        if self.samples & (self.samples - 1):
            raise mistake_at("samples", f"samples must be a power of two, which {self.samples} is not")
        if len(self.factors) < 2:
            raise mistake_at("factors", "with one factor there is nothing to compare; give two or more")
        return self


class MorrisRequest(_ScreeningRequest):
    """Morris's elementary effects: a screening with few runs, many factors."""

    title: ClassVar[str] = "global sensitivity (Morris screening)"
    counted_by: ClassVar[str] = "trajectories"

    process_code: Literal["kinetic_morris", "morris_screening"] = "kinetic_morris"
    trajectories: Annotated[int, Field(ge=2, le=10_000)] = 20
    """Number of trajectories r; r·(k + 1) members run for k factors."""
    levels: Annotated[int, Field(ge=2, le=100)] = 4
    """Number of grid levels, an even number."""

    @property
    def member_count(self) -> int:
        """The number of model runs."""
        return self.trajectories * (len(self.factors) + 1)

    @model_validator(mode="after")
    def _even(self) -> MorrisRequest:
        if self.levels % 2:
            raise mistake_at("levels", f"levels must be even, which {self.levels} is not")
        return self


class SobolIndex(Message):
    """The indices of one feature with respect to one factor."""

    output: str
    feature: Feature
    factor: str
    first_order: float | None
    """Share of the variance that the factor explains alone; null where the feature does not vary."""
    first_order_confidence: float | None
    """Half-width of the 95 % interval by bootstrap."""
    total: float | None
    """Share of the variance in which the factor takes part at all."""
    total_confidence: float | None


class SobolPair(Message):
    """The second-order index of a pair of factors: what they explain only together."""

    output: str
    feature: Feature
    factors: tuple[str, str]
    second_order: float | None
    second_order_confidence: float | None


class MorrisEffect(Message):
    """The elementary effects of one factor on one feature, per width of the factor's range."""

    output: str
    feature: Feature
    factor: str
    mu: float | None
    """Their mean, in the feature's unit; null where no member lets it be known."""
    mu_star: float | None
    """The mean of their absolute values: how much the factor matters."""
    sigma: float | None
    """Their standard deviation: how nonlinear it is, or how it interacts."""
    mu_star_confidence: float | None
    """Half-width of the 95 % interval by bootstrap."""


class GlobalSensitivity(Message):
    """What a global analysis found."""

    members: int
    """Number of model runs."""
    failed: int
    """Runs without a number; a feature that one of them lacks has no indices (null)."""
    sobol: list[SobolIndex] | None = None
    sobol_pairs: list[SobolPair] | None = None
    morris: list[MorrisEffect] | None = None
