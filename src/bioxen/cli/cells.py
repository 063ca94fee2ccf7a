"""`bioxen cells`: the cells that an orchestrator keeps."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import results, table
from bioxen.cli.owners import read_quotas, shown_limit
from bioxen.cli.run import read_context
from bioxen.protocol.services import ORCHESTRATOR_PORT

if TYPE_CHECKING:
    from bioxen.client.cells import KeptCells

app = typer.Typer(
    no_args_is_help=True,
    help="The cells that an orchestrator keeps.\n\nExample: [bold]bioxen cells list --state running[/]",
)
Url = Annotated[str, typer.Option("--url", envvar="BIOXEN_URL", help="The orchestrator.")]
Token = Annotated[
    str | None, typer.Option("--token", envvar="BIOXEN_TOKEN", help="The orchestrator's token.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HERE = f"http://127.0.0.1:{ORCHESTRATOR_PORT}"


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option("--state", help="Only cells in this state.")] = None,
    after: Annotated[str | None, typer.Option("--after", help="Begin after this cell.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")] = 100,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """List cells in the order of their ids.

    Example: [bold]bioxen cells list --state running --limit 20[/]
    """
    with _kept(url, token) as kept:
        page = kept.page(state=state, after=after, limit=limit)
    listing = table("Cells", "cell", "chassis", "state", ">processes", ">time, h", ">biomass, gDW/L")
    for vm in page.vms:
        living = vm.living
        biomass = "" if living is None or living.biomass is None else f"{living.biomass:.4g}"
        hours = "" if living is None else f"{living.time:g}"
        listing.add_row(vm.vm_id, vm.biological_type, vm.state, str(vm.processes_executed), hours, biomass)
    results.print(listing)
    if page.next is not None:
        results.print(f"More: --after {page.next}", markup=False)


@app.command()
def show(vm_id: str, url: Url = HERE, token: Token = None) -> None:
    """Show a cell as JSON: state, edits, resources, where it stands.

    Example: [bold]bioxen cells show cell-1[/]
    """
    with _kept(url, token) as kept:
        results.print_json(kept.get(vm_id).model_dump_json())


@app.command()
def quota(
    vm_id: Annotated[str, typer.Argument(help="The cell.")],
    quotas: Annotated[
        list[str] | None,
        typer.Argument(help="QUOTA=VALUE, or QUOTA=none for as much as its owner has; shows them if absent."),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="First go back to what every cell may have.")
    ] = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Set a cell's quotas, or show them with what is used.

    Examples: [bold]bioxen cells quota cell-1[/] | [bold]bioxen cells quota cell-1 cpu_seconds=600[/]
    """
    changes = read_quotas(quotas or [])
    with _kept(url, token) as kept:
        report = kept.get_resource_usage(vm_id)
        if changes or reset:
            own = {} if reset else {name: getattr(report.quotas, name) for name in report.own_quotas}
            report = kept.set_quotas(vm_id, **(own | changes))
    listing = table(f"Quotas of {vm_id}", "quota", ">limit", ">used", "set for")
    for name, limit in report.quotas.model_dump().items():
        whose = "this cell" if name in report.own_quotas else "every cell"
        listing.add_row(name, shown_limit(limit), f"{getattr(report.usage, name):.10g}", whose)
    results.print(listing)


@app.command()
def submit(
    vm_id: Annotated[str, typer.Argument(help="The cell.")],
    process: Annotated[str, typer.Argument(help="Process code, such as metabolic_dfba.")],
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE of the process's request, the value in JSON; repeatable."),
    ] = None,
    advance: Annotated[bool, typer.Option("--advance", help="Move the cell on to where it ends.")] = False,
    priority: Annotated[int, typer.Option(min=0, max=100, help="Among your own jobs; 100 is first.")] = 50,
    deadline: Annotated[float | None, typer.Option(min=0.001, help="Seconds the job may run.")] = None,
    key: Annotated[str | None, typer.Option(help="The same key gives the same job.")] = None,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Hand in a process of a cell as a job; its id is printed, and `bioxen jobs` watches and fetches it.

    Example: [bold]bioxen cells submit cell-1 metabolic_dfba --set time_end=2 --advance[/]
    """
    context = read_context(process, option or [], None)
    with _kept(url, token) as kept:
        job = kept.submit(
            vm_id, process, context, advance=advance, priority=priority, deadline=deadline, key=key
        )
    sys.stdout.write(job.job_id + "\n")


@app.command()
def lineage(vm_id: str, as_json: Json = False, url: Url = HERE, token: Token = None) -> None:
    """Show whom a cell descends from, and who from it.

    Example: [bold]bioxen cells lineage cell-1[/]
    """
    with _kept(url, token) as kept:
        found = kept.lineage(vm_id)
    if as_json:
        results.print_json(found.model_dump_json())
        return
    listing = table(f"Lineage of {vm_id}", "cell", "is", "differs by")
    ranks = ["itself", *["ancestor"] * (len(found.ancestors) - 1), *["child"] * len(found.children)]
    for rank, kin in zip(ranks, [*found.ancestors, *found.children], strict=True):
        changes = "made new" if kin.changes is None else kin.changes.model_dump_json(exclude_defaults=True)
        listing.add_row(kin.vm_id + (" (destroyed)" if kin.destroyed else ""), rank, changes)
    results.print(listing)


@contextmanager
def _kept(url: str, token: str | None) -> Iterator[KeptCells]:
    import bioxen

    with bioxen.connect(url, token=token) as hypervisor:
        yield hypervisor.kept
