"""`bioxen models`: the models that requests may name, shipped ones and your own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import errors, results, table
from bioxen.cli.options import Json, Token
from bioxen.cli.writing import write
from bioxen.protocol.model_export import FORMATS

if TYPE_CHECKING:
    from bioxen.client.models import Models

app = typer.Typer(
    no_args_is_help=True,
    help="The models that requests may name: list, show, add, export, verify, remove.\n\n"
    "They are this machine's; with --url, those that an orchestrator has for you.\n\n"
    "Example: [bold]bioxen models add my_model.xml --chassis syn3a[/]",
)
Url = Annotated[
    str | None, typer.Option("--url", help="An orchestrator; this machine's own models if absent.")
]


@contextmanager
def _kept(url: str, token: str | None) -> Iterator[Models]:
    from bioxen.client import BiologicalComputationClient

    with BiologicalComputationClient(None, None, url, token=token) as client:
        yield client.models


@app.command("list")
def list_(as_json: Json = False, url: Url = None, token: Token = None) -> None:
    """List every model.

    Examples: [bold]bioxen models list[/] | [bold]bioxen models list --url http://127.0.0.1:5000[/]
    """
    from pydantic import TypeAdapter

    from bioxen.protocol.services import ModelInfo
    from bioxen.server.bytecode.repository import Repository

    if url is None:
        models = Repository().list()
    else:
        with _kept(url, token) as kept:
            models = kept.list()
    if as_json:
        results.print_json(TypeAdapter(list[ModelInfo]).dump_json(models).decode())
        return
    listing = table("Models", "id", "kind", "chassis", "title", "origin", "digest")
    for model in models:
        listing.add_row(model.id, model.kind, model.chassis, model.title, model.origin, model.digest[:12])
    results.print(listing)


@app.command()
def show(name: str, as_json: Json = False, url: Url = None, token: Token = None) -> None:
    """Show one model, by id or digest.

    Example: [bold]bioxen models show iJO1366[/]
    """
    from bioxen.server.bytecode.repository import Repository

    if url is None:
        model = Repository().find(name)
    else:
        with _kept(url, token) as kept:
            model = kept.get(name)
    if as_json:
        results.print_json(model.model_dump_json())
        return
    for field, value in model.model_dump().items():
        lines = value if isinstance(value, list) else [value]
        for number, line in enumerate(lines):
            results.print(f"{field if number == 0 else '':>10}  {line}", markup=False, highlight=False)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="SBML, COBRA JSON or Antimony.")],
    chassis: Annotated[str, typer.Option(help="The organism that the model describes.")],
    model_id: Annotated[str | None, typer.Option("--id", help="Its id; the file's name if absent.")] = None,
    title: Annotated[str | None, typer.Option(help="What it is; the id if absent.")] = None,
    licence: Annotated[str, typer.Option(help="The licence you hold it under.")] = "unknown",
    url: Url = None,
    token: Token = None,
) -> None:
    """Add your own model, so that requests can name it: every request on this machine, or yours at --url.

    Examples: [bold]bioxen models add my_model.xml --chassis syn3a --licence CC-BY-4.0[/] |
    [bold]bioxen models add my_model.xml --chassis syn3a --url http://127.0.0.1:5000[/]
    """
    from bioxen.chassis import get_chassis_config
    from bioxen.server.bytecode.files import read_model_file
    from bioxen.server.bytecode.repository import Repository

    biological_type = get_chassis_config(chassis).biological_type
    name = model_id or file.name.removesuffix(".gz").rpartition(".")[0]
    remedy = "Give a text file, or one compressed by gzip."
    text = read_model_file(file, place="FILE", remedy=remedy)
    called = title or name
    if url is None:
        info = Repository().add(text, id=name, chassis=biological_type, title=called, licence=licence)
    else:
        with _kept(url, token) as kept:
            info = kept.add(name, text, chassis=biological_type, title=called, licence=licence)
    errors.print(f"Added the {info.kind} model {info.id} (sha256 {info.digest}).")


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="A kinetic model, by id or digest.")],
    file: Annotated[Path, typer.Argument(help="Where to write: .xml, .ant or .omex tells the format.")],
    param: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, written into the model.")] = None,
    init: Annotated[list[str] | None, typer.Option(help="S=VALUE or [S]=VALUE, likewise.")] = None,
) -> None:
    """Write a kinetic model as SBML, Antimony or COMBINE archive, with changed values if you like.

    Example: [bold]bioxen models export repressilator fast.omex --param n=3[/]
    """
    from bioxen.server.bytecode.repository import Repository
    from bioxen.server.engines.kinetic import KineticEngine

    if file.suffix not in FORMATS:
        raise typer.BadParameter(f"{file.name}: give a name that ends in {', '.join(FORMATS)}")
    engine = KineticEngine()
    request = engine.parse(
        {
            "process_code": "kinetic_export",
            "format": FORMATS[file.suffix],
            "parameters": _numbers(param),
            "initial_conditions": _numbers(init),
        }
    )
    exported = engine.run(request, engine.compile(Repository().read(name))).exported
    if exported is None:
        raise AssertionError("an export without a model")
    write(file, exported.content)


def _numbers(pairs: list[str] | None) -> dict[str, float]:
    found = {}
    for pair in pairs or []:
        key, _, value = pair.partition("=")
        try:
            found[key] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{pair}: write it as NAME=VALUE") from None
    return found


@app.command()
def verify() -> None:
    """Check every model's text against its digest; exit code 1 where one differs.

    Example: [bold]bioxen models verify[/]
    """
    from bioxen.server.bytecode.repository import Repository

    checked = Repository().verify()
    broken = [verdict for verdict in checked if not verdict.ok]
    for verdict in broken:
        errors.print(f"[red]{verdict.info.id}[/]: {verdict.problem}")
    errors.print(f"{len(checked) - len(broken)} of {len(checked)} models are as they should be.")
    if broken:
        raise typer.Exit(1)


@app.command()
def remove(name: str, url: Url = None, token: Token = None) -> None:
    """Remove one of your own models.

    Example: [bold]bioxen models remove my_model[/]
    """
    from bioxen.server.bytecode.repository import Repository

    if url is None:
        Repository().remove(name)
    else:
        with _kept(url, token) as kept:
            kept.delete(name)
    errors.print(f"Removed {name}.")
