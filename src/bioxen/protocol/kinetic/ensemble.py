"""Ensembles: members that differ by chance."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.kinetic.limits import check_order
from bioxen.protocol.kinetic.members import MAX_MEMBERS
from bioxen.protocol.kinetic.sampled import SampledRequest
from bioxen.protocol.units import Identifier

Positive = Annotated[float, Field(gt=0)]


class _Relative(Message):
    relative: bool = False
    """Whether the distribution is that of a factor on the value the request or the model gives."""


class _Truncated(_Relative):
    lower: float | None = None
    """Nothing below is drawn; null for no limit."""
    upper: float | None = None
    """Nothing above is drawn; null for no limit."""

    @model_validator(mode="after")
    def _ordered(self) -> _Truncated:
        if self.lower is not None and self.upper is not None:
            check_order(self.lower, self.upper)
        return self


class Uniform(_Relative):
    """Every value between two limits alike."""

    kind: Literal["uniform"]
    lower: float
    upper: float

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        check_order(self.lower, self.upper)
        return self


class LogUniform(_Relative):
    """Every order of magnitude between two limits alike."""

    kind: Literal["loguniform"]
    lower: Positive
    upper: Positive

    @model_validator(mode="after")
    def _ordered(self) -> LogUniform:
        check_order(self.lower, self.upper)
        return self


class Normal(_Truncated):
    """The normal distribution, truncated where limits are given."""

    kind: Literal["normal"]
    mean: float
    standard_deviation: Positive


class LogNormal(_Truncated):
    """The logarithm is normally distributed."""

    kind: Literal["lognormal"]
    median: Positive
    sigma: Positive
    """Standard deviation of the natural logarithm."""

    @model_validator(mode="after")
    def _reachable(self) -> LogNormal:
        if self.upper is not None and self.upper <= 0:
            raise mistake_at("upper", f"no draw lies below {self.upper:g}: all of them are above 0")
        return self


class Choice(_Relative):
    """One of the values, each with the same chance."""

    kind: Literal["choice"]
    values: Annotated[list[float], Field(min_length=1)]


class Values(_Relative):
    """Nothing is drawn: member i has the i-th value."""

    kind: Literal["values"]
    values: Annotated[list[float], Field(min_length=1, max_length=MAX_MEMBERS)]


Distribution = Annotated[
    Uniform | LogUniform | Normal | LogNormal | Choice | Values, Field(discriminator="kind")
]


class EnsembleRequest(SampledRequest):
    """An ensemble: many members with parameters and initial values drawn from distributions."""

    title: ClassVar[str] = "ensemble over distributions"
    counted_by: ClassVar[str] = "members"

    process_code: Literal["kinetic_ensemble"] = "kinetic_ensemble"
    members: Annotated[int, Field(ge=1, le=MAX_MEMBERS)] = 100
    distributions: dict[Identifier, Distribution] = Field(default_factory=dict)
    """Parameter or initial value (`S`, `[S]`) → how it varies; may be empty for stochastic members."""

    @property
    def member_count(self) -> int:
        """The number of members of the whole."""
        return self.members

    @model_validator(mode="after")
    def _enough_values(self) -> EnsembleRequest:
        for name, distribution in self.distributions.items():
            if isinstance(distribution, Values) and len(distribution.values) != self.members:
                raise mistake_at(
                    f"distributions.{name}",
                    f"it has {len(distribution.values)} values for {self.members} members",
                )
        if not self.distributions and self.method not in ("ssa", "tau_leaping"):
            raise mistake_at(
                "distributions", "every member would be the same: give distributions, or method 'ssa'"
            )
        return self
