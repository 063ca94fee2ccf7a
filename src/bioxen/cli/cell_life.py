"""`bioxen cells create|start|pause|resume|stop|destroy|edit|allocate|run`: the life of kept cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from bioxen.cli.console import errors, results
from bioxen.cli.edits import (
    Bounds,
    Init,
    KnockOut,
    KnockOutReaction,
    Medium,
    Param,
    Seed,
    edits_of,
    pairs,
)
from bioxen.cli.kept import VmId, kept_cells, say_state
from bioxen.cli.options import HERE, Set, Token, Url
from bioxen.cli.run import AsCsv, AsJson, Output, check_form, read_context, show_result
from bioxen.cli.writing import with_format

VmIds = Annotated[list[str], typer.Argument(help="The cells; all of them do it, or none.")]
ENDS = {"start": "running", "pause": "paused", "resume": "running", "stop": "stopped", "destroy": "destroyed"}


def create(
    vm_id: Annotated[str, typer.Argument(help="The new cell's name.")],
    chassis: Annotated[str, typer.Option(help="Its organism.")] = "ecoli",
    vm_type: Annotated[str, typer.Option("--type", help="basic, lightweight or enhanced.")] = "lightweight",
    model: Annotated[str | None, typer.Option(help="Its metabolic model, by id or digest.")] = None,
    kinetic_model: Annotated[str | None, typer.Option(help="Its kinetic model, by id or digest.")] = None,
    knock_out: KnockOut = None,
    knock_out_reaction: KnockOutReaction = None,
    bounds: Bounds = None,
    medium: Medium = None,
    param: Param = None,
    init: Init = None,
    seed: Seed = None,
    start: Annotated[bool, typer.Option("--start", help="Start it as well.")] = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Make a cell.

    Examples: [bold]bioxen cells create cell-1 --chassis ecoli --start[/] |
    [bold]bioxen cells create mutant --model iJO1366 --knock-out b2276 --bounds EX_glc__D_e=-8,1000[/]
    """
    delta = edits_of(knock_out, bounds, medium, param, init, knock_out_reaction, seed)
    config: dict[str, Any] = {"delta": delta}
    config |= {} if model is None else {"model": model}
    config |= {} if kinetic_model is None else {"kinetic_model": kinetic_model}
    with kept_cells(url, token) as kept:
        made = kept.create(vm_id, chassis, vm_type, config)
        if start:
            made = kept.act(vm_id, "start")
    say_state(vm_id, made.state)


def start(vm_ids: VmIds, url: Url = HERE, token: Token = None) -> None:
    """Start cells that are new or stopped; processes run on running cells alone.

    Example: [bold]bioxen cells start cell-1 cell-2[/]
    """
    _act(vm_ids, "start", url, token)


def pause(vm_ids: VmIds, url: Url = HERE, token: Token = None) -> None:
    """Pause running cells; they keep their resources.

    Example: [bold]bioxen cells pause cell-1[/]
    """
    _act(vm_ids, "pause", url, token)


def resume(vm_ids: VmIds, url: Url = HERE, token: Token = None) -> None:
    """Let paused cells run on.

    Example: [bold]bioxen cells resume cell-1[/]
    """
    _act(vm_ids, "resume", url, token)


def stop(vm_ids: VmIds, url: Url = HERE, token: Token = None) -> None:
    """Stop cells: they give their resources back, and keep all else.

    Example: [bold]bioxen cells stop cell-1[/]
    """
    _act(vm_ids, "stop", url, token)


def destroy(vm_ids: VmIds, url: Url = HERE, token: Token = None) -> None:
    """End cells for ever. They stay in the lineage of those that descend from them.

    Example: [bold]bioxen cells destroy cell-1 cell-2[/]
    """
    _act(vm_ids, "destroy", url, token)


def edit(
    vm_id: VmId,
    knock_out: KnockOut = None,
    knock_out_reaction: KnockOutReaction = None,
    bounds: Bounds = None,
    medium: Medium = None,
    param: Param = None,
    init: Init = None,
    seed: Seed = None,
    reset: Annotated[bool, typer.Option("--reset", help="First undo all edits.")] = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Edit a cell, and show its edits.

    Knock-outs add up, a medium or seed replaces, all else wins key by key.

    Examples: [bold]bioxen cells edit cell-1 --knock-out b2276[/] |
    [bold]bioxen cells edit cell-1 --reset --medium EX_glc__D_e=5[/]
    """
    from bioxen.protocol.base import parse
    from bioxen.protocol.cells import Delta
    from bioxen.vm.edits import changed

    changes = parse(Delta, edits_of(knock_out, bounds, medium, param, init, knock_out_reaction, seed))
    with kept_cells(url, token) as kept:
        present = Delta() if reset else kept.get(vm_id).delta
        edited = kept.set_delta(vm_id, changed(present, changes))
    results.print_json(edited.delta.model_dump_json(exclude_defaults=True))


def allocate(
    vm_id: VmId,
    amounts: Annotated[
        list[str],
        typer.Argument(help="RESOURCE=AMOUNT: ribosomes, atp_share (to 1), memory_mb, priority (to 100)."),
    ],
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Set what a cell holds of its hypervisor's resources; those that are not named stay.

    Example: [bold]bioxen cells allocate cell-1 ribosomes=15000 atp_share=0.25[/]
    """
    from bioxen.protocol.cells import Resources

    wanted = {name: _amount(name, value) for name, value in pairs("", amounts, "RESOURCE=AMOUNT")}
    with kept_cells(url, token) as kept:
        present = kept.get_resource_usage(vm_id)
        own = {name: getattr(present, name) for name in Resources.model_fields}
        kept.allocate(vm_id, **(own | wanted))
        held = kept.get_resource_usage(vm_id)
    results.print_json(held.model_dump_json(include={*Resources.model_fields, "granted"}))


def run(
    vm_id: VmId,
    process: Annotated[str, typer.Argument(help="Process code, such as metabolic_fba.")],
    option: Set = None,
    advance: Annotated[bool, typer.Option("--advance", help="Move the cell on to where it ends.")] = False,
    output: Output = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Run a process on a cell, from where it stands, and print the result.

    Example: [bold]bioxen cells run cell-1 metabolic_dfba --set time_end=2 --advance[/]
    """
    check_form(as_json, as_csv)
    context = read_context(process, option or [], None)
    if output is not None:
        context = with_format(process, context, output)
    with errors.status(f"running {process} …"), kept_cells(url, token) as kept:
        result = kept.run(vm_id, process, context, advance=advance)
    show_result(result, output, as_json, as_csv)


VERBS: tuple[Callable[..., None], ...] = (
    create,
    start,
    pause,
    resume,
    stop,
    destroy,
    edit,
    allocate,
    run,
)


def _act(vm_ids: list[str], verb: str, url: str, token: str | None) -> None:
    with kept_cells(url, token) as kept:
        kept.act_many(vm_ids, verb)
    for vm_id in vm_ids:
        say_state(vm_id, ENDS[verb])


def _amount(name: str, text: str) -> float:
    try:
        amount: float = json.loads(text)
    except ValueError:
        raise typer.BadParameter(f"{name}={text}: {text!r} is no number") from None
    return amount
