"""The body of `POST /jobs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pydantic
from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.jobs import JobDeadline, Priority
from bioxen.protocol.kinetic import AnyKineticRequest
from bioxen.protocol.metabolic import AnyMetabolicRequest
from bioxen.protocol.mistakes import request_error

AnyRequest = Annotated[AnyMetabolicRequest | AnyKineticRequest, Field(discriminator="process_code")]
"""Any request of the compute routes. One union: what is wrong is said of the process that was asked for."""


class JobSubmission(Message):
    """A process to be run as a job."""

    request: AnyRequest
    """Any request of the compute routes."""
    priority: Priority = Field(default=50)
    """0 (last) to 100 (first), among your own jobs."""
    deadline: JobDeadline | None = None
    """The longest the job may run, s, its waiting included; the `deadline` of its request holds too."""


def read_submission(fields: Mapping[str, Any]) -> JobSubmission:
    """Return a submission with these fields.

    Raises:
        ValidationError: they are not of the form the protocol asks for.
        UnknownProcessError: no process has the request's code.
    """
    try:
        return JobSubmission.model_validate(dict(fields))
    except pydantic.ValidationError as error:
        raise request_error(error.errors(), fields) from None
