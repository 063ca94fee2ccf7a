"""How an orchestrator reaches its replicas: in general, and those that are objects of its own process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from bioxen.protocol.kinetic import MembersRequest, Route
from bioxen.protocol.processes import Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport
from bioxen.server.engines.crossover import BY_RULE
from bioxen.server.orchestrator.computation import Computer


class NoAnswerError(Exception):
    """A replica could not be reached, or broke off before it answered."""


class HinderedError(Exception):
    """This process was too busy to reach a replica or to hear it; that tells nothing of the replica."""


class Caller(Protocol):
    """Asks replicas."""

    async def compute(self, service: Service, url: str, request: ComputeRequest, patience: float) -> bytes:
        """Return the encoded result of `request` from the replica at `url`.

        Raises:
            TimeoutError: no answer within `patience` seconds.
            NoAnswerError: no answer at all.
            HinderedError: this process had no time to ask or to listen.
            BioXenException: what the replica answered, as the same class.
        """
        ...

    async def route(self, url: str, request: MembersRequest, patience: float) -> Route:
        """Return where the replica at `url` says that members of `request` run; raises as `compute`."""
        ...

    async def health(self, url: str, patience: float) -> HealthReport:
        """Return what the replica at `url` says of itself.

        Raises:
            TimeoutError, NoAnswerError: it says nothing.
            HinderedError: this process had no time to ask or to listen.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class DirectCaller:
    """Replicas that are objects of this process: no bytes are written or read for them.

    Args:
        replicas: by the URLs that name them.
    """

    def __init__(self, replicas: Mapping[str, Computer]) -> None:
        self._replicas = replicas

    async def compute(self, service: Service, url: str, request: ComputeRequest, patience: float) -> bytes:  # noqa: ARG002 - a replica knows its service
        """Return the encoded result (`Caller.compute`)."""
        replica = self._replica(url)
        async with asyncio.timeout(patience):
            return await replica.compute(request)

    async def route(self, url: str, request: MembersRequest, patience: float) -> Route:
        """Return the route that the replica decides (`Caller.route`)."""
        replica = self._replica(url)
        async with asyncio.timeout(patience):
            return (await replica.routed(request)).route or BY_RULE

    async def health(self, url: str, patience: float) -> HealthReport:  # noqa: ARG002 - it answers at once
        """Return the replica's report (`Caller.health`)."""
        return self._replica(url).health()

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _replica(self, url: str) -> Computer:
        if url not in self._replicas:
            raise NoAnswerError(f"no replica of this process is called {url}")
        return self._replicas[url]
