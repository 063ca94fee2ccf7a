"""Jobs from the asking side: hand in, watch, fetch, cancel."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from bioxen.client.answers import raise_for_fault, read_message
from bioxen.client.paths import of_job
from bioxen.client.sending import Sender
from bioxen.client.transport import Answer
from bioxen.errors import BioXenException, ComputationTimeoutError
from bioxen.protocol.jobs import Estimate, Job, JobPage
from bioxen.protocol.kinetic import KineticRequest, KineticResult
from bioxen.protocol.metabolic import MetabolicResult
from bioxen.protocol.processes import find_process
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.submission import read_submission

FIRST_LOOK, LONGEST_PAUSE = 0.02, 1.0
"""Seconds between two looks at a job, growing from the one to the other."""


class Jobs:
    """The jobs of one orchestrator."""

    def __init__(self, send: Sender) -> None:
        self._send = send

    def submit(
        self,
        request: ComputeRequest | Mapping[str, Any],
        *,
        priority: int = 50,
        deadline: float | None = None,
        key: str | None = None,
    ) -> Job:
        """Hand in a process as a job; when this returns, the orchestrator has it on its disk.

        Args:
            request: any request of a service.
            priority: 0 (last) to 100 (first), among your own jobs.
            deadline: the longest the job may run, s.
            key: the same key gives the same job, also from another program; a new one where absent, which
                makes a dropped connection harmless.

        Raises:
            ValidationError: the request is not of the form the protocol asks for.
            UnknownProcessError: no process has its code.
            JobStateError: the key was used for another request.
        """
        fields = {"request": request, "priority": priority, "deadline": deadline}
        submission = read_submission(fields)
        headers = {"idempotency-key": key or secrets.token_urlsafe(18)}
        return read_message(
            self._send("POST", "/jobs", submission.model_dump_json(exclude_none=True), headers), Job
        )

    def estimate(self, request: ComputeRequest | Mapping[str, Any]) -> Estimate:
        """Return what a job would take; nothing is started.

        Raises:
            ValidationError: the request is not of the form the protocol asks for.
            UnknownProcessError: no process has its code.
            ModelNotFoundError: the orchestrator knows no such model.
            ResourceExhaustionError: the orchestrator would refuse the job: it needs too much memory.
        """
        submission = read_submission({"request": request})
        return read_message(
            self._send("POST", "/jobs/estimate", submission.model_dump_json(exclude_none=True)), Estimate
        )

    def get(self, job_id: str) -> Job:
        """Return what is known of a job.

        Raises:
            JobNotFoundError: there is none of that id.
        """
        return read_message(self._send("GET", of_job(job_id)), Job)

    def list(self, state: str | None = None, *, after: str | None = None, limit: int = 100) -> JobPage:
        """Return your jobs, the newest first, from the one after `after` on."""
        wanted = {"limit": limit, "state": state, "after": after}
        query = urlencode({name: value for name, value in wanted.items() if value})
        return read_message(self._send("GET", f"/jobs?{query}"), JobPage)

    def cancel(self, job_id: str) -> Job:
        """Stop a job; one that has ended stays as it is.

        Raises:
            JobNotFoundError: there is none of that id.
        """
        return read_message(self._send("DELETE", of_job(job_id)), Job)

    def wait(
        self, job_id: str, timeout: float | None = None, seen: Callable[[Job], None] | None = None
    ) -> Job:
        """Return the job once it has ended.

        Args:
            job_id: the job.
            timeout: seconds to wait; for ever where absent.
            seen: is told of the job at each look.

        Raises:
            ComputationTimeoutError: it has not ended in that time; it goes on.
            JobNotFoundError: there is none of that id.
        """
        end, pause = None if timeout is None else time.monotonic() + timeout, FIRST_LOOK
        while True:
            job = self.get(job_id)
            if seen is not None:
                seen(job)
            if job.ended:
                return job
            if end is not None and time.monotonic() + pause > end:
                raise ComputationTimeoutError(
                    f"The job {job_id} has not ended within {timeout:g} s; it goes on.",
                    details={"job_id": job_id, "remedy": "Wait for it again, or cancel it."},
                )
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def result(self, job_id: str) -> MetabolicResult | KineticResult:
        """Return the result of a job that is done.

        Raises:
            JobStateError: it is not done.
            BioXenException: what made it fail, as its own class.
        """
        job = self.get(job_id)
        return read_message(self._result(job), _result_type(job.process_code))

    def content(self, job_id: str) -> bytes:
        """Return the result of a job that is done as the bytes it is kept as, JSON; raises as `result`."""
        return self._result(self.get(job_id)).content

    def _result(self, job: Job) -> Answer:
        if job.error is not None:
            raise BioXenException.from_problem(job.error)
        answer = self._send("GET", of_job(job.job_id, "result"))
        raise_for_fault(answer)
        return answer


def _result_type(process_code: str) -> type[MetabolicResult] | type[KineticResult]:
    process = find_process(process_code)
    kinetic = process is not None and issubclass(process.request, KineticRequest)
    return KineticResult if kinetic else MetabolicResult
