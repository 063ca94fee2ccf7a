"""The body of `POST /jobs`."""

from __future__ import annotations

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.jobs import JobDeadline, Priority
from bioxen.protocol.kinetic import AnyKineticRequest
from bioxen.protocol.metabolic import AnyMetabolicRequest


class JobSubmission(Message):
    """A process to be run as a job."""

    request: AnyMetabolicRequest | AnyKineticRequest
    """Any request of the compute routes."""
    priority: Priority = Field(default=50)
    """0 (last) to 100 (first), among your own jobs."""
    deadline: JobDeadline | None = None
    """The longest the job may run, s; each computation in it keeps the limit of its own request."""
