"""Numbers for Prometheus. No label tells who asked: tokens and owners are nobody's business there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bioxen._version import VERSION
from bioxen.protocol.processes import Service
from bioxen.protocol.services import ReplicaInfo, WorkerHealth
from bioxen.server.cache.answers import AnswerCache

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
Read = Callable[[], Iterable[Metric]]


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "bioxen_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "bioxen_http_request_seconds",
            "Seconds from a request's arrival to the end of its answer.",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.watch(_version)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def watch(self, read: Read) -> None:
        """Add metrics that are read when they are asked for."""
        self.registry.register(_Reader(read))

    def text(self) -> bytes:
        """Return every metric in Prometheus's text format."""
        return generate_latest(self.registry)


class _Reader(Collector):
    def __init__(self, read: Read) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what is read is not known before."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the numbers of this moment."""
        return self._read()


def _version() -> Iterable[Metric]:
    info = GaugeMetricFamily("bioxen_build_info", "The version that runs.", labels=("version",))
    info.add_metric((VERSION,), 1)
    yield info


def worker_metrics(engine: str, health: WorkerHealth) -> Iterable[Metric]:
    """Give the numbers of a pool of workers."""
    workers = GaugeMetricFamily("bioxen_workers", "Workers by state.", labels=("engine", "state"))
    for state in ("size", "ready", "busy"):
        workers.add_metric((engine, "wanted" if state == "size" else state), getattr(health, state))
    yield workers
    yield _gauge("bioxen_queue_length", "Tasks that wait for a worker.", engine, health.queued)
    yield _gauge("bioxen_queue_limit", "Tasks that may wait for a worker.", engine, health.queue_limit)
    for name, about, count in (
        ("bioxen_workers_replaced", "Workers replaced since the start.", health.replaced),
        ("bioxen_tasks_completed", "Tasks that workers answered since the start.", health.completed),
    ):
        family = CounterMetricFamily(name, about, labels=("engine",))
        family.add_metric((engine,), count)
        yield family


def cache_metrics(engine: str, cache: AnswerCache) -> Iterable[Metric]:
    """Give the numbers of a service's cache."""
    for name, about, count in (
        ("bioxen_cache_hits", "Requests answered from the cache.", cache.hits),
        ("bioxen_cache_misses", "Requests that were computed.", cache.misses),
        ("bioxen_cache_shared", "Requests that waited for an equal one under way.", cache.shared),
        ("bioxen_cache_evictions", "Answers that made room for others.", cache.evictions),
        ("bioxen_cache_file_failures", "Answers that could not be kept as files.", cache.file_failures),
    ):
        family = CounterMetricFamily(name, about, labels=("engine",))
        family.add_metric((engine,), count)
        yield family
    yield _gauge(
        "bioxen_cache_hit_ratio", "Hits among all requests since the start.", engine, cache.hit_ratio
    )
    yield _gauge("bioxen_cache_answers", "Answers kept.", engine, len(cache))
    yield _gauge("bioxen_cache_bytes", "Bytes kept.", engine, cache.used)
    yield _gauge("bioxen_cache_limit_bytes", "Bytes that may be kept.", engine, cache.limit)


def fallback_metrics(engine: str, tally: Mapping[str, int]) -> Iterable[Metric]:
    """Give how often the workers fell back to another way of computing, by kind and reason."""
    labels = ("engine", "kind", "reason")
    family = CounterMetricFamily(
        "bioxen_fallbacks", "Second ways of computing that were taken.", labels=labels
    )
    for name, count in sorted(tally.items()):
        kind, _, reason = name.partition(": ")
        family.add_metric((engine, kind, reason), count)
    yield family


def line_metrics(waiting: Mapping[Service, int]) -> Iterable[Metric]:
    """Give how many requests wait for a turn of their owners."""
    family = GaugeMetricFamily(
        "bioxen_requests_waiting", "Requests that wait for their turns.", labels=("service",)
    )
    for service, count in waiting.items():
        family.add_metric((service,), count)
    yield family


def replica_metrics(replicas: Iterable[ReplicaInfo]) -> Iterable[Metric]:
    """Give the numbers of an orchestrator's replicas."""
    labels = ("service", "url")
    up = GaugeMetricFamily("bioxen_replica_healthy", "Whether a replica is healthy.", labels=labels)
    flight = GaugeMetricFamily("bioxen_replica_in_flight", "Requests under way.", labels=labels)
    answered = CounterMetricFamily("bioxen_replica_answered", "Requests answered.", labels=labels)
    failed = CounterMetricFamily("bioxen_replica_failed", "Requests that got no answer.", labels=labels)
    for replica in replicas:
        names = (replica.service, replica.url)
        up.add_metric(names, float(replica.state == "healthy"))
        flight.add_metric(names, replica.in_flight)
        answered.add_metric(names, replica.answered)
        failed.add_metric(names, replica.failed)
    yield from (up, flight, answered, failed)


def job_metrics(states: Mapping[str, int], parts_running: int) -> Iterable[Metric]:
    """Give the numbers of a store's jobs."""
    family = GaugeMetricFamily("bioxen_jobs", "Jobs in the store, by state.", labels=("state",))
    for state, count in states.items():
        family.add_metric((state,), count)
    yield family
    running = GaugeMetricFamily("bioxen_job_parts_running", "Parts of jobs under way.")
    running.add_metric((), parts_running)
    yield running


def _gauge(name: str, about: str, engine: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, about, labels=("engine",))
    family.add_metric((engine,), value)
    return family
