"""A large text goes to a replica once; whatever that forgets nobody notices, and no handle opens more."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import uvicorn
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from bioxen.errors import InvalidModelError, UnknownIdentifierError
from bioxen.protocol.kinetic import EnsembleRequest, Route, TimeCourseRequest
from bioxen.protocol.metabolic import FbaRequest
from bioxen.protocol.processes import Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport
from bioxen.server.api import problems
from bioxen.server.api.compute import compute_routes
from bioxen.server.api.observing import Observer
from bioxen.server.api.texts import text_routes
from bioxen.server.bytecode.lately import Lately
from bioxen.server.bytecode.source import digest_of
from bioxen.server.engines.models import given_text
from bioxen.server.metrics import Metrics
from bioxen.server.orchestrator import texts
from bioxen.server.orchestrator.computation import Computer, R
from bioxen.server.orchestrator.http_caller import HttpCaller
from bioxen.server.orchestrator.sharding import Shard
from bioxen.server.orchestrator.texts import KeptTexts

BOTH: tuple[Service, ...] = ("static", "dynamic")
MODELS = [f"model m{number}; S -> ; k*S; S = 10; k = 0.1; end\n" + "// µ\n" * 20_000 for number in range(3)]


class Digesting:
    """A computer whose result says which text it was given; what is no model it refuses."""

    def __init__(self) -> None:
        self._lately = Lately()

    async def compute(self, request: ComputeRequest) -> bytes:
        given = given_text(request)
        assert given is not None
        digest = self._lately.admit(given.text, given.format).digest
        if request.vm_id == "nowhere":
            raise UnknownIdentifierError("There is no such reaction.")
        return json.dumps({"digest": digest}).encode()

    async def routed(self, request: R) -> R:
        given = given_text(request)
        assert given is not None
        return request.model_copy(update={"route": Route(source="measured", note=digest_of(given.text))})

    def parts(self, request: ComputeRequest) -> AsyncGenerator[Shard]:
        raise NotImplementedError

    def health(self) -> HealthReport:
        raise NotImplementedError


class Passing(Digesting):
    """A computer that passes requests on to a replica, as an orchestrator does."""

    def __init__(self, url: str, caller: HttpCaller) -> None:
        super().__init__()
        self._url, self._caller = url, caller

    async def compute(self, request: ComputeRequest) -> bytes:
        return await self._caller.compute("static", self._url, request, 10.0)


class Served:
    """An application on a port, which can be started anew under the same URL; it notes what was asked."""

    def __init__(self, make: Callable[[], FastAPI]) -> None:
        self._make = make
        self.asked: list[tuple[str, int]] = []
        """Path and length of each request."""
        self.start_anew()

    def start_anew(self) -> None:
        self._app = self._make()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked.append((scope["path"], int(dict(scope["headers"]).get(b"content-length", 0))))
        await self._app(scope, receive, send)

    def uploads(self) -> int:
        return sum(path == texts.PATH for path, _ in self.asked)


def replica(computer: Computer, kept: KeptTexts | None) -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(Observer, metrics=Metrics())
    app.include_router(compute_routes(computer, BOTH, kept))
    if kept is not None:
        app.include_router(text_routes(kept))
    return app


@asynccontextmanager
async def listening(app: Served) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, lifespan="off", log_config=None, loop="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@asynccontextmanager
async def calling() -> AsyncIterator[HttpCaller]:
    caller = HttpCaller()
    try:
        yield caller
    finally:
        await caller.close()


async def computed(caller: HttpCaller, url: str, number: int) -> None:
    """Ask for something about a model, and see that the answer is about that one."""
    request = TimeCourseRequest(kinetic_code=MODELS[number])
    answer = await caller.compute("dynamic", url, request, 10.0)
    assert json.loads(answer) == {"digest": digest_of(MODELS[number])}


def play(scene: Callable[[Served, str, HttpCaller], Coroutine[Any, Any, None]], **limits: int) -> None:
    async def played() -> None:
        served = Served(lambda: replica(Digesting(), KeptTexts(**limits)))
        async with listening(served) as url, calling() as caller:
            await scene(served, url, caller)

    asyncio.run(asyncio.wait_for(played(), 60))


def test_a_large_text_is_sent_once() -> None:
    async def scene(served: Served, url: str, caller: HttpCaller) -> None:
        for _ in range(3):
            await computed(caller, url, 0)
        assert [path for path, _ in served.asked] == [texts.PATH, *["/compute/kinetic"] * 3]
        assert served.asked[0][1] == len(MODELS[0].encode())
        assert all(length < 1000 for _, length in served.asked[1:])
        study = EnsembleRequest.model_validate(
            {"process_code": "kinetic_ensemble", "kinetic_code": MODELS[0], "members": 2, "method": "ssa"}
        )
        assert (await caller.route(url, study, 10.0)).note == digest_of(MODELS[0])
        assert served.uploads() == 1

    play(scene)


def test_the_parts_of_a_request_wait_for_one_that_sends() -> None:
    async def scene(served: Served, url: str, caller: HttpCaller) -> None:
        await asyncio.gather(*(computed(caller, url, 0) for _ in range(32)))
        assert served.uploads() == 1
        served.start_anew()
        await asyncio.gather(*(computed(caller, url, 0) for _ in range(32)))
        assert served.uploads() == 2

    play(scene)


def test_a_small_text_goes_along() -> None:
    async def scene(served: Served, url: str, caller: HttpCaller) -> None:
        request = TimeCourseRequest(kinetic_code="model m; end")
        await caller.compute("dynamic", url, request, 10.0)
        assert [path for path, _ in served.asked] == ["/compute/kinetic"]

    play(scene)


def test_a_text_that_cannot_be_kept_goes_along_each_time() -> None:
    async def scene(served: Served, url: str, caller: HttpCaller) -> None:
        for _ in range(2):
            await computed(caller, url, 0)
        assert max(length for path, length in served.asked if path != texts.PATH) > len(MODELS[0])

    play(scene, limit=10)


def test_a_replica_that_takes_no_texts() -> None:
    async def played() -> None:
        served = Served(lambda: replica(Digesting(), None))
        async with listening(served) as url, calling() as caller:
            await computed(caller, url, 0)

    asyncio.run(played())


def test_faults_are_those_of_the_text() -> None:
    async def scene(served: Served, url: str, caller: HttpCaller) -> None:
        with pytest.raises(InvalidModelError, match="cobra-json; it looks like antimony"):
            await caller.compute("static", url, FbaRequest(cobra_json=MODELS[0]), 10.0)
        request = TimeCourseRequest(kinetic_code=MODELS[0], vm_id="nowhere")
        with pytest.raises(UnknownIdentifierError):
            await caller.compute("dynamic", url, request, 10.0)
        assert served.uploads() == 1

    play(scene)


DEEDS = st.lists(st.sampled_from([0, 1, 2, "start anew", "all at once"]), max_size=10)


@settings(max_examples=8, deadline=None)
@given(deeds=DEEDS, kept=st.integers(1, 3))
def test_whatever_a_replica_forgets_answers_are_about_what_was_asked(
    deeds: list[int | str], kept: int
) -> None:
    async def scene(served: Served, url: str, caller: HttpCaller) -> None:
        for deed in deeds:
            before = served.uploads()
            if deed == "start anew":
                served.start_anew()
            elif deed == "all at once":
                await asyncio.gather(*(computed(caller, url, number % 3) for number in range(9)))
            else:
                assert isinstance(deed, int)
                await computed(caller, url, deed)
                assert served.uploads() - before <= 1

    play(scene, texts=kept)


# Who may use a handle


async def post(url: str, body: dict[str, Any], by_handle: bool) -> tuple[int, dict[str, Any]]:
    headers = {texts.HEADER: texts.BY_HANDLE} if by_handle else {}
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


def test_who_knows_a_digest_has_no_handle() -> None:
    async def scene(_: Served, url: str, caller: HttpCaller) -> None:
        await computed(caller, url, 0)
        guesses = [digest_of(MODELS[0]), f"text://{digest_of(MODELS[0])}", KeptTexts().handle(MODELS[0])]
        for guess in guesses:
            body = {"process_code": "kinetic_ode", "kinetic_code": guess}
            status, told = await post(f"{url}/compute/kinetic", body, by_handle=True)
            assert (status, told["code"]) == (404, "BX011")
            assert guess not in json.dumps(told)

    play(scene)


@pytest.mark.parametrize("field", ["sbml", "cobra_json", "kinetic_code"])
def test_a_handle_without_its_header_is_no_model(field: str) -> None:
    async def scene(_: Served, url: str, caller: HttpCaller) -> None:
        handle = (await _kept(url, MODELS[0])).strip()
        kind, code = ("kinetic", "kinetic_ode") if field == "kinetic_code" else ("metabolic", "metabolic_fba")
        status, told = await post(
            f"{url}/compute/{kind}", {"process_code": code, field: handle}, by_handle=False
        )
        assert (status, told["code"]) == (422, InvalidModelError("").code.value)

    play(scene)


def test_users_of_an_orchestrator_cannot_use_handles() -> None:
    """Not even one that somebody told them: an orchestrator does not pass the header on."""

    async def played() -> None:
        behind = Served(lambda: replica(Digesting(), KeptTexts()))
        async with listening(behind) as url, calling() as caller:
            handle = await _kept(url, MODELS[0])
            front = Served(lambda: replica(Passing(url, caller), None))
            async with listening(front) as front_url:
                body = {"process_code": "metabolic_fba", "sbml": handle}
                for by_handle in (False, True):
                    status, told = await post(f"{front_url}/compute/metabolic", body, by_handle)
                    assert (status, told["code"]) == (422, InvalidModelError("").code.value)

    asyncio.run(played())


def test_what_is_no_text_is_not_kept() -> None:
    async def scene(_: Served, url: str, caller: HttpCaller) -> None:
        async with aiohttp.ClientSession() as session:
            answer = await session.post(url + texts.PATH, data=b"model \xff")
            assert answer.status == 422 and "byte 6" in await answer.text()

    play(scene)


async def _kept(url: str, text: str) -> str:
    async with aiohttp.ClientSession() as session:
        answer = await session.post(url + texts.PATH, data=text.encode())
        assert answer.status == 201
        return await answer.text()
