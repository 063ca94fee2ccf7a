"""Who may ask, and how much: the Host header on loopback, bearer tokens and their scopes, a limit."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bioxen.errors import BioXenErrorCode, BioXenException, MissingScopeError
from bioxen.protocol import tokens
from bioxen.server.api.problems import problem_response, too_large
from bioxen.server.settings import LOOPBACK_HOSTS, ServiceSettings
from bioxen.server.sharing import owners
from bioxen.server.store.keyring import Keyring
from bioxen.server.store.owners import LOCAL

OPEN_PATHS = frozenset({"/health", "/ready"})
"""Paths that need no token: load balancers ask them, and they tell no one's data."""
NEEDED: dict[str, tokens.Scope | None] = {
    "compute": "compute",
    "jobs": "jobs",
    "vms": "cells",
    "services": "admin",
    "": None,
    "arrays": None,
    "docs": None,
    "health": None,
    "metrics": None,
    "models": None,
    "openapi.json": None,
    "owner": None,
    "processes": None,
    "progress": "compute",
    "ready": None,
    "static-offline-docs": None,
    "texts": "compute",
}
"""First part of a path → the scope it needs; null: any token will do. What is not here needs `admin`."""
NEEDED_TO_CHANGE: dict[str, tokens.Scope] = {"models": "models"}
"""The same for methods that change something, where that is another scope."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers of a request that a proxy passed on: it reached loopback, but did not begin there."""
CALLER = "bioxen.caller"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    owner: str
    scopes: frozenset[tokens.Scope]


EVERYONE_HERE = Caller(LOCAL, frozenset(tokens.SCOPES))
"""Whoever asks on loopback without a token, and whoever has the services' own secret."""


async def caller_of(request: Request) -> Caller:
    """Return who asks; for routes, as `asking: Asking`."""
    caller: Caller = request.scope[CALLER]
    return caller


Asking = Annotated[Caller, Depends(caller_of)]


class Refused(Exception):  # noqa: N818 - it is an answer, no error of ours
    """A request that is not let in."""

    def __init__(self, error: BioXenException, status: HTTPStatus) -> None:
        self.error, self.status = error, status


class Guard:
    """ASGI middleware that lets in only who may ask, and notes in the scope who that is.

    Without the services' secret only loopback names are accepted as Host, so that a web page cannot reach a
    local service through a DNS name of its own.

    Args:
        app: what is guarded.
        settings: the service's.
        keyring: the tokens of the store; `None` where the service has none.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings, keyring: Keyring | None = None) -> None:
        self.app = app
        self.secret = settings.token
        self.max_body = settings.max_body
        self.keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, 403, 413 or 421, or pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            headers = Headers(scope=scope)
            self._check_size(headers)
            self._check_host(headers.get("host", ""))
            if scope["path"] not in OPEN_PATHS:
                scope[CALLER] = caller = await self._caller(headers)
                check_scope(caller, scope["method"], scope["path"])
        except Refused as refused:
            await problem_response(refused.error, refused.status)(scope, receive, send)
            return
        with owners.working_for(_owner_of(scope)):
            await self.app(scope, self._limited(receive), send)

    def _check_size(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.max_body:
            raise Refused(too_large(), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def _check_host(self, host: str) -> None:
        if self.secret is None and not _is_loopback(host):
            raise _wrong_host(host)

    async def _caller(self, headers: Headers) -> Caller:
        authorization = headers.get("authorization")
        if self.secret is None and self.keyring is None:
            return EVERYONE_HERE
        if authorization is None:
            return await self._nameless(headers)
        kind, _, secret = authorization.partition(" ")
        if kind.lower() == "bearer" and secret:
            if self.secret is not None and hmac.compare_digest(secret.encode(), self.secret.encode()):
                return EVERYONE_HERE
            if self.keyring is not None and (token := await self.keyring.find(secret)) is not None:
                return Caller(token.owner, frozenset(token.scopes))
        raise _no_token()

    async def _nameless(self, headers: Headers) -> Caller:
        """Return the owner `local` for a request without a token that began on this machine."""
        if self.secret is not None:
            raise _no_token()
        passed_on = any(name in headers for name in FORWARDED)
        if passed_on and self.keyring is not None and await self.keyring.is_used():
            raise _no_token()
        return EVERYONE_HERE

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


def _owner_of(scope: Scope) -> str | None:
    """Return whose turn a request takes: a cell's process is its owner's, though this server asks for it."""
    caller: Caller | None = scope.get(CALLER)
    on_behalf: str | None = scope.get(owners.ON_BEHALF)
    return on_behalf or (caller.owner if caller is not None else None)


def check_scope(caller: Caller, method: str, path: str) -> None:
    """Return where `caller` may do that to `path`.

    Raises:
        Refused: a scope is missing.
    """
    first = path.split("/", 2)[1] if "/" in path else path
    needed = NEEDED.get(first, "admin")
    if method not in READING:
        needed = NEEDED_TO_CHANGE.get(first, needed)
    if needed is None or needed in caller.scopes or "admin" in caller.scopes:
        return
    error = MissingScopeError(
        f"The token lacks the scope {needed}.",
        details={
            "place": "Authorization",
            "scope": needed,
            "scopes": sorted(caller.scopes),
            "remedy": f"Ask with a token made by `bioxen token create {caller.owner} --scope {needed}`.",
        },
    )
    raise Refused(error, HTTPStatus.FORBIDDEN)


def _is_loopback(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name in LOOPBACK_HOSTS


def _wrong_host(host: str) -> Refused:
    details = {"place": "Host", "remedy": "Ask 127.0.0.1 or localhost, or start the service with a token."}
    message = f"This service answers loopback names only, not {host!r}."
    error = BioXenException(message, BioXenErrorCode.API_VALIDATION_ERROR, details)
    return Refused(error, HTTPStatus.MISDIRECTED_REQUEST)


def _no_token() -> Refused:
    details = {"place": "Authorization", "remedy": "Send the header `Authorization: Bearer TOKEN`."}
    message = "The token is missing, wrong, revoked or expired."
    error = BioXenException(message, BioXenErrorCode.API_VALIDATION_ERROR, details)
    return Refused(error, HTTPStatus.UNAUTHORIZED)
