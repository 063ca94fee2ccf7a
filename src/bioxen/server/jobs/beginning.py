"""From the record of a job to what is to be computed."""

from __future__ import annotations

import contextlib
import json

from bioxen.errors import ComputationError
from bioxen.protocol.base import fingerprint_of, parse
from bioxen.protocol.processes import find_process
from bioxen.server.engines.models import with_text
from bioxen.server.jobs.calls import asked_of_cell, is_call, request_in
from bioxen.server.jobs.running import Running
from bioxen.server.orchestrator.cutting import parts_of
from bioxen.server.store.jobs import Begun

MOST_BEGINNINGS = 10
"""Times that a job is begun in vain, which is without a part being finished each time."""


def read_job(begun: Begun, owner: str) -> Running:
    """Return the job with the parts that are left.

    Raises:
        ComputationError: no such process is known, the record is not the one that was accepted, or servers
            ended under it too often.
    """
    _refuse_in_vain(begun)
    process = find_process(begun.process_code)
    if process is None:
        raise ComputationError(
            f"The job {begun.job_id} asks for {begun.process_code!r}, which this BioXen does not know.",
            details={"remedy": "The version that accepted it knows it."},
        )
    of_cell = is_call(begun.request)
    _check_undamaged(begun, of_cell)
    request = parse(process.request, request_in(begun.request))
    if begun.model is not None:
        request = with_text(request, begun.model.info, begun.model.text)
    every = list(enumerate(parts_of(request, begun.parts_total)))
    return Running(
        job_id=begun.job_id,
        owner=owner,
        priority=begun.priority,
        request=request,
        document=begun.request if of_cell else "",
        pieces=iter([(number, piece) for number, piece in every if number not in begun.finished]),
        total=len(every),
        finished=dict(begun.finished),
    )


def _refuse_in_vain(begun: Begun) -> None:
    """Return where the job gets on: one that brings its server down would bring down every next one.

    Raises:
        ComputationError: it does not.
    """
    if begun.attempts <= MOST_BEGINNINGS + len(begun.finished):
        return
    raise ComputationError(
        f"The job {begun.job_id} was begun {begun.attempts} times, and servers ended before they finished "
        "parts of it.",
        details={
            "attempts": begun.attempts,
            "remedy": "The servers' logs say why they ended. If it was not for this job, submit it again.",
        },
    )


def _check_undamaged(begun: Begun, of_cell: bool) -> None:
    """Return where the request is the one that was accepted.

    Raises:
        ComputationError: what the database holds is something else.
    """
    with contextlib.suppress(ValueError):
        # What was asked of a cell; the request follows from the state that the cell had when the job began.
        accepted = asked_of_cell(begun.request) if of_cell else fingerprint_of(json.loads(begun.request))
        if accepted == begun.request_digest:
            return
    raise ComputationError(
        f"The request of the job {begun.job_id} is not the one that was accepted: the store was damaged.",
        details={"place": "request", "remedy": "Submit it again, and have the disk looked at."},
    )
