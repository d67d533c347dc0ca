"""`mlops predictions`: the prediction log's tables, its copy in PostgreSQL, erasing and retention."""

from typing import Annotated, Any

import typer

from cli.commands import predictions_erase
from cli.commands.options import Model
from cli.commands.predictions_places import chosen, places
from cli.console import command, console, table
from cli.machine import Json, machine_readable, write_json

app = typer.Typer(help="The prediction log: its tables, its copy, erasing and retention.", no_args_is_help=True)


@app.command()
@command
@machine_readable
def migrate(model: Model = None, as_json: Json = False) -> None:
    """Bring the tables up to date: of the outbox, and of the PostgreSQL where one is set."""
    from pipeline.prediction_log.migrate import migrate_database, migrate_outbox

    settings, contract = chosen(model)
    path, database = places(settings, contract)
    was = {"outbox": migrate_outbox(path) if path.exists() else None}
    was["database"] = migrate_database(database) if database else None
    if as_json:
        write_json({"model": contract.name, "schema_before": was})
        return
    told = {
        name: "there is none" if schema is None else f"up to date (was schema {schema})" for name, schema in was.items()
    }
    console.print(table(f"{contract.name}: tables of predictions", ("where", "schema"), told.items()))


@app.command()
@command
@machine_readable
def status(model: Model = None, as_json: Json = False) -> None:
    """Show how much the log holds, since when, and what waits to be copied."""
    from pipeline.prediction_log.holdings import of_database, of_outbox

    settings, contract = chosen(model)
    path, database = places(settings, contract)
    held: dict[str, dict[str, Any]] = {"outbox": of_outbox(path)}
    if database:
        held["database"] = of_database(database, contract.name)
    if as_json:
        write_json({"model": contract.name, **held})
        return
    names = list(held["outbox"])
    rows = [(name, *(_shown(place.get(name)) for place in held.values())) for name in names]
    console.print(table(f"{contract.name}: predictions", ("", *held), rows))
    for place in held.values():
        if place.get("error"):
            console.print(f"[yellow]{place['error']}[/]")


@app.command()
@command
@machine_readable
def ship(
    model: Model = None,
    again: Annotated[bool, typer.Option("--again", help="All of it: for a database restored from a backup.")] = False,
    as_json: Json = False,
) -> None:
    """Copy to PostgreSQL what waits in the outbox; a running service does it by itself."""
    from serving.shipping import Copier

    settings, contract = chosen(model)
    path, database = places(settings, contract)
    if database is None:
        raise typer.BadParameter("no database is set: MLOPS_PREDICTIONS_URI")
    copied = Copier(path, database, contract.name).copy(again=again)
    if as_json:
        write_json({"model": contract.name, "copied": copied})
    else:
        console.print(f"{contract.name}: copied {copied:,} rows")


app.command()(predictions_erase.erase)
app.command()(predictions_erase.prune)


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
