"""Used-up quotas in words: whose it is, which, how much is used of it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bioxen.errors import OverloadError, ResourceExhaustionError
from bioxen.protocol.jobs import Estimate

QUEUE_RETRY = 5.0
"""Seconds after which some job of a full queue may have ended."""
RAISED_BY = {"owner": "`bioxen owner quota`", "cell": "`bioxen cells quota`"}
KEYS = {"owner": "owner", "cell": "vm_id"}


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose quotas are looked at."""

    kind: Literal["owner", "cell"]
    name: str

    def check_queue(self, limit: int | None, waiting: int) -> None:
        """Return where one more job may wait.

        Raises:
            OverloadError: none may.
        """
        if limit is not None and waiting >= limit:
            raise OverloadError(
                f"The {self} has {waiting} jobs that have not ended, of {limit}.",
                details=self._details("queued_jobs", waiting, limit, QUEUE_RETRY),
            )

    def check_bytes(self, limit: int | None, stored: float, size: int = 0) -> None:
        """Return where more may be stored: `size` bytes, or some where nobody knows how many.

        Raises:
            ResourceExhaustionError: they may not.
        """
        if limit is not None and (stored + size > limit if size else stored >= limit):
            what = f"{'models' if self.kind == 'owner' else 'documents'} and results of the {self.kind}"
            more = f"; this takes {size} more" if size else ""
            raise ResourceExhaustionError(
                f"The {what} {self.name} take {stored:.0f} bytes, of {limit}{more}.",
                details=self._details("stored_bytes", round(stored), limit),
            )

    def check_seconds(self, limit: float | None, computed: float, wait: float) -> None:
        """Return where more may be computed; in `wait` s some of what was computed is a day old.

        Raises:
            ResourceExhaustionError: nothing may.
        """
        if limit is not None and computed >= limit:
            what = "jobs of the owner" if self.kind == "owner" else "processes of the cell"
            raise ResourceExhaustionError(
                f"The {what} {self.name} computed for {_told(computed)} s in the last 24 h, of {limit:g} s.",
                details=self._details("cpu_seconds", computed, limit, wait),
            )

    def check_estimate(
        self, limit: float | None, computed: float, estimate: Estimate | None, share: float = 1.0
    ) -> None:
        """Return where a job fits into what is left; what was only assumed refuses nothing.

        Raises:
            ResourceExhaustionError: it was measured to take longer.
        """
        if limit is None or estimate is None or estimate.basis != "measured":
            return
        seconds = estimate.seconds * share
        if computed + seconds > limit:
            part = "" if share == 1.0 else " for it"
            raise ResourceExhaustionError(
                f"This job is estimated to compute for {seconds:.3g} s{part}; the {self} has used "
                f"{_told(computed)} s of {limit:g} s in the last 24 h.",
                details=self._details("cpu_seconds", computed, limit) | {"estimate": seconds},
            )

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    def _details(
        self, quota: str, used: float, limit: float, retry_after: float | None = None
    ) -> dict[str, Any]:
        details = {KEYS[self.kind]: self.name, "quota": quota, "used": used, "limit": limit}
        details["remedy"] = self._remedy(quota)
        return details if retry_after is None else {**details, "retry_after": retry_after}

    def _remedy(self, quota: str) -> str:
        if quota == "queued_jobs":
            return "Wait until some have ended, or cancel them."
        first = (
            "Make room with `bioxen store gc`"
            if quota == "stored_bytes"
            else "Wait until the day has moved on"
        )
        return f"{first}, or have the quota raised: {RAISED_BY[self.kind]}."


def _told(seconds: float) -> str:
    return f"{round(seconds, 3):.10g}"
