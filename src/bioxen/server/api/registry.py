"""The service registry of an orchestrator: `GET`, `POST` and `DELETE /services`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AnyHttpUrl, Field

from bioxen.errors import ConfigurationError
from bioxen.protocol.base import Message
from bioxen.protocol.processes import Service
from bioxen.protocol.services import ReplicaInfo
from bioxen.server.api.problems import responses_for
from bioxen.server.orchestrator.orchestrator import ComputationOrchestrator
from bioxen.server.settings import LOOPBACK_HOSTS, ServiceSettings


class Registration(Message):
    """The body of `POST /services`."""

    service: Service
    url: Annotated[AnyHttpUrl, Field(strict=False)]
    """Where the replica listens, such as `http://127.0.0.1:5003`."""


def registry_routes(orchestrator: ComputationOrchestrator, settings: ServiceSettings) -> APIRouter:
    """Return the routes of the registry."""
    router = APIRouter(prefix="/services", tags=["registry"])

    @router.get("", response_model=list[ReplicaInfo], responses=responses_for())
    async def get_services() -> list[ReplicaInfo]:
        """List every replica with its state and load."""
        return orchestrator.replicas()

    @router.post(
        "",
        status_code=HTTPStatus.CREATED,
        response_model=list[ReplicaInfo],
        responses=responses_for(400, 413, 422),
    )
    async def post_service(registration: Registration) -> list[ReplicaInfo]:
        """Register a replica; it gets requests as soon as it answers a probe."""
        _check_reach(registration.url, settings)
        orchestrator.register(registration.service, str(registration.url))
        await orchestrator.probe()
        return orchestrator.replicas()

    @router.delete("", status_code=HTTPStatus.NO_CONTENT, responses=responses_for(422))
    async def delete_service(url: Annotated[str, Query(min_length=1, max_length=2000)]) -> None:
        """Forget a replica."""
        orchestrator.unregister(url)

    return router


def _check_reach(url: AnyHttpUrl, settings: ServiceSettings) -> None:
    """Without a token anyone on this machine may register; then no request leaves this machine."""
    host = (url.host or "").strip("[]")
    if settings.token is None and host not in LOOPBACK_HOSTS:
        raise ConfigurationError(
            f"An orchestrator without a token takes replicas on this machine only, not on {host}.",
            details={"place": "url", "remedy": "Start the orchestrator with --token."},
        )
