"""The short way of JSON routes answers as FastAPI's own does, and leaves to it what it does not know."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Response

from bioxen.errors import ModelNotFoundError
from bioxen.protocol.base import Message
from bioxen.server.api import problems
from bioxen.server.api.lean import JSON, JsonRoute, ShortWay, json_routes


class Question(Message):
    """What is asked."""

    number: int


class Long:
    """Middleware within the short way: notes what took the long one."""

    def __init__(self, app: Any, taken: list[str]) -> None:
        self.app, self.taken = app, taken

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Note the request and pass it on."""
        self.taken.append(scope["path"])
        await self.app(scope, receive, send)


def served(taken: list[str]) -> FastAPI:
    """Return an application with one route that has a short way."""
    router = APIRouter()

    async def double(question: Question) -> Response:
        if question.number < 0:
            raise ModelNotFoundError("There is none.")
        return Response(str(2 * question.number), media_type=JSON)

    router.add_api_route("/double", double, methods=["POST"], route_class_override=JsonRoute)
    app = FastAPI()
    problems.install(app)
    app.add_middleware(Long, taken=taken)
    app.add_middleware(ShortWay, routes=json_routes(router))
    app.include_router(router)
    return app


def ask(method: str, content: bytes, media_type: str = JSON, query: str = "") -> tuple[Any, list[str]]:
    """Return the answer, and which paths took the long way."""
    taken: list[str] = []

    async def asked() -> httpx2.Response:
        transport = httpx2.ASGITransport(served(taken))
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
            headers = {"content-type": media_type}
            return await client.request(method, "/double" + query, content=content, headers=headers)

    return asyncio.run(asked()), taken


def test_a_sound_body_takes_the_short_way() -> None:
    answer, taken = ask("POST", b'{"number": 21}')
    assert (answer.status_code, answer.text, taken) == (200, "42", [])


def test_a_fault_of_the_function_is_a_problem_on_both_ways() -> None:
    short, taken = ask("POST", b'{"number": -1}')
    long, other = ask("POST", b'{"number": -1}', "application/json; charset=utf-8")
    assert (taken, other) == ([], ["/double"])
    assert short.status_code == long.status_code == 404
    assert short.json() == long.json()
    assert short.headers["content-type"] == long.headers["content-type"] == problems.MEDIA_TYPE


@pytest.mark.parametrize(
    ("method", "content", "media_type", "query", "status"),
    [
        ("POST", b'{"number": 21}', "application/json; charset=utf-8", "", 200),
        ("POST", b'{"number": 21}', JSON, "?a=1", 200),
        ("POST", b'{"number": "21"}', JSON, "", 422),
        ("POST", b'{"number": 21, "more": 1}', JSON, "", 422),
        ("POST", b"{", JSON, "", 400),
        ("POST", b"", JSON, "", 422),
        ("GET", b"", JSON, "", 405),
    ],
)
def test_anything_else_takes_the_long_way_as_it_came(
    method: str, content: bytes, media_type: str, query: str, status: int
) -> None:
    answer, taken = ask(method, content, media_type, query)
    assert (answer.status_code, taken) == (status, ["/double"])


def test_who_leaves_before_the_body_is_whole_gets_no_answer() -> None:
    async def leave() -> list[Any]:
        pieces = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
        sent: list[Any] = []

        async def receive() -> Any:
            return pieces.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/double",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        await served([])(scope, receive, send)
        return sent

    assert asyncio.run(leave()) == []
