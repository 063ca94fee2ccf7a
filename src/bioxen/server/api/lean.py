"""The short way of the routes that are asked most: bytes to message to answer, with nothing in between.

FastAPI looks through its routes, opens what dependencies may need, decodes a body to plain data and validates
that: together it takes as long as a small computation.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

import pydantic
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bioxen.errors import BioXenException
from bioxen.server.api import problems
from bioxen.server.api.gone import unless_gone

JSON = "application/json"
_PLAIN_JSON = (b"content-type", JSON.encode())


class JsonRoute(APIRoute):
    """A route to a coroutine function of one message; it returns the response as it goes out."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        hints = get_type_hints(endpoint, include_extras=True)
        self.read = pydantic.TypeAdapter(next(iter(hints.values()))).validate_json

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's own way, for what the short one leaves to it; it names the faults of a body."""
        ordinary = super().get_route_handler()

        async def handle(request: Request) -> Response:
            await request.body()  # whoever watches the connection must not find a part of it there
            return await unless_gone(request, ordinary(request))

        return handle


class ShortWay:
    """ASGI middleware: a sound body goes straight to the function of its route, anything else to the app.

    Args:
        app: the application that knows the routes.
        routes: path → route; may be filled in later.
    """

    def __init__(self, app: ASGIApp, routes: dict[str, JsonRoute]) -> None:
        self.app, self.routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on as it came."""
        route = self.routes.get(scope["path"]) if scope["type"] == "http" else None
        # JSON with a charset, say, goes the long way; so does a query, of which these routes know none
        if (
            route is None
            or scope["method"] != "POST"
            or scope["query_string"]
            or _PLAIN_JSON not in scope["headers"]
        ):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            message = route.read(body := await request.body())
        except pydantic.ValidationError:
            await self.app(scope, _again(body, receive), send)
        except HTTPException as error:
            await (await problems.on_http(request, error))(scope, receive, send)
        except ClientDisconnect:
            return
        else:
            scope["route"] = route
            await (await _answered(request, route, message))(scope, receive, send)


async def _answered(request: Request, route: JsonRoute, message: Any) -> Response:
    try:
        return await unless_gone(request, route.endpoint(message))
    except BioXenException as error:
        return problems.problem_response(error)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that begins with a body that was read."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def json_routes(router: APIRouter) -> dict[str, JsonRoute]:
    """Return the routes of `router` that have a short way, by path."""
    return {route.path: route for route in router.routes if isinstance(route, JsonRoute)}
