"""`bioxen jobs submit|estimate|list|show|wait|cancel|result`: work that outlives this command."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bioxen.cli.console import errors, results, table
from bioxen.cli.options import HERE, JobDeadline, Key, Priority, Set, Token, Url
from bioxen.cli.run import read_context
from bioxen.errors import BioXenException, ConfigurationError

if TYPE_CHECKING:
    from bioxen.client.jobs import Jobs
    from bioxen.protocol.jobs import Estimate, Job

app = typer.Typer(
    no_args_is_help=True,
    help="Jobs of an orchestrator: handed in, watched, fetched, cancelled.\n\n"
    "Example: [bold]bioxen jobs submit metabolic_fva --set model=iJO1366 --wait[/]",
)
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
JobId = Annotated[str, typer.Argument(help="The job's id.")]
Process = Annotated[str | None, typer.Argument(help="Process code, such as metabolic_fva.")]
Request = Annotated[
    str | None, typer.Option(help="A file with the whole request as JSON; - is standard input.")
]
File = Annotated[Path | None, typer.Option(help="A model file, sent as text.")]
STANDARD_INPUT = "-"


@app.command()
def submit(
    process: Process = None,
    request: Request = None,
    option: Set = None,
    file: File = None,
    priority: Priority = 50,
    deadline: JobDeadline = None,
    key: Key = None,
    wait_for_it: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Hand in a process as a job; its id is printed once the orchestrator has it on its disk.

    Examples: [bold]bioxen jobs submit metabolic_fva --set model=iJO1366[/] |
    [bold]bioxen jobs submit --request screen.json --priority 80 --wait[/]
    """
    body = _body(process, request, option, file)
    with _jobs(url, token) as jobs:
        job = jobs.submit(body, priority=priority, deadline=deadline, key=key)
        sys.stdout.write(job.job_id + "\n")
        if job.estimate is not None:
            errors.print(_estimated(job.estimate), highlight=False)
        if wait_for_it:
            _end(jobs, job.job_id, None)


