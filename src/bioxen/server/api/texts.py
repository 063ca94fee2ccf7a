"""`POST /texts` of a computation service: the text of a large model, once for many requests."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from bioxen.errors import ValidationError
from bioxen.server.orchestrator.texts import PATH, KeptTexts


def text_routes(texts: KeptTexts) -> APIRouter:
    """Return the route by which orchestrators send texts to their replicas."""
    router = APIRouter(tags=["compute"])

    @router.post(PATH, status_code=HTTPStatus.CREATED, include_in_schema=False)
    async def post_text(request: Request) -> PlainTextResponse:
        """Keep a text for a while, and return the handle that may stand for it."""
        try:
            text = (await request.body()).decode()
        except UnicodeDecodeError as error:
            raise ValidationError(
                f"The text is not UTF-8: {error.reason} at byte {error.start}.",
                details={"place": f"byte {error.start}", "remedy": "Send plain UTF-8 text."},
            ) from error
        handle = await asyncio.to_thread(texts.handle, text)
        texts.keep(handle, text)
        return PlainTextResponse(handle, HTTPStatus.CREATED)

    return router
