"""`bioxen run`: one process on one cell."""

from __future__ import annotations

import contextlib
import json
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bioxen.cli.console import errors, results, table
from bioxen.cli.edits import Bounds, Init, KnockOut, Medium, Param, edits_of, pairs
from bioxen.cli.options import Set, Token
from bioxen.cli.writing import content_of, with_format, write
from bioxen.errors import ConfigurationError
from bioxen.protocol.processes import route
from bioxen.protocol.rows import rows_of, to_csv

if TYPE_CHECKING:
    from bioxen.protocol.result import ProcessResult
    from bioxen.vm.hypervisor import BioXenHypervisor

SHOWN_ROWS = 20
SHOWN_COLUMNS = 8
Mode = Literal["real", "hybrid", "symbolic"]
Output = Annotated[
    Path | None,
    typer.Option(help="Write to this file: an exported model as it is, else the result as JSON or CSV."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the numbers as CSV.")]


def run(
    process: Annotated[str, typer.Argument(help="Process code, such as metabolic_fba or kinetic_ssa.")],
    chassis: Annotated[str, typer.Option(help="The cell's organism.")] = "ecoli",
    model: Annotated[str | None, typer.Option(help="Model of the repository, by id or digest.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A model file (SBML, COBRA JSON, Antimony) or PEtab problem, sent as text."),
    ] = None,
    knock_out: KnockOut = None,
    bounds: Bounds = None,
    medium: Medium = None,
    param: Param = None,
    init: Init = None,
    option: Set = None,
    mode: Annotated[Mode, typer.Option(help="real: computed or an error; hybrid: else symbolic.")] = "real",
    url: Annotated[
        str | None, typer.Option(envvar="BIOXEN_URL", help="A running orchestrator; own workers if absent.")
    ] = None,
    token: Token = None,
    output: Output = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Run one process on one cell.

    Examples:
    [bold]bioxen run metabolic_fba[/] |
    [bold]bioxen run metabolic_fba --bounds EX_o2_e=0,1000 --knock-out b1241 --csv[/] |
    [bold]bioxen run kinetic_ode --set time_end=600 --param k_tl=0.2 --json[/] |
    [bold]bioxen run flux_variability_analysis --model iJO1366 --set fraction_of_optimum=0.9[/] |
    [bold]bioxen run kinetic_export --model repressilator --param n=3 --output fast.omex[/] |
    [bold]bioxen run kinetic_petab --file problem.yaml --set fit=true[/]
    """
    check_form(as_json, as_csv)
    context = read_context(process, option or [], file)
    config = {"execution_mode": mode, "delta": edits_of(knock_out, bounds, medium, param, init)}
    if model is not None:
        context["model"] = model
    if output is not None:
        context = with_format(process, context, output)
    with errors.status(f"running {process} …"), _hypervisor(url, token) as hypervisor:
        hypervisor.create_vm("cell", chassis, "lightweight", config).start()
        result = hypervisor.execute_process("cell", process, context)
    show_result(result, output, as_json, as_csv)


def _hypervisor(url: str | None, token: str | None) -> AbstractContextManager[BioXenHypervisor]:
    import bioxen

    return bioxen.local(workers=1) if url is None else bioxen.connect(url, token=token)


def check_form(as_json: bool, as_csv: bool) -> None:
    """Check that a result is asked for in one form."""
    if as_json and as_csv:
        raise typer.BadParameter("give --json or --csv, not both")


def read_context(process: str, options: list[str], file: Path | None) -> dict[str, Any]:
    """Return the fields of a request that `--set` and `--file` give."""
    context = {name: _json(value) for name, value in pairs("--set", options)}
    if file is not None:
        context |= _model_text(process, file)
    return context


def _model_text(process: str, file: Path) -> dict[str, str]:
    """Return the request field that takes the model in `file`; the text travels, never the path."""
    if process == "kinetic_petab":
        from bioxen.server.petab import texts

        return texts(file)
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"Cannot read {file}: {error}.", details={"place": "--file", "remedy": "Give a text file."}
        ) from None
    if route(process).service == "dynamic":
        return {"kinetic_code": text}
    return {"cobra_json" if text.lstrip().startswith("{") else "sbml": text}


def _json(text: str) -> Any:
    """Read a value as JSON, and as plain text where it is none, so that `objective=PFK` needs no quotes."""
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return text


def show_result(result: ProcessResult, output: Path | None, as_json: bool, as_csv: bool) -> None:
    """Print a result, or write it to a file; end with the exit code 4 where it failed."""
    if output is None:
        _show(result, as_json, as_csv)
    else:
        write(output, content_of(result, as_json=as_json, as_csv=as_csv))
    if result.status == "failed":
        raise typer.Exit(4)


def _show(result: ProcessResult, as_json: bool, as_csv: bool) -> None:
    if as_json:
        sys.stdout.write(result.model_dump_json(indent=2) + "\n")
    elif as_csv:
        sys.stdout.write(to_csv(result))
    else:
        label = "[yellow]symbolic[/]" if result.symbolic else "[green]computed[/]"
        results.print(f"{label} by {result.computation_service} in {result.execution_time * 1000:.1f} ms")
        results.print(result.biological_output, markup=False, highlight=False)
        if result.reason:
            results.print(f"why: {result.reason}", markup=False, highlight=False)
        else:
            _show_rows(result)


def _show_rows(result: ProcessResult) -> None:
    """Show the first rows of the numbers; those that are zero throughout say little and are left out."""
    numbers = rows_of(result)
    telling = [row for row in numbers.rows if any(cell != 0 for cell in row[1:])]
    shown = telling[:SHOWN_ROWS]
    listing = table("", *numbers.columns[:SHOWN_COLUMNS])
    for row in shown:
        listing.add_row(*(_cell(cell) for cell in row[:SHOWN_COLUMNS]))
    results.print(listing)
    hidden = len(numbers.rows) - len(shown)
    if hidden:
        results.print(f"{hidden} more rows; --csv or --json prints everything.", style="dim")


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)
