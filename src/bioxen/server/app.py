"""The composition root: it wires workers, services, orchestrator and routes into the three applications."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_client.core import Metric

from bioxen._version import VERSION
from bioxen.protocol.processes import Service
from bioxen.protocol.services import HealthReport
from bioxen.server.admission.estimator import Estimator
from bioxen.server.api import problems
from bioxen.server.api.arrays import array_routes
from bioxen.server.api.calls import call_routes
from bioxen.server.api.cell_resources import cell_resource_routes
from bioxen.server.api.cells import cell_routes
from bioxen.server.api.compute import compute_routes
from bioxen.server.api.jobs import job_routes
from bioxen.server.api.lean import ShortWay, json_routes
from bioxen.server.api.models import owners_model_routes
from bioxen.server.api.observing import Observer
from bioxen.server.api.openapi import describe
from bioxen.server.api.owner import owner_route
from bioxen.server.api.past import past_routes
from bioxen.server.api.populations import population_routes
from bioxen.server.api.registry import registry_routes
from bioxen.server.api.security import Guard
from bioxen.server.api.status import (
    health_routes,
    metrics_route,
    model_routes,
    process_routes,
    progress_route,
)
from bioxen.server.api.strict import nothing_unknown
from bioxen.server.api.texts import text_routes
from bioxen.server.api.tools import tool_routes
from bioxen.server.bytecode.repository import Repository
from bioxen.server.cache.mirror import mirrored
from bioxen.server.hypervisor.calls import KeptCellCalls
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.metrics import (
    Metrics,
    cache_metrics,
    fallback_metrics,
    job_metrics,
    line_metrics,
    replica_metrics,
    worker_metrics,
)
from bioxen.server.orchestrator.callers import Caller
from bioxen.server.orchestrator.computation import ENGINES, ComputationService
from bioxen.server.orchestrator.http_caller import HttpCaller
from bioxen.server.orchestrator.orchestrator import ComputationOrchestrator
from bioxen.server.orchestrator.owned import OwnedComputer, OwnersModels
from bioxen.server.orchestrator.routing import routing_by
from bioxen.server.orchestrator.texts import KeptTexts
from bioxen.server.orchestrator.tools import ToolService
from bioxen.server.settings import ServiceSettings
from bioxen.server.standing import StandingTasks
from bioxen.server.store.arrays import StoredArrays
from bioxen.server.store.cell_quotas import CellGate
from bioxen.server.store.jobs import state_counts
from bioxen.server.store.keyring import Keyring
from bioxen.server.store.store import Store
from bioxen.server.workers.config import WorkerConfig, usable_cores
from bioxen.server.workers.local import LocalPool

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig  # not in every version that serves

BOTH: tuple[Service, ...] = ("static", "dynamic")
TITLES = {
    "static": "BioXen static metabolic service",
    "dynamic": "BioXen dynamic kinetic service",
    "orchestrator": "BioXen orchestrator",
}
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own: `/metrics` and the log tell more, and to look for exporters at each request takes time."""
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def service_app(service: Service, settings: ServiceSettings) -> FastAPI:
    """Return the application of one computation service, with workers of its own."""
    repository = Repository()
    pool = _pool(settings, ENGINES[service], settings.workers)
    computer = ComputationService(
        service,
        pool,
        repository,
        deadline=settings.deadline,
        cache_bytes=settings.cache_bytes,
        routing=routing_by(settings.routes) if service == "dynamic" else None,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool, mirrored(computer.cache, settings.cache_dir, ENGINES[service]):
            yield

    texts = KeptTexts()
    app = _app(TITLES[service], settings, lifespan)
    app.state.computer = computer
    _include_compute(app, compute_routes(computer, [service], texts))
    app.include_router(text_routes(texts))
    app.include_router(health_routes(computer.health))
    app.include_router(progress_route(computer.progress))
    app.state.metrics.watch(lambda: worker_metrics(ENGINES[service], pool.health()))
    app.state.metrics.watch(lambda: fallback_metrics(ENGINES[service], pool.tally))
    app.state.metrics.watch(lambda: cache_metrics(ENGINES[service], computer.cache))
    app.include_router(metrics_route(app.state.metrics))
    app.include_router(process_routes([service]))
    app.include_router(model_routes(repository, [service]))
    return app


def orchestrator_app(
    settings: ServiceSettings,
    replicas: Iterable[tuple[Service, str]],
    caller: Caller | None = None,
) -> FastAPI:
    """Return the orchestrator's application, in front of `replicas`.

    `caller` reaches the replicas; over the network where it is absent.
    """
    caller = caller or HttpCaller(settings.token)
    tools = ToolService(_pool(settings, "tools", 1), settings.tools, settings.deadline)
    store = Store.at(settings.store)
    orchestrator = ComputationOrchestrator(
        replicas,
        caller,
        deadline=settings.deadline,
        per_owner=settings.queue_limit,
        arrays=StoredArrays(store),
    )
    models = OwnersModels(store, repository := Repository(), settings.quotas)
    gate = CellGate(settings.cell_quotas)
    cells = HypervisorRuntime(store, gate)
    slots = settings.job_slots or usable_cores() + 1
    estimator = Estimator(repository, settings.memory_limit)
    jobs = JobRunner(store, orchestrator, slots, settings.quotas, KeptCellCalls(), estimator, gate)
    standing = StandingTasks()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store.open()
        standing.start("looks after the replicas", orchestrator.watch())
        estimator.keep_in(store.beside("rates"))
        await jobs.start()
        cells.start(app, settings.token)
        try:
            yield
        finally:
            cells.close()
            await jobs.close()
            estimator.write()  # in this thread: at the end of an interpreter no other can be started
            store.close()
            await standing.stop()
            await tools.close()
            await caller.close()

    def health() -> HealthReport:
        report, trouble = orchestrator.health(), jobs.trouble or standing.trouble
        return report.model_copy(update={"status": "unhealthy", "trouble": trouble}) if trouble else report

    async def stored() -> list[Metric]:
        return list(job_metrics(await store.read(state_counts), jobs.parts_running))

    app = _app(TITLES["orchestrator"], settings, lifespan, Keyring(store))
    _include_compute(app, compute_routes(OwnedComputer(orchestrator, models), BOTH))
    app.include_router(tool_routes(tools, models))
    app.include_router(population_routes(store, cells, jobs, models))
    app.include_router(call_routes(store, jobs, models))
    app.include_router(past_routes(cells))
    app.include_router(cell_resource_routes(cells, jobs))
    app.include_router(cell_routes(cells))
    app.include_router(job_routes(store, jobs, models))
    app.include_router(array_routes(store))
    app.include_router(owner_route(store, settings.quotas))
    app.include_router(health_routes(health, store))
    app.state.metrics.watch(lambda: replica_metrics(orchestrator.replicas()))
    app.state.metrics.watch(lambda: line_metrics(orchestrator.waiting()))
    app.include_router(metrics_route(app.state.metrics, stored))
    app.include_router(process_routes(BOTH, tools.processes))
    app.include_router(owners_model_routes(models, repository, cells.forget_results))
    app.include_router(registry_routes(orchestrator, settings))
    return app


def _pool(settings: ServiceSettings, engine: str, size: int | None) -> LocalPool:
    return LocalPool(
        engines=(engine,),
        size=size,
        queue_limit=settings.queue_limit,
        memory_limit=settings.memory_limit,
        config=WorkerConfig(sys_path=tuple(map(str, settings.sys_path))),
    )


def _app(
    title: str, settings: ServiceSettings, lifespan: Lifespan, keyring: Keyring | None = None
) -> FastAPI:
    app = FastAPIOffline(
        title=title,
        version=VERSION,
        description="Fluxes: mmol/gDW/h; growth rates: 1/h; durations: s. Errors: RFC 9457 problem bodies.",
        lifespan=lifespan,
        redoc_url=None,
        telemetry=NO_TELEMETRY,
        dependencies=[Depends(nothing_unknown)],
    )
    problems.install(app)
    app.state.metrics = Metrics()
    app.state.short_ways = {}
    app.add_middleware(ShortWay, routes=app.state.short_ways)  # the first added is the innermost
    app.add_middleware(Guard, settings=settings, keyring=keyring)
    app.add_middleware(Observer, metrics=app.state.metrics)
    app.openapi = lambda: _remembered(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def _include_compute(app: FastAPI, router: APIRouter) -> None:
    app.include_router(router)
    app.state.short_ways.update(json_routes(router))


def _remembered(app: FastAPI) -> dict[str, object]:
    if app.openapi_schema is None:
        app.openapi_schema = describe(app)
    return app.openapi_schema
