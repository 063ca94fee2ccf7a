"""`POST /compute/process`: a process that a third party's tool computes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from bioxen.protocol.cells import ProcessCall
from bioxen.server.api.compute import FAULTS
from bioxen.server.api.lean import JSON
from bioxen.server.orchestrator.owned import OwnersModels
from bioxen.server.orchestrator.tools import ToolService
from bioxen.server.sharing import owners


def tool_routes(tools: ToolService, models: OwnersModels) -> APIRouter:
    """Return the route of third-party tools, which compute with the `models` of whoever asks as well."""
    router = APIRouter(tags=["compute"])

    @router.post("/compute/process", response_model=dict[str, Any], responses=FAULTS)
    async def compute_process(call: ProcessCall) -> Response:
        """Run a process on the tool that is registered for its code; the answer is the tool's own."""
        context = await models.resolve_context(owners.current(), call.context)
        return Response(await tools.compute(call.model_copy(update={"context": context})), media_type=JSON)

    return router
