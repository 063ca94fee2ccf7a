"""What jobs were expected to take, for as long as this server remembers; what they took teaches the next."""

from __future__ import annotations

from collections import OrderedDict

from bioxen.errors import BioXenException
from bioxen.protocol.jobs import Estimate, Job
from bioxen.protocol.request import ComputeRequest
from bioxen.server.admission.estimator import Estimator
from bioxen.server.cache.status import Seen

REMEMBERED = 100_000
"""Jobs whose estimates are remembered. The store keeps none: after a restart a job gets another."""


class Estimates:
    """The estimates of a server's jobs.

    Args:
        estimator: makes them.
    """

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self._known: OrderedDict[str, Estimate] = OrderedDict()

    def keep(self, job_id: str, estimate: Estimate | None) -> None:
        """Remember an estimate."""
        if estimate is not None:
            self._known[job_id] = estimate
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    async def recall(self, job_id: str, request: ComputeRequest) -> None:
        """Make a new estimate for a job that an earlier server accepted."""
        if job_id not in self._known:
            try:
                self.keep(job_id, await self._estimator.estimate(request))
            except BioXenException:  # its parts will say what is wrong
                return

    def add_to(self, job: Job) -> Job:
        """Return `job` with its estimate, where one is known."""
        estimate = self._known.get(job.job_id)
        return job if estimate is None else job.model_copy(update={"estimate": estimate})

    async def learn(self, request: ComputeRequest, seconds: float, seen: Seen) -> None:
        """Take in how long a part took, unless it was not computed for it."""
        if seen.origin in (None, "miss", "off"):
            await self._estimator.learn(request, seconds)
