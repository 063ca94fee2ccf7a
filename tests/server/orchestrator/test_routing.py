"""Where studies run is decided once for each program, kept, and the same for all parts of a study."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioxen.errors import (
    BioXenException,
    ComputationTimeoutError,
    ConfigurationError,
    OverloadError,
    UnknownIdentifierError,
)
from bioxen.protocol.kinetic import (
    Distribution,
    EnsembleRequest,
    MembersRequest,
    Route,
    ScanRequest,
    Uniform,
)
from bioxen.protocol.processes import Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport
from bioxen.server.accelerators import routes
from bioxen.server.accelerators.book import Book, Subject
from bioxen.server.bytecode.repository import Repository
from bioxen.server.engines.cache_folder import cache_folder
from bioxen.server.engines.crossover import BY_RULE, FEWEST_MEASURED, GPU_MEMBERS, Crossover
from bioxen.server.orchestrator.callers import DirectCaller, NoAnswerError
from bioxen.server.orchestrator.computation import ComputationService, Computer
from bioxen.server.orchestrator.cutting import pieces
from bioxen.server.orchestrator.orchestrator import ComputationOrchestrator
from bioxen.server.orchestrator.routing import FixedRouting, MeasuredRouting, routing_by
from bioxen.server.workers.base import Solved, Task
from bioxen.server.workers.local import LocalPool

PROGRAM = "ab" * 32
FOUND = Crossover(version="", single=1e-3, lanes=1e-4, preparation=9e-3 * 4)
"""Lanes from 40 members on."""
FORTY = Route(lanes=40, source="measured")
MODEL = "species A = 10; A => ; k*A; k = 0.5;"


def ensemble(members: int = 100, **changes: Any) -> EnsembleRequest:
    drawn: dict[str, Distribution] = {"k": Uniform(kind="uniform", lower=0.4, upper=0.6)}
    return EnsembleRequest(
        kinetic_code=MODEL, members=members, distributions=drawn, time_points=11, **changes
    )


class Meter:
    """Measures, and counts how often; it may fail instead."""

    def __init__(self, fault: BioXenException | None = None, found: Crossover = FOUND) -> None:
        self.asked: list[Subject] = []
        self._fault, self._found = fault, found

    async def measure(self, subject: Subject, limit: float) -> Crossover:
        self.asked.append(subject)
        await asyncio.sleep(0.05)
        if self._fault is not None:
            raise self._fault
        return self._found


def route(folder: Path, meter: Meter, request: MembersRequest | None = None, devices: str = "a CPU") -> Route:
    routing = MeasuredRouting(Book(folder, devices))
    return asyncio.run(routing.route(request or ensemble(), PROGRAM, meter.measure))


def file_in(folder: Path) -> Path:
    (path,) = folder.glob("*.json")
    return path


def test_a_program_is_measured_at_its_first_study_and_never_again(tmp_path: Path) -> None:
    meter = Meter()
    assert [route(tmp_path, meter) for _ in range(3)] == [FORTY] * 3  # each time as after a restart
    assert meter.asked == [Subject(PROGRAM)]
    other = Meter(found=FOUND.model_copy(update={"preparation": 0.09}))
    assert route(tmp_path, other, ensemble(method="ssa")) == Route(lanes=100, source="measured")
    assert other.asked == [Subject(PROGRAM, "ssa")]
    assert route(tmp_path, meter, devices="another CPU") == FORTY
    assert len(meter.asked) == 2  # another machine that has the same folder measures for itself


def test_two_services_that_race_measure_once(tmp_path: Path) -> None:
    first, second = Meter(), Meter(found=FOUND.model_copy(update={"preparation": 0.5}))

    async def both() -> list[Route]:
        services = [MeasuredRouting(Book(tmp_path, "a CPU")) for _ in range(2)]
        asked = [
            service.route(ensemble(), PROGRAM, meter.measure)
            for service, meter in zip(services, (first, second), strict=True)
            for _ in range(4)
        ]
        return await asyncio.gather(*asked)

    assert asyncio.run(both()) == [FORTY] * 8
    assert (len(first.asked), len(second.asked)) == (1, 0)
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]  # no lock is left


def test_the_first_measurement_that_is_kept_counts(tmp_path: Path) -> None:
    book, subject = Book(tmp_path, "a CPU"), Subject(PROGRAM)
    first = book.keep(subject, FOUND)
    assert book.keep(subject, FOUND.model_copy(update={"preparation": 0.5})) == first == book.find(subject)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-5],
        lambda whole: whole.replace(b"0.036", b"0.136"),
        lambda whole: b"\xff" * 40,
    ],
)
def test_a_damaged_file_is_measured_anew(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    meter = Meter()
    route(tmp_path, meter)
    path = file_in(tmp_path)
    whole = path.read_bytes()
    assert damage(whole) != whole
    path.write_bytes(damage(whole))
    assert route(tmp_path, meter) == FORTY
    assert len(meter.asked) == 2
    assert path.read_bytes() == whole


def test_a_program_that_cannot_be_measured_keeps_the_rule_and_says_so(tmp_path: Path) -> None:
    meter = Meter(ComputationTimeoutError("The computation was stopped after 30 s."))
    rule = BY_RULE.model_copy(update={"note": "measuring failed: The computation was stopped after 30 s."})
    assert [route(tmp_path, meter) for _ in range(2)] == [rule] * 2
    assert len(meter.asked) == 1  # else it would stop a worker at each study


def test_a_study_that_is_wrong_itself_decides_nothing(tmp_path: Path) -> None:
    meter = Meter(UnknownIdentifierError("no parameter q"))
    assert route(tmp_path, meter).note == "not measured: no parameter q"
    assert list(tmp_path.iterdir()) == []
    assert route(tmp_path, Meter()) == FORTY


def test_full_workers_refuse_the_study_not_the_measurement_alone(tmp_path: Path) -> None:
    with pytest.raises(OverloadError):
        route(tmp_path, Meter(OverloadError("full")))
    assert list(tmp_path.iterdir()) == []


def test_small_studies_and_other_methods_are_not_measured_for(tmp_path: Path) -> None:
    meter = Meter()
    assert route(tmp_path, meter, ensemble(FEWEST_MEASURED - 1)) == BY_RULE
    assert route(tmp_path, meter, ensemble(method="steady_state")) == BY_RULE
    assert meter.asked == []


def test_a_gpu_is_measured_for_when_a_study_is_large_enough(tmp_path: Path) -> None:
    book = Book(tmp_path, "a CPU; a GPU")
    book.has_gpu = True
    meter = Meter(found=FOUND.model_copy(update={"gpu": 1e-6}))
    routing = MeasuredRouting(book)
    for members in (GPU_MEMBERS - 1, GPU_MEMBERS):
        asyncio.run(routing.route(ensemble(members), PROGRAM, meter.measure))
    assert meter.asked == [Subject(PROGRAM), Subject(PROGRAM, gpu=True)]


def test_forgotten_is_measured_again(tmp_path: Path) -> None:
    meter = Meter()
    route(tmp_path, meter)
    book = Book(tmp_path, "a CPU")
    assert [one.program for one in book.entries()] == [PROGRAM]
    assert (book.forget({"cd" * 32}), book.forget({PROGRAM}), book.forget()) == (0, 1, 0)
    route(tmp_path, meter)
    assert len(meter.asked) == 2


def test_where_nothing_can_be_kept_the_rule_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book(tmp_path / "folder that goes", "a CPU")
    answer = asyncio.run(MeasuredRouting(book).route(ensemble(), PROGRAM, Meter().measure))
    assert answer.lanes == BY_RULE.lanes and "cannot be kept" in (answer.note or "")
    monkeypatch.setenv("BIOXEN_CACHE", "")
    assert isinstance(routing_by("measured"), FixedRouting)


def test_a_file_wins_for_its_programs(tmp_path: Path) -> None:
    file = tmp_path / "routes.json"
    routes.write(file, routes.routes_from([FOUND.model_copy(update={"program": PROGRAM})]))
    routing = routing_by(str(file))

    async def asked(program: str, request: MembersRequest) -> Route:
        return await routing.route(request, program, Meter().measure)

    assert asyncio.run(asked(PROGRAM, ensemble(9))) == Route(lanes=40, source="file")
    assert asyncio.run(asked(PROGRAM, ensemble(method="ssa"))) == BY_RULE
    assert asyncio.run(asked("cd" * 32, ensemble())) == BY_RULE
    with pytest.raises(ConfigurationError, match="cannot be read"):
        routing_by(str(tmp_path / "absent.json"))


# Parts


ONE, TWO = "http://one", "http://two"


class Replicas:
    """Replicas on two machines, which measured different things."""

    def __init__(self, down: str = "") -> None:
        self.parts: list[tuple[str, Route | None]] = []
        self.down = down

    async def route(self, url: str, request: MembersRequest, patience: float) -> Route:
        if url == self.down:
            raise NoAnswerError("it is down")
        return Route(lanes=20 if url == ONE else 200, source="measured")

    async def compute(self, service: Service, url: str, request: ComputeRequest, patience: float) -> bytes:
        assert isinstance(request, MembersRequest)
        self.parts.append((url, request.route))
        await asyncio.sleep(0.01)  # so that the other one is asked too
        return b"{}"

    async def health(self, url: str, patience: float) -> HealthReport:
        raise NotImplementedError

    async def close(self) -> None: ...


def asked_of(replicas: Replicas, request: MembersRequest) -> set[Route | None]:
    orchestrator = ComputationOrchestrator([("dynamic", ONE), ("dynamic", TWO)], replicas)

    async def all_parts() -> None:
        await asyncio.gather(
            *(orchestrator.compute(piece.request) for piece in pieces(await orchestrator.routed(request)))
        )

    asyncio.run(all_parts())
    assert {url for url, _ in replicas.parts} == {ONE, TWO}
    return {route for _, route in replicas.parts}


def test_all_parts_take_the_route_that_one_replica_decided() -> None:
    first, again = (asked_of(Replicas(), ensemble(100_000)) for _ in range(2))
    assert first == again
    assert len(first) == 1
    (favourite,) = (ONE if route and route.lanes == 20 else TWO for route in first)
    (other,) = asked_of(Replicas(down=favourite), ensemble(100_000))
    assert other is not None and other not in first


def test_a_route_that_was_given_and_an_engine_that_was_named_are_left_alone() -> None:
    orchestrator = ComputationOrchestrator([("dynamic", ONE)], Replicas())
    given, named = ensemble(route=Route(lanes=30)), ensemble(engine="lanes")
    for request in (given, named, ensemble(method="steady_state")):
        assert asyncio.run(orchestrator.routed(request)) is request
    with pytest.raises(ValueError, match="for the engine 'auto'"):
        ensemble(engine="lanes", route=Route(lanes=30))


def test_a_part_for_a_gpu_is_several_blocks() -> None:
    route = Route(lanes=16, gpu=GPU_MEMBERS)
    sizes = [[piece.size for piece in pieces(ensemble(n, route=route))] for n in (GPU_MEMBERS - 1, 17_000)]
    assert [max(each) for each in sizes] == [500, 4000]
    assert sum(sizes[1]) == 17_000


# Real services


@pytest.fixture
def own_routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache whose routes are empty, and whose machine code is there."""
    root = cache_folder()
    for folder in [] if root is None else root.iterdir():
        if folder.name != "routes":
            (tmp_path / folder.name).symlink_to(folder)
    monkeypatch.setenv("BIOXEN_CACHE", str(tmp_path))
    return tmp_path / "routes"


