"""Many simulations of one model in one request: what ensembles, scans and global sensitivities share."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.kinetic.arrays import Encoding, NumberArray
from bioxen.protocol.kinetic.features import Feature
from bioxen.protocol.kinetic.findings import VariantOutcome
from bioxen.protocol.kinetic.request import KineticStatus, TimedRequest, Tolerance
from bioxen.protocol.kinetic.resting import ControlMembers, SteadyMembers
from bioxen.protocol.kinetic.route import Route
from bioxen.protocol.kinetic.summary import Histogram, Moments
from bioxen.protocol.units import ModelTime

MAX_MEMBERS = 1_000_000
Report = Literal["features", "values", "summary"]
MembersMethod = Literal["ode", "ssa", "tau_leaping", "steady_state", "control"]
MembersEngine = Literal["auto", "lanes", "gpu", "libroadrunner"]
_BLOCKS = 16
"""Blocks that a study is cut into, where they are not too small or too large then.

Each is audited, which takes as long as some hundred members in lanes: few blocks make a study fast, many keep
workers busy. What is wrong in a sixth of the members is seen by 16 audits with a chance of 95 %.
"""
_GRAINS = 16
"""Grains of a block, whose sums are added in pairs: so a block can be halved again and again, and the last
bits of a sum do not tell how it was cut."""
_SMALLEST, _LARGEST = 50, 500
"""Members of a block: enough that starting it costs little, few enough that progress shows."""
_POINTS_AT_ONCE = 500_000
"""Points of a block's time courses, which are in memory together."""


def _final() -> list[Feature]:
    return ["final"]


class Part(Message):
    """Some of the members of a request."""

    first: Annotated[int, Field(ge=0)]
    """Index of the first one."""
    count: Annotated[int, Field(ge=1)]


class MembersRequest(TimedRequest):
    """A request that runs many members of one model. A large one is cut into shards that run on all workers.

    What a member is follows from the request and the member's index alone, so however the work is cut, the
    answer has the same bytes. `deadline` holds for each shard.
    """

    features: Annotated[list[Feature], Field(min_length=1)] = Field(default_factory=_final)
    """The features of each output that are reported."""
    relative_tolerance: Tolerance = 1e-6
    absolute_tolerance: Tolerance = 1e-12
    encoding: Encoding = "numbers"
    """How the arrays of members are written; a summary's are small and never by reference."""
    counted_by: ClassVar[str]
    """The field that says how many members there are."""
    part: Part | None = None
    """Compute these members alone, and draw no conclusion over all; every member where absent."""
    engine: MembersEngine = "auto"
    """`lanes` runs members side by side in the CPU's vectors, `libroadrunner` one after the other.

    `gpu` runs each in a thread of a GPU, and in lanes what no GPU here runs: the result says so, and why.
    `auto` takes the `route`.
    """
    route: Route | None = None
    """From how many members on `auto` takes which way.

    Where absent, the service decides, once for all parts of a study: by what it measured of the program, else
    lanes from 64 members on, a GPU never.
    """

    @property
    def member_count(self) -> int:
        """The number of members of the whole."""
        raise NotImplementedError

    @property
    def block_size(self) -> int:
        """The members of a block: what is simulated, audited and sent to a worker together.

        Block k begins at member k times this. It follows from the request alone: whoever computes which part,
        a member is in the same block.
        """
        size = min(max(-(-self.member_count // _BLOCKS), _SMALLEST), _LARGEST)
        return max(1, min(size, _POINTS_AT_ONCE // self.points))

    @property
    def grain(self) -> int:
        """The members of a block whose numbers are added up together, before they are to those of others."""
        return -(-min(self.block_size, self.member_count) // _GRAINS)

    @property
    def fewest_in_part(self) -> int:
        """The members of the smallest parts that this is cut into."""
        return self.grain

    @property
    def points(self) -> int:
        """The points reported of each member."""
        return self.time_points

    @property
    def kept(self) -> Report:
        """What is kept of each member: its features, or its values at every point."""
        return "features"

    @property
    def sends_values(self) -> bool:
        """Whether the values of every member leave the workers."""
        return False

    @property
    def sends_features(self) -> list[Feature]:
        """The features of every member that leave the workers."""
        return list(dict.fromkeys(self.features))

    @property
    def concludes(self) -> bool:
        """Whether the answer is a conclusion over all members, in place of the members."""
        return self.part is None and self.kept == "summary"

    @property
    def members_of_part(self) -> range:
        """The indices of the members to run."""
        if self.part is None:
            return range(self.member_count)
        return range(self.part.first, self.part.first + self.part.count)

    @model_validator(mode="after")
    def _within(self) -> MembersRequest:
        if self.member_count > MAX_MEMBERS:
            raise mistake_at(
                self.counted_by, f"{self.member_count} members are more than the limit of {MAX_MEMBERS}"
            )
        if self.part is not None and self.part.first + self.part.count > self.member_count:
            raise mistake_at("part", f"it reaches beyond the {self.member_count} members there are")
        if self.route is not None and self.engine != "auto":
            raise mistake_at("route", f"a route is for the engine 'auto', not for {self.engine!r}")
        return self


class Members(Message):
    """Many members in columns, in the order of their indices."""

    first: int
    """Index of the first member."""
    varied: dict[str, list[float]]
    """What was varied → its value in each member; empty in a part of a summary, and in a batch, which has it
    in its request."""
    status: list[KineticStatus]
    """A member that failed has null in place of every number."""
    failures: dict[str, list[int]]
    """What the solver said → the members it said it of."""
    methods: dict[str, int]
    """Way of simulating → how many members it answered."""
    outputs: list[str]
    """The selections, in the order of the last axis: `S` an amount, `[S]` a concentration."""
    times: list[ModelTime]
    """The points in time; none for steady states."""
    feature_names: list[Feature]
    features: NumberArray | None = None
    """Members × features × outputs."""
    values: NumberArray | None = None
    """Members × points × outputs."""
    steady: SteadyMembers | None = None
    """For the methods `steady_state` and `control`."""
    control: ControlMembers | None = None
    """For the method `control`."""
    outcomes: list[VariantOutcome] | None = None
    """What the analysis of a batch found for each variant; then there are no outputs, times and features."""
    moments: dict[str, Moments] | None = None
    """In a part of a summary: what is summed up → its moments."""
    histograms: list[Histogram] | None = None
    """In a part of a summary: the histograms with requested edges, of these members."""


class Audit(Message):
    """Members in lanes that libRoadRunner ran a second time, at a hundredth of the request's tolerances."""

    members: int
    """How many: a fixed choice in each block."""
    largest_in_tolerances: float | None
    """The largest difference at any point, in units of absolute + relative tolerance · |value|."""
    largest_relative: float | None
    """The largest difference as a share of the largest value of its output in that member."""
    refused: int
    """Members whose block libRoadRunner answered, because its audit found too large a difference."""
