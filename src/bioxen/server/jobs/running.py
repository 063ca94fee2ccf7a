"""One job in work: its parts, what of them is done, and who watches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from bioxen.protocol.jobs import PartProgress
from bioxen.protocol.kinetic import Route
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import TaskProgress
from bioxen.server.orchestrator.allowance import Allowance
from bioxen.server.orchestrator.cutting import Piece
from bioxen.server.orchestrator.splitting import Splitting


@dataclass(eq=False)
class Running:
    """A job that this server works on."""

    job_id: str
    owner: str
    priority: int
    request: ComputeRequest
    document: str
    """What stands in its record, where it is a process of a cell."""
    pieces: Iterator[tuple[int, Piece]]
    """The parts that are not finished and not begun, with their numbers."""
    total: int
    finished: dict[int, str]
    """Number of a part → digest of its result."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    timer: asyncio.TimerHandle | None = None
    """Ends it at the job's own deadline."""
    limit: asyncio.TimerHandle | None = None
    """Ends it when its request's deadline has passed for all parts together."""
    told: dict[int, PartProgress] = field(default_factory=dict)
    """Number of a part that is being computed → how far it is."""
    route: Route | None = None
    """Where its members run, once the first part has decided it."""
    deciding: asyncio.Lock = field(default_factory=asyncio.Lock)
    splitting: Splitting = field(default_factory=Splitting)
    """Computes parts that take too long as smaller ones."""

    def __post_init__(self) -> None:
        self.allowance = Allowance(self.request.deadline)

    @property
    def complete(self) -> bool:
        """Whether every part is finished."""
        return len(self.finished) == self.total

    def next_piece(self) -> tuple[int, Piece] | None:
        """Return the next part to begin; `None` where all have begun."""
        return next(self.pieces, None)

    def hear(self, number: int, said: TaskProgress) -> bool:
        """Note how far a part is; return whether it is further than before, as when it is tried again."""
        known = self.told.get(number)
        if number in self.finished or (known is not None and said.fraction <= known.fraction):
            return False
        self.told[number] = PartProgress(part=number, fraction=said.fraction, phase=said.phase)
        return True

    def stop(self, but: asyncio.Task[None] | None = None) -> None:
        """Stop what runs of it, `but` the task that says so."""
        self.stop_clocks()
        for task in self.tasks:
            if task is not but:
                task.cancel()

    def stop_clocks(self) -> None:
        """Let no deadline end it any more."""
        self.stop_limit()
        if self.timer is not None:
            self.timer.cancel()

    def stop_limit(self) -> None:
        """Let the deadline of its request not end it any more."""
        if self.limit is not None:
            self.limit.cancel()
