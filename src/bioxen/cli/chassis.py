"""`bioxen chassis`: the organisms a cell can be made of."""

from __future__ import annotations

from typing import Annotated

import typer

from bioxen.cli.console import results, table

app = typer.Typer(
    no_args_is_help=True,
    help="The organisms a cell can be made of.\n\nExample: [bold]bioxen chassis show syn3a[/]",
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_() -> None:
    """List every chassis with its default model.

    Example: [bold]bioxen chassis list[/]
    """
    from bioxen.chassis import get_chassis_config, get_supported_biological_types

    listing = table("Chassis", "type", "organism", "metabolic model", "kinetic program")
    for name in get_supported_biological_types():
        chassis = get_chassis_config(name)
        listing.add_row(name, chassis.organism, chassis.default_model, chassis.default_kinetic_program)
    results.print(listing)


@app.command()
def show(biological_type: str, as_json: Json = False) -> None:
    """Show a chassis: facts with their sources, medium, models.

    Example: [bold]bioxen chassis show ecoli --json[/]
    """
    from bioxen.chassis import get_chassis_config

    chassis = get_chassis_config(biological_type)
    if as_json:
        results.print_json(chassis.model_dump_json())
        return
    results.print(f"[bold]{chassis.biological_type}[/]: {chassis.organism}\n{chassis.summary}\n")
    facts = table("Facts", "fact", ">value", "unit", "source")
    for name, fact in chassis.facts.items():
        condition = f" ({fact.condition})" if fact.condition else ""
        facts.add_row(name + condition, f"{fact.value:,}", fact.unit, fact.source)
    results.print(facts)
    medium = table(f"Default medium of {chassis.default_model}", "exchange", ">largest uptake, mmol/gDW/h")
    for exchange, uptake in chassis.medium.items():
        medium.add_row(exchange, f"{uptake:g}")
    results.print(medium)
    results.print(f"metabolic models: {', '.join(chassis.metabolic_models)}; objective: {chassis.objective}")
    results.print(f"kinetic programs: {', '.join(chassis.kinetic_programs)}")
