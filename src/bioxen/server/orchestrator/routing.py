"""Where the studies of a kinetic service run: decided once for each program, before its first answer.

Equal requests must give equal bytes, so what was decided stands in a file that all services of this machine
share, and in each part of a study. Whatever goes wrong leaves the fixed rule, and the answer says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from bioxen.errors import (
    BioXenException,
    ComputationError,
    ComputationTimeoutError,
    EngineCrashError,
    OverloadError,
    ResourceExhaustionError,
    ServiceUnavailableError,
)
from bioxen.protocol.kinetic import MembersRequest, Route
from bioxen.server.accelerators.book import Book, Subject
from bioxen.server.accelerators.routes import FIXED, MEASURED, Routes, read
from bioxen.server.cache.flights import Flights
from bioxen.server.engines.crossover import (
    BY_RULE,
    FEWEST_MEASURED,
    GPU_MEMBERS,
    Crossover,
    kind_of,
    route_of,
)

LIMIT, GPU_LIMIT = 30.0, 120.0
"""Seconds that a measurement may take, the second one where it looks at a GPU."""
_LOOK_EVERY = 0.02
"""Seconds between two looks at what another service measures."""
_FAULTS_OF_MEASURING = (
    ComputationError,
    ComputationTimeoutError,
    EngineCrashError,
    ResourceExhaustionError,
)
"""Faults under which a program would be measured in vain again and again. Others are the request's own."""
log = logging.getLogger("bioxen.routes")
Measure = Callable[[Subject, float], Awaitable[Crossover]]
"""Measures in a worker, within so many seconds."""


class Routing(Protocol):
    """Decides where studies run."""

    async def route(self, request: MembersRequest, program: str, measure: Measure) -> Route:
        """Return the route of a study that leaves it open; `program` is the digest of its model."""
        ...


class FixedRouting:
    """The rule that is the same everywhere, but for the programs of a file."""

    def __init__(self, routes: Routes | None = None) -> None:
        self._routes = routes

    async def route(self, request: MembersRequest, program: str, measure: Measure) -> Route:  # noqa: ARG002
        """Return the route (`Routing.route`)."""
        kind = kind_of(request)
        known = self._routes.of(program, kind) if self._routes and kind else None
        return known or BY_RULE


class MeasuredRouting:
    """What was measured of each program at its first study.

    Args:
        book: where measurements are kept.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._flights = Flights()

    async def route(self, request: MembersRequest, program: str, measure: Measure) -> Route:
        """Return the route (`Routing.route`)."""
        kind = kind_of(request)
        if kind is None or request.member_count < FEWEST_MEASURED:
            return BY_RULE
        subject = Subject(program, kind, self._book.has_gpu and request.member_count >= GPU_MEMBERS)
        found = self._book.find(subject)
        if found is not None:
            return route_of(found)

        async def first() -> bytes:
            return (await self._first(subject, measure)).model_dump_json().encode()

        try:
            return Route.model_validate_json(await self._flights.join(subject, first))
        except OSError as error:
            return _by_rule(f"what is measured cannot be kept: {error}")

    async def _first(self, subject: Subject, measure: Measure) -> Route:
        """Measure, unless another service of this machine does so now; then wait for what it finds."""
        while True:
            with self._book.alone(subject) as alone:
                found = self._book.find(subject)  # once more: it may have been measured in the meantime
                if found is None and alone:
                    return await self._measured(subject, measure)
            if found is not None:
                return route_of(found)
            await asyncio.sleep(_LOOK_EVERY)

    async def _measured(self, subject: Subject, measure: Measure) -> Route:
        try:
            found = await measure(subject, GPU_LIMIT if subject.gpu else LIMIT)
        except _FAULTS_OF_MEASURING as error:
            log.warning("The routes of %s cannot be measured: %s", subject.program, error)
            found = Crossover(version="", failed=f"measuring failed: {error.message}")
        except (OverloadError, ServiceUnavailableError):  # nor is there a worker for the study now
            raise
        except BioXenException as error:  # the study fails by itself
            return _by_rule(f"not measured: {error.message}")
        return route_of(await asyncio.to_thread(self._book.keep, subject, found))


def _by_rule(why: str) -> Route:
    return BY_RULE.model_copy(update={"note": why[:500]})


def routing_by(word: str) -> Routing:
    """Return the routing that settings ask for: `measured`, `fixed`, or the path of a file.

    Raises:
        ConfigurationError: the file cannot be taken.
    """
    if word == FIXED:
        return FixedRouting()
    if word != MEASURED:
        return FixedRouting(read(Path(word)))
    with suppress(OSError):
        return MeasuredRouting(Book())
    log.warning("Routes cannot be kept, so the fixed rule holds: there is no cache folder.")
    return FixedRouting()
