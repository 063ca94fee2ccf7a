"""The OpenAPI document: FastAPI's own, with errors as the problem bodies that they are."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from bioxen.server.api.problems import MEDIA_TYPE

PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
FIRST_ERROR = 400


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the document of `app`; the same app gives the same document."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    for path in document["paths"].values():
        for operation in path.values():
            operation["summary"] = operation["description"].partition(".")[0]
            _describe_errors(operation["responses"])
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _describe_errors(responses: dict[str, Any]) -> None:
    """Give each error response the media type of problem bodies; FastAPI's own 422 is never sent."""
    for status, response in responses.items():
        content = response.get("content", {})
        is_own = "HTTPValidationError" in str(content)
        if int(status) >= FIRST_ERROR and (is_own or PROBLEM in content.values()):
            response["content"] = {MEDIA_TYPE: PROBLEM}
            if is_own:
                response["description"] = "The request is wrong; the body names the place and the remedy."
