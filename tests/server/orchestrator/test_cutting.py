"""Where requests are cut: each member is in one part, whatever its size, and a job finds its parts again."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.orchestrator.test_lateness import Clockwork, by_clockwork

from bioxen.errors import ComputationTimeoutError, ValidationError
from bioxen.protocol.kinetic import (
    EnsembleRequest,
    KineticBatchRequest,
    KineticVariant,
    MembersRequest,
    Route,
)
from bioxen.protocol.metabolic import BatchRequest, FvaRequest, Variant
from bioxen.protocol.request import ComputeRequest
from bioxen.server.cache.status import add_seconds, note, watching
from bioxen.server.orchestrator.cutting import (
    AIM,
    MOST_PARTS,
    SHARD,
    WORTH_SHARING,
    finest,
    needs_shards,
    parts_for,
    parts_of,
    pieces,
    size_of,
    sizes,
)
from bioxen.server.orchestrator.sharding import Shard, shards
from bioxen.server.orchestrator.splitting import Splitting

ANALYSIS: Any = {"process_code": "kinetic_steady_state"}
SPREAD: Any = {"kind": "uniform", "lower": 0.1, "upper": 0.2}
ENSEMBLES = st.builds(
    EnsembleRequest,
    process_code=st.just("kinetic_ensemble"),
    members=st.integers(1, 20_000),
    time_points=st.sampled_from([2, 101, 20_000]),
    method=st.sampled_from(["ode", "ssa", "control"]),
    distributions=st.just({"k": SPREAD}),
    route=st.none() | st.just(Route(source="measured", lanes=16, gpu=16_000)),
)
BATCHES = st.integers(1, 400).map(
    lambda count: KineticBatchRequest(variants=[KineticVariant()] * count, process_code="kinetic_batch")
) | st.integers(1, 90).map(
    lambda count: KineticBatchRequest(
        variants=[KineticVariant()] * count, process_code="kinetic_batch", analysis=ANALYSIS
    )
)
METABOLIC = st.builds(
    BatchRequest,
    process_code=st.just("metabolic_batch"),
    variants=st.integers(1, 600).map(lambda count: [Variant()] * count),
    analysis=st.none() | st.just(FvaRequest()),
    report=st.sampled_from([None, "objective", "fluxes"]),
)
REQUESTS = ENSEMBLES | BATCHES | METABOLIC


def ensemble(members: int) -> EnsembleRequest:
    return EnsembleRequest(process_code="kinetic_ensemble", members=members, distributions={"k": SPREAD})


def numbers_of(request: ComputeRequest, offset: int) -> range:
    """Return which members or variants a part has."""
    if isinstance(request, MembersRequest):
        return request.members_of_part
    assert isinstance(request, BatchRequest)
    return range(offset, offset + len(request.variants))


@settings(max_examples=60, deadline=None)
@given(request=REQUESTS, seconds=st.none() | st.floats(0, 1e5), places=st.integers(1, 64))
def test_a_job_finds_the_parts_that_it_was_cut_into(
    request: ComputeRequest, seconds: float | None, places: int
) -> None:
    count = parts_for(request, seconds, places)
    usual = max(1, len(list(pieces(request))))
    parts = parts_of(request, count)
    assert usual <= len(parts) == count <= max(usual, MOST_PARTS)
    seen = [number for part in parts for number in numbers_of(part.request, part.offset)]
    assert seen == list(range(size_of(request)))
    if seconds is None:
        assert count == usual
    elif len(sizes(request)) > 1 and count < parts_for(request, 1e9, places):
        assert seconds / count <= AIM  # nothing smaller was needed
        assert count >= min(places, seconds / WORTH_SHARING)


@settings(max_examples=20, deadline=None)
@given(request=REQUESTS)
def test_parts_are_valid_requests_and_stay_within_a_block(request: ComputeRequest) -> None:
    for part in finest(request):
        type(request).model_validate(part.request.model_dump())
        assert not needs_shards(part.request) or isinstance(request, BatchRequest)
        if isinstance(request, MembersRequest):
            members, block = numbers_of(part.request, part.offset), request.block_size
            assert members.start // block == (members.stop - 1) // block
            assert not members.start % block % request.fewest_in_part


@settings(max_examples=30, deadline=None)
@given(request=REQUESTS)
def test_a_part_that_is_cut_up_has_its_own_members(request: ComputeRequest) -> None:
    for part in list(pieces(request))[-2:]:
        smaller = finest(part.request)
        assert [piece.offset for piece in smaller] == [
            sum(piece.size for piece in smaller[:number]) for number in range(len(smaller))
        ]
        mine = numbers_of(part.request, part.offset)
        first = 0 if isinstance(request, MembersRequest) else part.offset
        seen = [n for piece in smaller for n in numbers_of(piece.request, first + piece.offset)]
        assert seen == list(mine)


def test_what_is_light_keeps_its_usual_parts() -> None:
    request = ensemble(1_000)
    assert parts_for(request, 1.9, 64) == parts_for(request, None, 64) == 16
    assert parts_for(request, 79.0, 2) == 16
    assert parts_for(request, 81.0, 2) == 32
    assert parts_for(ensemble(40), 10.0, 1) == 2
    assert parts_for(ensemble(40), 10.0, 4) == 4  # one for each place
    plain = BatchRequest(process_code="metabolic_batch", variants=[Variant()] * 2 * SHARD)
    assert parts_for(plain, 1e6, 64) == 2  # variants share a run of the solver


class Slow:
    """Answers batches about their variants; those with more than so many outlast the deadline."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked: list[int] = []

    async def __call__(self, request: ComputeRequest) -> bytes:
        assert isinstance(request, BatchRequest)
        self.asked.append(len(request.variants))
        if len(request.variants) > self.most:
            raise ComputationTimeoutError("The computation was stopped.")
        for number, variant in enumerate(request.variants):
            if "wrong" in (variant.gene_knockouts or ()):
                raise ValidationError("No.", details={"place": f"variants.{number}.gene_knockouts"})
        names = [(variant.gene_knockouts or ["?"])[0] for variant in request.variants]
        told = {"status": names, "objective": [1.0] * len(names), "fluxes": None, "results": None}
        settings: dict[str, Any] = {"settings": {"solver": "none"}}
        return msgspec.json.encode(
            {"status": "optimal", "batch": told, "certificate": None, "provenance": settings}
        )


