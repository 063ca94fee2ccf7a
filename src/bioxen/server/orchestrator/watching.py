"""Probes of the replicas behind an orchestrator, which tell how they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from bioxen.protocol.processes import Service
from bioxen.server import unexpected
from bioxen.server.orchestrator.callers import Caller, HinderedError, NoAnswerError
from bioxen.server.orchestrator.registry import PROBE_EVERY, Registry

PROBE_TIMEOUT = 3.0
log = logging.getLogger("bioxen.orchestrator")


class WatchedReplicas(Registry):
    """Replicas that are probed, again and again.

    Args:
        replicas: see `Registry`.
        caller: asks the replicas, over the network or in this process.
        per_owner: see `Registry`.
    """

    def __init__(self, replicas: Iterable[tuple[Service, str]], caller: Caller, per_owner: int) -> None:
        self._caller = caller
        super().__init__(replicas, per_owner)

    async def watch(self) -> None:
        """Probe every replica, again and again, until cancelled."""
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_EVERY)

    async def probe(self) -> None:
        """Probe every replica once."""
        await asyncio.gather(*(self._probe(url) for url in list(self._replicas)))

    async def _probe(self, url: str) -> None:
        try:
            report = await self._caller.health(url, PROBE_TIMEOUT)
        except HinderedError as error:
            log.info("Too busy to probe %s: %s", url, error)
            return
        except (NoAnswerError, TimeoutError) as error:
            reason = str(error) or f"no answer within {PROBE_TIMEOUT:g} s"
            self._change(url, lambda replica: replica.probe_failed(reason))
            return
        except Exception as error:
            fault = unexpected.told(error, f"a probe of {url}", log)
            self._change(url, lambda replica: replica.probe_failed(fault.message))
            return
        if report.status == "unhealthy":
            self._change(url, lambda replica: replica.probe_failed("it says that it is unhealthy"))
        else:
            self._change(url, lambda replica: replica.probed(report.workers))
