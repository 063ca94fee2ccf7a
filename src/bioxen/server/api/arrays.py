"""`GET /arrays/{digest}`: arrays that results refer to.

Who has the digest, a sha256 of what is in the file, may have the file: a result told it, or its content did.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from bioxen.errors import ArrayNotFoundError
from bioxen.server.api.problems import responses_for
from bioxen.server.store.results import NPY, array_is_kept
from bioxen.server.store.store import Store

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


def array_routes(store: Store) -> APIRouter:
    """Return the routes of arrays."""
    router = APIRouter(prefix="/arrays", tags=["arrays"])

    @router.get(
        "/{digest}",
        response_class=Response,
        responses={
            **responses_for(404, 422),
            200: {"content": {NPY: {"schema": {"type": "string", "format": "binary"}}}},
        },
    )
    async def get_array(digest: Digest) -> Response:
        """Return an array as a file in NumPy's format .npy: little-endian float64, NaN for null."""
        if not await store.read(array_is_kept, digest):
            raise ArrayNotFoundError(
                f"No array {digest[:12]}… is kept.",
                details={
                    "place": "digest",
                    "remedy": "Ask for the study again; the same request gives the same bytes.",
                },
            )
        headers = {
            "ETag": f'"{digest}"',
            "Content-Disposition": f'attachment; filename="{digest[:16]}.npy"',
        }
        return Response(await store.fetch(digest), media_type=NPY, headers=headers)

    return router
