"""The client of the services: typed requests go out, typed results or BioXen's own errors come back."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Self, TypeVar

from pydantic import RootModel, ValidationError

from bioxen.client.answers import read_message, read_object
from bioxen.client.arrays import Arrays
from bioxen.client.cells import KeptCells
from bioxen.client.jobs import Jobs
from bioxen.client.models import Models
from bioxen.client.transport import (
    Answer,
    DroppedError,
    LateError,
    Sockets,
    Transport,
    TransportError,
    check_url,
)
from bioxen.errors import (
    BioXenException,
    ComputationTimeoutError,
    ConfigurationError,
    ServiceUnavailableError,
    UnknownProcessError,
    did_you_mean,
)
from bioxen.errors import ValidationError as RequestError
from bioxen.protocol.base import parse
from bioxen.protocol.cells import ProcessCall
from bioxen.protocol.kinetic import AnyKineticRequest, KineticRequest, KineticResult
from bioxen.protocol.metabolic import AnyMetabolicRequest, MetabolicResult
from bioxen.protocol.processes import COMPUTE_PATHS, PROCESSES, Service, find_process
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport, ProcessInfo

R = TypeVar("R", MetabolicResult, KineticResult)

HEALTH_PATIENCE = 5.0
"""Seconds in which a service must say how it is."""
DEADLINE_GRACE = 75.0
"""Seconds beyond a request's own deadline: it may wait 60 s for its turn, and its answer has to arrive."""
REMEMBER_PROCESSES = 30.0
"""Seconds for which the list of the tools' processes is remembered."""


@dataclass(frozen=True, slots=True)
class Computed(Generic[R]):
    """What a service answered."""

    result: R
    cache_hit: bool
    """Whether it had the answer already."""


