"""Who may ask, and how much: the Host header on loopback, a bearer token wherever one is set, a limit."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bioxen.errors import BioXenErrorCode, BioXenException
from bioxen.server.api.problems import problem_response, too_large
from bioxen.server.settings import LOOPBACK_HOSTS, ServiceSettings

OPEN_PATHS = frozenset({"/health"})
"""Paths that need no token: load balancers ask them, and they tell no one's data."""


class Guard:
    """ASGI middleware that lets in only who may ask.

    Without a token only loopback names are accepted as Host, so that a web page cannot reach a local
    service through a DNS name of its own.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self.app = app
        self.token = settings.token
        self.max_body = settings.max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, 413 or 421, or pass the request on."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self.app(scope, self._limited(receive), send)
            return
        error, status = refusal
        await problem_response(error, status)(scope, receive, send)

    def _limited(self, receive: Receive) -> Receive:
        """Return `receive` with an end to what it takes in, for bodies that did not say their size."""
        taken = 0

        async def receive_within_limit() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.max_body:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        return receive_within_limit

    def _refusal(self, scope: Scope) -> tuple[BioXenException, HTTPStatus] | None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.max_body:
            return too_large(), HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if self.token is None:
            return None if _is_loopback(headers.get("host", "")) else _wrong_host(headers.get("host", ""))
        if scope["path"] in OPEN_PATHS or self._has_token(headers.get("authorization", "")):
            return None
        return _no_token()

    def _has_token(self, authorization: str) -> bool:
        expected = f"Bearer {self.token}"
        return hmac.compare_digest(authorization.encode(), expected.encode())


def _is_loopback(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name in LOOPBACK_HOSTS


def _wrong_host(host: str) -> tuple[BioXenException, HTTPStatus]:
    details = {"place": "Host", "remedy": "Ask 127.0.0.1 or localhost, or start the service with a token."}
    message = f"This service answers loopback names only, not {host!r}."
    error = BioXenException(message, BioXenErrorCode.API_VALIDATION_ERROR, details)
    return error, HTTPStatus.MISDIRECTED_REQUEST


def _no_token() -> tuple[BioXenException, HTTPStatus]:
    details = {"place": "Authorization", "remedy": "Send the header `Authorization: Bearer TOKEN`."}
    error = BioXenException("The token is missing or wrong.", BioXenErrorCode.API_VALIDATION_ERROR, details)
    return error, HTTPStatus.UNAUTHORIZED
