"""One error body for every fault: `application/problem+json` (RFC 9457), made from BioXen's own errors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from bioxen.errors import BioXenErrorCode, BioXenException, ValidationError
from bioxen.protocol.base import Message
from bioxen.protocol.mistakes import request_error
from bioxen.server import unexpected
from bioxen.server.workers import tracing

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "bioxen.request_id"
log = logging.getLogger("bioxen.api")


class Problem(Message):
    """The body of every error."""

    type: str
    """`urn:bioxen:error:` and the code."""
    title: str
    """The code's name."""
    status: int
    """The HTTP status."""
    detail: str
    """One sentence that names what is wrong."""
    code: str
    """The BioXen code, such as BX013."""
    place: str | None
    """Where in the request the mistake is."""
    remedy: str | None
    """What would be right."""
    details: dict[str, Any]
    """More facts, such as `near_matches`."""


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text, "content": {MEDIA_TYPE: {}}}
    for status, text in {
        400: "The body is not JSON.",
        401: "The token is missing, wrong, revoked or expired.",
        403: "The token lacks a scope; the body names it.",
        404: "No such model or cell.",
        409: "The state does not allow that.",
        413: "The body is too large.",
        422: "The request is wrong; the body names the place and the remedy.",
        500: "An engine failed.",
        501: "A package that this needs is not installed.",
        502: "The worker died.",
        503: "Every queue is full, or no service is reachable; Retry-After says when to come back.",
        504: "The deadline passed.",
        507: "The computation outgrew its memory, or a quota is used up.",
    }.items()
}
"""The error responses for a route's OpenAPI entry; pick with `responses_for`."""


def responses_for(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of these error statuses and of those that any route can give."""
    return {status: RESPONSES[status] for status in sorted({401, 403, *statuses})}


def problem_response(error: BioXenException, status: int | None = None) -> JSONResponse:
    """Return the HTTP answer for `error`."""
    body = error.to_problem()
    if status is not None:
        body["status"] = status
    headers = {}
    if body["status"] == HTTPStatus.SERVICE_UNAVAILABLE or "retry_after" in error.details:
        headers["Retry-After"] = str(max(1, round(float(error.details.get("retry_after", 1)))))
    if body["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, body["status"], headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem body."""
    app.add_exception_handler(BioXenException, _on_bioxen)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_bioxen(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BioXenException)  # noqa: S101 - the registration says so
    return problem_response(error)


async def _on_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the registration says so
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        return problem_response(_not_json(found[0]), HTTPStatus.BAD_REQUEST)
    # The path begins with the part of the request (body, path, query), which the caller knows.
    given = error.body if found[0]["loc"][:1] == ("body",) else None
    return problem_response(request_error([{**one, "loc": tuple(one["loc"][1:])} for one in found], given))


def _not_json(error: Mapping[str, Any]) -> ValidationError:
    why = error.get("ctx", {}).get("error", error["msg"])
    details = {"place": f"character {error['loc'][-1]}", "remedy": "Send a JSON object."}
    return ValidationError(f"The body is not JSON: {why}.", details=details)


def too_large() -> ValidationError:
    """Return the error for a body over the limit."""
    return ValidationError(
        "The body is too large.", details={"remedy": "Send less; the service sets the limit."}
    )


def _allowed_methods(request: Request) -> str:
    """Return every method of the path, for the Allow header; the router knows of one route at a time."""
    path, paths = request.url.path, request.app.openapi()["paths"]
    if path in paths:  # a cell may be called like a route beside it
        return ", ".join(sorted(method.upper() for method in paths[path]))
    return ", ".join(
        sorted(
            method.upper()
            for template, operations in paths.items()
            if compile_path(template)[0].match(path)
            for method in operations
        )
    )


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """Return the answer for a fault that the framework found: no such path, a body without an end."""
    assert isinstance(error, HTTPException)  # noqa: S101 - the registration says so
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return problem_response(too_large(), error.status_code)
    remedies = {
        HTTPStatus.NOT_FOUND: "GET /docs shows every path of this service.",
        HTTPStatus.METHOD_NOT_ALLOWED: "GET /docs shows the methods of each path.",
    }
    status = HTTPStatus(error.status_code)
    details = {"remedy": remedies.get(status, "Mend the request and send it again.")}
    fault = BioXenException(str(error.detail), BioXenErrorCode.API_VALIDATION_ERROR, details)
    response = problem_response(fault, status)
    response.headers.update(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = _allowed_methods(request)
    return response


async def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    name = request.scope.get(REQUEST_ID, "")
    with tracing.named(name):  # this runs outside every other layer
        fault = unexpected.told(error, f"{request.method} {request.url.path}", log)
    response = problem_response(fault)
    response.headers[tracing.HEADER] = name
    return response