class BiologicalComputationClient:
    """Asks the static, the dynamic and the tool service; safe to share between threads and cells.

    Args:
        static_service_url: where metabolic models are computed; null where nowhere.
        dynamic_service_url: where kinetic models are computed; null where nowhere.
        tool_service_url: where third-party tools run, an orchestrator; null where nowhere.
        transport: what carries the HTTP requests; sockets where absent.
        timeout: seconds to wait for an answer, where the request has no later deadline of its own.
        token: the bearer token that the services ask for.

    Raises:
        ConfigurationError: a URL is no http or https URL.
    """

    def __init__(
        self,
        static_service_url: str | None,
        dynamic_service_url: str | None,
        tool_service_url: str | None = None,
        *,
        transport: Transport | None = None,
        timeout: float = 180.0,
        token: str | None = None,
    ) -> None:
        given = {"static": static_service_url, "dynamic": dynamic_service_url, "tools": tool_service_url}
        self.urls: dict[str, str] = {
            name: _checked(name, url) for name, url in given.items() if url is not None
        }
        self.timeout = timeout
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._transport = transport or Sockets()
        self._closing: weakref.finalize[[], BiologicalComputationClient] | None = None
        self._opening = threading.Lock()
        self._processes: tuple[float, list[ProcessInfo]] | None = None

    def request_static_computation(self, request: AnyMetabolicRequest | Mapping[str, Any]) -> MetabolicResult:
        """Return the metabolic service's result.

        Raises:
            ValidationError: the request is not of the form the protocol asks for.
            ServiceUnavailableError: the service cannot be reached.
            ComputationTimeoutError: no answer in time.
            BioXenException: whatever fault the service answered with, as its own class.
        """
        return self._compute("static", request, MetabolicResult).result

    def request_dynamic_computation(self, request: AnyKineticRequest | Mapping[str, Any]) -> KineticResult:
        """Return the kinetic service's result; raises as `request_static_computation` does."""
        return self._compute("dynamic", request, KineticResult).result

    def computed(self, request: ComputeRequest) -> Computed[MetabolicResult] | Computed[KineticResult]:
        """Return a service's result, and whether it was known there; raises as the two above."""
        if isinstance(request, KineticRequest):
            return self._compute("dynamic", request, KineticResult)
        return self._compute("static", request, MetabolicResult)

    def request_tool_computation(self, process_code: str, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of a third-party tool, as the tool gave it.

        Raises:
            UnknownProcessError: no tool computes `process_code`.
            BioXenException: see `request_static_computation`.
        """
        call = parse(ProcessCall, {"process_code": process_code, "context": dict(context)})
        # A tool's process may have effects: unlike our own engines' it is never sent twice.
        return read_object(self._send("tools", "POST", "/compute/process", call.model_dump_json(), tries=1))

    def supported_processes(self) -> list[ProcessInfo]:
        """Return the processes that the tool service computes; asked at most once in 30 s.

        Raises:
            BioXenException: see `request_static_computation`.
        """
        remembered = self._processes
        if remembered is None or time.monotonic() - remembered[0] > REMEMBER_PROCESSES:
            answer = read_message(self._send("tools", "GET", "/processes"), RootModel[list[ProcessInfo]])
            self._processes = remembered = (time.monotonic(), answer.root)
        return list(remembered[1])

    @property
    def jobs(self) -> Jobs:
        """The jobs of the orchestrator behind `tool_service_url`."""
        return Jobs(partial(self._send, "tools"))

    @property
    def cells(self) -> KeptCells:
        """The cells that the orchestrator behind `tool_service_url` keeps."""
        return KeptCells(partial(self._send, "tools"))

    @property
    def models(self) -> Models:
        """The models of the orchestrator behind `tool_service_url`, your own among them."""
        return Models(partial(self._send, "tools"))

    @property
    def arrays(self) -> Arrays:
        """The arrays of results; those by reference are the orchestrator's behind `tool_service_url`."""
        return Arrays(partial(self._send, "tools"))

    def check_service_health(self) -> dict[str, HealthReport | str]:
        """Return each configured service's report, or the reason why there is none. Raises nothing."""
        asked: dict[str, HealthReport | str] = {}
        for name, url in self.urls.items():
            if url not in asked:  # an orchestrator stands at one URL for all of them
                asked[url] = self._health(name)
        return {name: asked[url] for name, url in self.urls.items()}

    def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        with self._opening:
            closing, self._closing = self._closing, None
        if closing is not None:
            closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _compute(
        self, service: Service, request: ComputeRequest | Mapping[str, Any], result: type[R]
    ) -> Computed[R]:
        typed = request if isinstance(request, ComputeRequest) else _typed(service, request)
        patience = max(self.timeout, (typed.deadline or 0.0) + DEADLINE_GRACE if typed.deadline else 0.0)
        body = typed.model_dump_json(exclude_none=True)
        answer = self._send(service, "POST", COMPUTE_PATHS[service], body, patience=patience)
        return Computed(read_message(answer, result), _was_known(answer))

    def _health(self, name: str) -> HealthReport | str:
        try:
            answer = self._send(name, "GET", "/health", patience=HEALTH_PATIENCE)
            return HealthReport.model_validate_json(answer.content)
        except BioXenException as error:
            return str(error)
        except ValidationError:
            return f"{self.urls[name]} answers, but not with a health report."

    def _send(
        self,
        service: str,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        patience: float | None = None,
        tries: int = 2,
    ) -> Answer:
        """Return the answer. A dropped connection is tried once more: a request names its answer."""
        url = self._base(service) + path
        wait = patience or self.timeout
        content = body.encode() if body is not None else None
        kind = {"content-type": "application/json"} if body is not None else {}
        headers = {**kind, **headers, **self._headers}
        try:
            for attempt in range(1, tries + 1):
                try:
                    return self._open().send(method, url, content, headers, wait)
                except DroppedError:
                    if attempt == tries:
                        raise
        except TransportError as error:
            raise _fault_of(error, service, url, wait) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _base(self, service: str) -> str:
        if service not in self.urls:
            raise ServiceUnavailableError(
                f"No {_called(service)} is configured.",
                details={"service": service, "remedy": f"Give the URL of the {_called(service)}."},
            )
        return self.urls[service]

    def _open(self) -> Transport:
        if self._closing is None:
            with self._opening:
                if self._closing is None:  # closed also when the client is forgotten
                    self._closing = weakref.finalize(self, self._transport.close)
        return self._transport


def _was_known(answer: Answer) -> bool:
    """Return whether the service's own word in `Cache-Status` (RFC 9211; it comes first) is that it hit."""
    own = answer.headers.get("cache-status", "").split(",")[0]
    return "hit" in (part.strip() for part in own.split(";")[1:])


def _typed(service: Service, request: Mapping[str, Any]) -> ComputeRequest:
    """Return the request that a mapping stands for; its `process_code` tells the type."""
    codes = [code for process in PROCESSES if process.service == service for code in process.codes]
    code = request.get("process_code")
    if not isinstance(code, str):
        details = {"place": "process_code", "remedy": f"Give one of {', '.join(codes)}."}
        raise RequestError("process_code: Field required", details=details)
    process = find_process(code)
    if process is None or process.service != service:
        details = {"place": "process_code", **did_you_mean(code, codes)}
        raise UnknownProcessError(f"The {service} service has no process {code!r}.", details=details)
    return parse(process.request, request)


def _called(service: str) -> str:
    """Return what a person calls it: whoever answers for tools, jobs and cells is the orchestrator."""
    return "orchestrator" if service == "tools" else f"{service} service"


def _fault_of(
    error: TransportError, service: str, url: str, patience: float
) -> ComputationTimeoutError | ServiceUnavailableError:
    details = {"service": service, "url": url}
    if isinstance(error, LateError):
        remedy = "Ask for less, or allow more time with `deadline` and the client's `timeout`."
        message = f"The {_called(service)} at {url} gave no answer within {patience:g} s."
        return ComputationTimeoutError(message, details={**details, "remedy": remedy})
    remedy = "Start the services with `bioxen up`, or give the URL where they are."
    why = str(error) or type(error).__name__
    message = f"The {_called(service)} cannot be reached at {url}: {why}."
    return ServiceUnavailableError(message, details={**details, "remedy": remedy})


def _checked(name: str, url: str) -> str:
    try:
        check_url(url)
    except (ValueError, TypeError):
        raise ConfigurationError(
            f"{url!r} is no URL of a service.",
            details={"place": f"computation_service_urls.{name}", "remedy": "Give http://host:port."},
        ) from None
    return url.rstrip("/")
