"""`bioxen cells`: the cells that an orchestrator keeps."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bioxen.cli import cell_life, cell_past
from bioxen.cli.console import results, table
from bioxen.cli.kept import VmId, kept_cells, say_more
from bioxen.cli.options import HERE, JobDeadline, Key, Limit, Priority, Set, Token, Url
from bioxen.cli.owners import read_quotas, shown_limit
from bioxen.cli.run import read_context

app = typer.Typer(
    no_args_is_help=True,
    help="The cells that an orchestrator keeps: their life, edits, jobs and past.\n\n"
    "Example: [bold]bioxen cells create cell-1 --chassis ecoli --start[/]",
)
for verb in (*cell_life.VERBS, *cell_past.VERBS):
    app.command()(verb)


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option("--state", help="Only cells in this state.")] = None,
    after: Annotated[str | None, typer.Option("--after", help="Begin after this cell.")] = None,
    limit: Limit = 100,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """List cells in the order of their ids.

    Example: [bold]bioxen cells list --state running --limit 20[/]
    """
    with kept_cells(url, token) as kept:
        page = kept.page(state=state, after=after, limit=limit)
    listing = table("Cells", "cell", "chassis", "state", ">processes", ">time, h", ">biomass, gDW/L")
    for vm in page.vms:
        living = vm.living
        biomass = "" if living is None or living.biomass is None else f"{living.biomass:.4g}"
        hours = "" if living is None else f"{living.time:g}"
        listing.add_row(vm.vm_id, vm.biological_type, vm.state, str(vm.processes_executed), hours, biomass)
    results.print(listing)
    say_more(page.next)


@app.command()
def show(vm_id: str, url: Url = HERE, token: Token = None) -> None:
    """Show a cell as JSON: state, edits, resources, where it stands.

    Example: [bold]bioxen cells show cell-1[/]
    """
    with kept_cells(url, token) as kept:
        results.print_json(kept.get(vm_id).model_dump_json())


@app.command()
def quota(
    vm_id: VmId,
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
    with kept_cells(url, token) as kept:
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
    vm_id: VmId,
    process: Annotated[str, typer.Argument(help="Process code, such as metabolic_dfba.")],
    option: Set = None,
    advance: Annotated[bool, typer.Option("--advance", help="Move the cell on to where it ends.")] = False,
    priority: Priority = 50,
    deadline: JobDeadline = None,
    key: Key = None,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Hand in a process of a cell as a job; its id is printed, and `bioxen jobs` watches and fetches it.

    Example: [bold]bioxen cells submit cell-1 metabolic_dfba --set time_end=2 --advance[/]
    """
    context = read_context(process, option or [], None)
    with kept_cells(url, token) as kept:
        job = kept.submit(
            vm_id, process, context, advance=advance, priority=priority, deadline=deadline, key=key
        )
    sys.stdout.write(job.job_id + "\n")
