"""What a service says of itself: `GET /health`, `/ready`, `/metrics`, `/processes`, `/models`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import Metric

from bioxen.protocol.processes import PROCESSES, Service
from bioxen.protocol.services import HealthReport, ModelInfo, ProcessInfo, TaskProgress
from bioxen.server.api.problems import responses_for
from bioxen.server.bytecode.repository import Repository
from bioxen.server.metrics import Metrics
from bioxen.server.store.jobs import state_counts
from bioxen.server.store.store import Store

ModelName = Annotated[str, Path(min_length=1, max_length=256)]
RequestId = Annotated[str, Path(min_length=1, max_length=128)]
KINDS: dict[Service, str] = {"static": "metabolic", "dynamic": "kinetic"}


def health_routes(health: Callable[[], HealthReport], store: Store | None = None) -> APIRouter:
    """Return `GET /health` and `GET /ready`."""
    router = APIRouter(tags=["status"])

    @router.get("/health", response_model=HealthReport, responses={503: {"model": HealthReport}})
    async def get_health(response: Response) -> HealthReport:
        """Return the health; with status 503 where the process is to be started again."""
        report = health()
        if report.trouble is not None:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return report

    @router.get("/ready", response_model=HealthReport, responses={503: {"model": HealthReport}})
    async def get_ready(response: Response) -> HealthReport:
        """Return the health; with status 503 where nothing can be computed."""
        report = health()
        if store is not None:
            await store.read(state_counts)
        if report.status == "unhealthy":
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return report

    return router


def metrics_route(
    metrics: Metrics, jobs: Callable[[], Awaitable[Iterable[Metric]]] | None = None
) -> APIRouter:
    """Return `GET /metrics`; `jobs` reads what stands in a store."""
    router = APIRouter(tags=["status"])
    latest: list[Metric] = []
    if jobs is not None:
        metrics.watch(lambda: latest)

    @router.get("/metrics", response_class=PlainTextResponse, responses=responses_for())
    async def get_metrics() -> Response:
        """Return every metric in Prometheus's text format."""
        if jobs is not None:
            latest[:] = await jobs()
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router


def process_routes(
    services: Iterable[Service], third_party: Callable[[], Awaitable[list[ProcessInfo]]] | None = None
) -> APIRouter:
    """Return `GET /processes` for the processes of `services` and of third parties' tools."""
    router = APIRouter(tags=["status"])
    own = [
        ProcessInfo(
            code=process.code,
            aliases=list(process.aliases),
            title=process.title,
            service=process.service,
            kisao=process.kisao,
        )
        for process in PROCESSES
        if process.service in set(services)
    ]

    @router.get("/processes", response_model=list[ProcessInfo], responses=responses_for())
    async def get_processes() -> list[ProcessInfo]:
        """List the processes that are computed here."""
        return own + (await third_party() if third_party else [])

    return router


def progress_route(progress: Callable[[str], TaskProgress | None]) -> APIRouter:
    """Return `GET /progress/{request_id}`, which orchestrators ask their replicas."""
    router = APIRouter(tags=["status"])

    @router.get("/progress/{request_id}", response_model=TaskProgress | None, include_in_schema=False)
    async def get_progress(request_id: RequestId) -> TaskProgress | None:
        """Return how far the request is that came with this X-Request-ID; null once it has its answer.

        Null as well where its analysis has no steps that could be counted, or has told none yet.
        """
        return progress(request_id)

    return router


def model_routes(repository: Repository, services: Iterable[Service]) -> APIRouter:
    """Return `GET /models` and `GET /models/{name}` for the models that `services` can run."""
    router = APIRouter(tags=["models"])
    kinds = {KINDS[service] for service in services}

    @router.get("/models", response_model=list[ModelInfo], responses=responses_for())
    async def get_models() -> list[ModelInfo]:
        """List the models that a request may name; an orchestrator's list ends with your own."""
        return [model for model in repository.list() if model.kind in kinds]

    @router.get("/models/{name}", response_model=ModelInfo, responses=responses_for(404, 422))
    async def get_model(name: ModelName) -> ModelInfo:
        """Return what is known of the model of that id or digest."""
        return repository.find(name)

    return router
