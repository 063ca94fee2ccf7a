"""A job is cut as its record says, whatever a server that resumes it would estimate."""

from __future__ import annotations

from typing import Any

import pytest

from bioxen.protocol.base import parse
from bioxen.protocol.jobs import Estimate
from bioxen.protocol.kinetic import EnsembleRequest
from bioxen.protocol.submission import JobSubmission
from bioxen.server.api.jobs import new_job
from bioxen.server.jobs.beginning import read_job
from bioxen.server.orchestrator.cutting import parts_of
from bioxen.server.store.jobs import Begun

ASKED: dict[str, Any] = {
    "process_code": "kinetic_ensemble",
    "members": 130,
    "distributions": {"k": {"kind": "uniform", "lower": 0.1, "upper": 0.2}},
    "kinetic_code": "A -> ; k*A; A = 1; k = 0.1",
}


@pytest.mark.parametrize(
    ("seconds", "places", "size"), [(1.0, 8, 50), (100.0, 2, 4), (20.0, 2, 32), (20.0, 8, 16), (1e6, 2, 4)]
)
def test_a_job_is_resumed_in_the_parts_that_it_was_accepted_in(
    seconds: float, places: int, size: int
) -> None:
    request = parse(EnsembleRequest, ASKED)
    estimate = Estimate(seconds=seconds, memory_bytes=0, basis="assumed")
    new = new_job(places, JobSubmission(request=request), "ada", None, estimate)
    finished = {0: "digest", 2: "digest"}
    begun = Begun(
        job_id=new.job_id,
        process_code=new.process_code,
        priority=50,
        request=new.request,
        request_digest=new.request_digest,
        parts_total=new.parts_total,
        finished=finished,
        started_at="",
        deadline=None,
        cancel_asked=False,
        attempts=2,
    )
    running = read_job(begun, "ada")
    left = dict(running.pieces)
    assert running.total == new.parts_total == len(left) + len(finished)
    every = parts_of(request, new.parts_total)
    assert {number: piece.offset for number, piece in left.items()} == {
        number: piece.offset for number, piece in enumerate(every) if number not in finished
    }
    assert max(piece.size for piece in every) == size
    seen = [number for piece in every for number in range(piece.offset, piece.offset + piece.size)]
    assert seen == list(range(130))
