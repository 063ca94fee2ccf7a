"""A route whose JSON body is read in one step: bytes to message, with no plain data in between.

FastAPI decodes a body to plain data, resolves what the function depends on, and validates the data; for the
routes that are asked most, that is as long as a small computation.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

import pydantic
from fastapi import Request, Response
from fastapi.routing import APIRoute

from bioxen.server.api.gone import unless_gone

JSON = "application/json"


class JsonRoute(APIRoute):
    """A route to a coroutine function of one message; it returns the response as it goes out."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the quick way for a sound body, and FastAPI's own, which names the fault, for others."""
        ordinary, endpoint = super().get_route_handler(), self.endpoint
        hints = get_type_hints(endpoint, include_extras=True)
        read = pydantic.TypeAdapter(next(iter(hints.values()))).validate_json

        async def handle(request: Request) -> Response:
            body = await request.body()
            if request.headers.get("content-type") != JSON or request.scope["query_string"]:
                # with a charset, say; or with a query, of which these routes know none
                return await unless_gone(request, ordinary(request))
            try:
                message = read(body)
            except pydantic.ValidationError:
                return await ordinary(request)
            return await unless_gone(request, endpoint(message))

        return handle
