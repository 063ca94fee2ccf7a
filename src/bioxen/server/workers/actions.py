"""What the schedule wants done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Reason(Enum):
    """Why a job ends without an answer."""

    OVERLOADED = auto()
    CRASHED = auto()
    UNAVAILABLE = auto()


@dataclass(frozen=True, slots=True)
class Assign:
    """Send the job to the worker."""

    job: int
    worker: int


@dataclass(frozen=True, slots=True)
class Fail:
    """End the job with an error."""

    job: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a worker after `delay` seconds; it ends in `ready` or `died`."""

    worker: int
    delay: float


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the worker; it ends in `died`."""

    worker: int


Action = Assign | Fail | Spawn | Kill
Actions = list[Action]