def batch(count: int, **fields: Any) -> BatchRequest:
    variants = [Variant(gene_knockouts=[f"g{number}"]) for number in range(count)]
    return BatchRequest(process_code="metabolic_batch", variants=variants, analysis=FvaRequest(), **fields)


def answered(request: BatchRequest, compute: Slow) -> list[str]:
    async def main() -> list[str]:
        got = [shard async for shard in shards(request, compute)]
        got.sort(key=lambda shard: shard.offset)
        return [name for shard in got for name in shard.result["batch"]["status"]]

    return asyncio.run(main())


def test_a_part_that_outlasts_its_deadline_is_computed_as_smaller_ones() -> None:
    slow = Slow(most=1)
    request = batch(10)
    assert answered(request, slow) == [f"g{number}" for number in range(10)]
    assert sorted(slow.asked) == [1] * 10 + [4]  # the others are cut up before they begin


def test_so_are_those_after_it_one_after_the_other() -> None:
    async def main() -> None:
        slow, splitting = Slow(most=1), Splitting()
        for piece in pieces(batch(12)):
            await splitting.answer(piece.request, slow)
        assert slow.asked == [4] + [1] * 12

    asyncio.run(main())


def test_a_deadline_that_was_asked_for_holds_and_one_variant_that_is_too_slow_is_told() -> None:
    with pytest.raises(ComputationTimeoutError):
        answered(batch(10, deadline=1.0), Slow(most=1))
    with pytest.raises(ComputationTimeoutError) as caught:
        answered(batch(10), Slow(most=0))
    assert "longer deadline" in caught.value.details["remedy"]


def test_a_deadline_holds_for_all_parts_together() -> None:
    async def scene(loop: Clockwork, seconds: float) -> list[Shard]:
        slow, asked = Slow(most=4), 0

        async def compute(request: ComputeRequest) -> bytes:
            nonlocal asked
            asked += 1
            for _ in range(100 if asked > 1 else 0):  # a worker takes the others after the first
                await asyncio.sleep(0)
            note("miss")
            add_seconds(seconds)
            loop.now += seconds
            return await slow(request)

        with watching() as seen:
            got = [shard async for shard in shards(batch(10, deadline=60.0), compute)]
        assert (seen.origin, seen.seconds) == ("miss", 3 * seconds)  # nothing that was told is lost
        return got

    by_clockwork(lambda loop: scene(loop, 20.0))
    with pytest.raises(ComputationTimeoutError, match="after 60 s, with 4 of 10") as caught:
        by_clockwork(lambda loop: scene(loop, 60.0))
    assert caught.value.place == "deadline"


def test_waiting_for_a_worker_is_not_counted() -> None:
    async def scene(loop: Clockwork) -> None:
        async def compute(request: ComputeRequest) -> bytes:
            loop.now += 1000.0
            note("hit")
            return await Slow(most=4)(request)

        async for _ in shards(batch(4 + 1, deadline=60.0), compute):
            pass

    by_clockwork(scene)


def test_the_place_of_a_fault_in_a_part_of_a_part_is_that_in_the_whole() -> None:
    request = batch(10)
    request.variants[6] = Variant(gene_knockouts=["wrong"])
    with pytest.raises(ValidationError) as caught:
        answered(request, Slow(most=1))
    assert caught.value.place == "variants.6.gene_knockouts"
