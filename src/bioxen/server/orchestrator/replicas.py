"""Replicas of a service: their health and the choice between them. Pure: no clock, no I/O.

A replica is `unknown` until it first answers, `unhealthy` after a refused connection or `PATIENCE` failed
probes in a row, and `healthy` again as soon as one probe succeeds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from bioxen.protocol.processes import Service
from bioxen.protocol.services import WorkerHealth

PATIENCE = 2
"""Failed probes in a row until a replica counts as unhealthy: one slow answer is no outage."""
ROOM_TIMES = 2
"""How many times what a replica can queue may be under way to it: known answers take no place there."""
SLACK = 2
"""Requests by which a replica with the model warm may be busier than the idlest and still be chosen."""

ReplicaState = Literal["unknown", "healthy", "unhealthy"]


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica as its orchestrator sees it."""

    service: Service
    url: str
    state: ReplicaState = "unknown"
    in_flight: int = 0
    answered: int = 0
    failed: int = 0
    failed_probes: int = 0
    reason: str | None = None
    workers: int | None = None
    """Its worker processes; `None` until it has said so."""
    room: int | None = None
    """Requests that its workers and their queue take at once; `None` until it has said so."""

    @property
    def is_full(self) -> bool:
        """Whether one more request would be refused by it, after a connection that both had to make."""
        return self.room is not None and self.in_flight >= ROOM_TIMES * self.room

    @property
    def load(self) -> int:
        """How many more requests than workers it has; one that has just come counts for one worker."""
        return self.in_flight - (self.workers or 1)

    def sent(self) -> Replica:
        """A request goes out to it."""
        return replace(self, in_flight=self.in_flight + 1)

    def returned(self) -> Replica:
        """A request came back with an answer; an error about the request is an answer as well."""
        return replace(
            self,
            in_flight=self.in_flight - 1,
            answered=self.answered + 1,
            state="healthy",
            failed_probes=0,
            reason=None,
        )

    def lost(self, reason: str) -> Replica:
        """A request got no answer: the connection was refused or broke."""
        return replace(
            self, in_flight=self.in_flight - 1, failed=self.failed + 1, state="unhealthy", reason=reason
        )

    def dropped(self) -> Replica:
        """A request's caller went away, or its own deadline passed: that tells nothing of the replica."""
        return replace(self, in_flight=self.in_flight - 1)

    def probed(self, pool: WorkerHealth | None = None) -> Replica:
        """A health probe came back well, and told how its workers are."""
        workers = pool.size if pool else None
        room = pool.size + pool.queue_limit if pool else None
        return replace(self, state="healthy", failed_probes=0, reason=None, workers=workers, room=room)

    def probe_failed(self, reason: str) -> Replica:
        """A health probe failed."""
        failures = self.failed_probes + 1
        state: ReplicaState = "unhealthy" if failures >= PATIENCE else self.state
        return replace(self, failed_probes=failures, state=state, reason=reason)


def choose(replicas: Iterable[Replica], key: str) -> Replica | None:
    """Return the replica that should get a request about the model `key`, or `None` where none may.

    Least-loaded with affinity: of the healthy ones (else of the unknown ones), those whose load is within
    `SLACK` requests of the least; among these the one that this model always prefers, since it has it warm.
    """
    usable = [replica for replica in replicas if replica.state != "unhealthy"]
    healthy = [replica for replica in usable if replica.state == "healthy"]
    candidates = healthy or usable
    if not candidates:
        return None
    least = min(replica.load for replica in candidates)
    near_least = [replica for replica in candidates if replica.load <= least + SLACK]
    return max(near_least, key=lambda replica: _preference(replica.url, key))


def in_order(replicas: Iterable[Replica], key: str) -> list[Replica]:
    """Return the replicas that may answer in the order in which this model prefers them, whatever they do.

    So as long as the same ones are there, the same one is asked first.
    """
    usable = (replica for replica in replicas if replica.state != "unhealthy")
    return sorted(usable, key=lambda replica: _preference(replica.url, key), reverse=True)


def places(replicas: Iterable[Replica]) -> int | None:
    """Return how many requests these replicas should have at once so that none idles; `None` if unknown.

    More would wait there in the order they came, whoever asks. With `SLACK` for each, `choose` leaves no
    worker without one.
    """
    usable = [replica for replica in replicas if replica.state != "unhealthy"]
    if all(replica.workers is None for replica in usable):
        return None
    return sum((replica.workers or 1) + SLACK for replica in usable)


def _preference(url: str, key: str) -> bytes:
    """Rendezvous hashing: each model has its own order of replicas, which others joining do not change."""
    return hashlib.blake2b(f"{url} {key}".encode(), digest_size=8).digest()