class Counted(LocalPool):
    """Workers whose measurements are counted."""

    measured = 0

    async def solve(self, task: Task) -> Solved:
        self.measured += task.measure
        return await super().solve(task)


SCAN: dict[str, Any] = {
    "kinetic_code": MODEL,
    "axes": {"k": {"values": [0.1 * step for step in range(1, 40)]}},
    "time_points": 11,
}


def test_equal_studies_give_equal_bytes_whoever_computes_them(own_routes: Path) -> None:
    studies: list[MembersRequest] = [ensemble(150), ScanRequest.model_validate(SCAN)]
    asyncio.run(_ask_everywhere(Counted(engines=("kinetic",), size=3), studies))
    assert len(list(own_routes.glob("*.json"))) == 1


async def _ask_everywhere(pool: Counted, studies: list[MembersRequest]) -> None:
    """Ask for each study twelve times, in any order: two services on three workers, and from in front."""
    async with pool:
        first, second = services(pool), services(pool)  # the second two as after a restart
        front = ComputationOrchestrator(
            [("dynamic", ONE), ("dynamic", TWO)], DirectCaller(dict(zip((ONE, TWO), first, strict=True)))
        )
        everywhere: list[Computer] = [front, *first]
        order = [(asked, request) for asked in everywhere for request in studies * 4]
        random.Random(7).shuffle(order)
        answers = set(await asyncio.gather(*(asked.compute(request) for asked, request in order)))
        assert len(answers) == len(studies)
        for request in studies:
            answer = await second[0].compute(request)
            assert answer in answers
            assert_ran_as_told(request, answer)
            given = request.model_copy(update={"route": said(answer)})
            assert await second[1].compute(given) == answer
        assert pool.measured == 1  # both studies are integrations of one program


def services(pool: LocalPool) -> list[ComputationService]:
    """Return two services that keep no answers."""
    return [
        ComputationService("dynamic", pool, Repository(), routing=routing_by("measured")) for _ in range(2)
    ]


def said(answer: bytes) -> Route:
    settings = json.loads(answer)["provenance"]["settings"]
    return Route(lanes=settings["lanes_from"], gpu=settings["gpu_from"], source=settings["route"])


def assert_ran_as_told(request: MembersRequest, answer: bytes) -> None:
    route = said(answer)
    assert route.source == "measured"
    reached = route.lanes is not None and request.member_count >= route.lanes
    method = json.loads(answer)["provenance"]["settings"]["method"]
    assert method.startswith("lanes" if reached else "libRoadRunner")
