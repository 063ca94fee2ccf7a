"""The command line: one file per verb.

Exit codes, for scripts: 0 a result (infeasible is one); 1 a fault of BioXen itself; 2 wrong input;
3 nothing real could run it; 4 the computation was stopped, crashed or failed.
"""

from __future__ import annotations

import sys

import typer

from bioxen.cli import (
    cells,
    chassis,
    demo,
    doctor,
    jobs,
    models,
    owners,
    routes,
    run,
    serve,
    store,
    tokens,
    up,
)
from bioxen.cli.console import errors
from bioxen.errors import BioXenErrorCode, BioXenException, MissingModuleError

app = typer.Typer(
    name="bioxen",
    help="BioXen: a hypervisor for virtual cells. Start with `bioxen demo`.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Guides and examples: the docs/ folder. Every command has --help with examples.",
)
app.command("demo")(demo.demo)
app.command("up")(up.up)
app.command("run")(run.run)
app.command("doctor")(doctor.doctor)
app.add_typer(serve.app, name="serve")
app.add_typer(chassis.app, name="chassis")
app.add_typer(cells.app, name="cells")
app.add_typer(models.app, name="models")
app.add_typer(jobs.app, name="jobs")
app.add_typer(store.app, name="store")
app.add_typer(routes.app, name="routes")
app.add_typer(owners.app, name="owner")
app.add_typer(tokens.app, name="token")

NOTHING_REAL = {
    BioXenErrorCode.SERVICE_UNAVAILABLE,
    BioXenErrorCode.HYPERVISOR_OVERLOAD,
    BioXenErrorCode.IMPORT_MODULE_ERROR,
}
FAILED = {
    BioXenErrorCode.COMPUTATION_TIMEOUT,
    BioXenErrorCode.ENGINE_CRASH,
    BioXenErrorCode.COMPUTATION_FAILED,
    BioXenErrorCode.RESOURCE_EXHAUSTION,
}


def exit_code(error: BioXenException) -> int:
    """Return the exit code that tells a script what kind of fault `error` is."""
    if error.code in NOTHING_REAL:
        return 3
    return 4 if error.code in FAILED else 2


def main() -> None:
    """Run the command line; a fault becomes a few words and an exit code."""
    try:
        app()
    except BioXenException as error:
        sys.exit(_say(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bioxen"):
            raise
        sys.exit(_say(_missing(error.name)))


def _missing(module: str) -> MissingModuleError:
    return MissingModuleError(
        f"This needs the package {module!r}, which is not installed.",
        details={"remedy": 'Install what computes with: pip install "bioxen[server]"'},
    )


def _say(error: BioXenException) -> int:
    errors.print(f"[bold red]{error.code.value} {error.code.name}[/]: ", end="")
    errors.print(error.message, markup=False, highlight=False)
    if error.place:
        errors.print(f"  place:  {error.place}", markup=False, highlight=False)
    if error.remedy:
        errors.print(f"  remedy: {error.remedy}", markup=False, highlight=False)
    return exit_code(error)