@app.command()
def estimate(
    process: Process = None,
    request: Request = None,
    option: Set = None,
    file: File = None,
    as_json: AsJson = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Say what a job would take, and start nothing.

    Example: [bold]bioxen jobs estimate metabolic_fva --set model=iJO1366[/]
    """
    body = _body(process, request, option, file)
    with _jobs(url, token) as jobs:
        estimated = jobs.estimate(body)
    sys.stdout.write((estimated.model_dump_json(indent=2) if as_json else _estimated(estimated)) + "\n")


@app.command("list")
def list_all(
    state: Annotated[
        str | None, typer.Option(help="queued, running, done, failed, cancelled or unknown; all if absent.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 20,
    as_json: AsJson = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """List your jobs, the newest first.

    Example: [bold]bioxen jobs list --state running[/]
    """
    with _jobs(url, token) as jobs:
        page = jobs.list(state, limit=limit)
    if as_json:
        sys.stdout.write(json.dumps([job.model_dump() for job in page.jobs], indent=2) + "\n")
        return
    listing = table("Jobs", "id", "process", "state", ">parts", ">s computed", "handed in")
    for job in page.jobs:
        parts = f"{job.parts_done}/{job.parts_total}"
        made = job.created_at[:19].replace("T", " ")
        listing.add_row(job.job_id, job.process_code, job.state, parts, f"{job.seconds:.1f}", made)
    results.print(listing)
    if page.next is not None:
        results.print("There are more; --limit shows them.", style="dim")


@app.command()
def show(job_id: JobId, as_json: AsJson = False, url: Url = HERE, token: Token = None) -> None:
    """Show a job; of a failed one also its error, with what the solver printed.

    Example: [bold]bioxen jobs show 019c0ffee0001f2e3d4c5b6a[/]
    """
    with _jobs(url, token) as jobs:
        job = jobs.get(job_id)
    if as_json:
        sys.stdout.write(job.model_dump_json(indent=2) + "\n")
        return
    for name, value in job.model_dump().items():
        shown = json.dumps(value, indent=2) if isinstance(value, dict | list) else value
        results.print(f"{name:>15}  {'' if shown is None else shown}", markup=False, highlight=False)


@app.command()
def wait(
    job_id: JobId,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds; for ever if absent.")] = None,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Wait until a job has ended; a failed one ends this command with its error and exit code.

    Example: [bold]bioxen jobs wait 019c0ffee0001f2e3d4c5b6a --timeout 600[/]
    """
    with _jobs(url, token) as jobs:
        _end(jobs, job_id, timeout)


@app.command()
def cancel(job_id: JobId, url: Url = HERE, token: Token = None) -> None:
    """Stop a job; one that has ended stays as it is.

    Example: [bold]bioxen jobs cancel 019c0ffee0001f2e3d4c5b6a[/]
    """
    with _jobs(url, token) as jobs:
        errors.print(f"The job is {jobs.cancel(job_id).state}.", highlight=False)


@app.command()
def result(
    job_id: JobId,
    output: Annotated[Path | None, typer.Option(help="Where to write it; standard output if absent.")] = None,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Print the result of a job that is done, as JSON: the bytes that the compute route would have answered.

    Example: [bold]bioxen jobs result 019c0ffee0001f2e3d4c5b6a --output screen.json[/]
    """
    with _jobs(url, token) as jobs:
        content = jobs.content(job_id)
    if output is None:
        sys.stdout.write(content.decode() + "\n")
    else:
        output.write_bytes(content)


@contextlib.contextmanager
def _jobs(url: str, token: str | None) -> Iterator[Jobs]:
    from bioxen.client import BiologicalComputationClient

    with BiologicalComputationClient(None, None, url, token=token) as client:
        yield client.jobs


def _end(jobs: Jobs, job_id: str, timeout: float | None) -> None:
    """Wait for the end of a job and say it; one that is not done sets the exit code."""
    with errors.status("waiting …") as status:
        job = jobs.wait(
            job_id,
            timeout,
            lambda seen: status.update(_how_far(seen)),
        )
    if job.error is not None:
        raise BioXenException.from_problem(job.error)
    errors.print(_words(job), highlight=False)
    if job.state != "done":
        raise typer.Exit(4)


def _how_far(job: Job) -> str:
    phases = ", ".join(dict.fromkeys(part.phase for part in job.under_way))
    parts = f"{job.parts_done} of {job.parts_total} parts"
    return f"{job.state}, {job.fraction:.0%}, {parts}{f' ({phases})' if phases else ''}"


def _words(job: Job) -> str:
    return f"The job {job.job_id} is {job.state} after {job.seconds:.2f} s of computing."


def _estimated(estimate: Estimate) -> str:
    memory = estimate.memory_bytes / 1e6
    return f"About {estimate.seconds:.3g} s of computing ({estimate.basis}) and {memory:.3g} MB of memory."


def _body(
    process: str | None, request: str | None, option: list[str] | None, file: Path | None
) -> dict[str, Any]:
    """Return the request that the options say."""
    if (process is None) == (request is None):
        raise typer.BadParameter("give a process code, or a whole request with --request")
    return _read(request) if request else {"process_code": process, **_context(process, option, file)}


def _context(process: str | None, options: list[str] | None, file: Path | None) -> dict[str, Any]:
    return read_context(process or "", options or [], file)


def _read(name: str) -> dict[str, Any]:
    """Return the request in a file, or on standard input."""
    try:
        text = sys.stdin.read() if name == STANDARD_INPUT else Path(name).read_text()
        request = json.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"Cannot read a request from {name}: {error}.",
            details={"place": "--request", "remedy": "Give a file with one JSON object."},
        ) from None
    if not isinstance(request, dict):
        raise ConfigurationError(
            f"{name} holds no JSON object.",
            details={"place": "--request", "remedy": 'Such as {"process_code": "metabolic_fba"}.'},
        )
    return request
