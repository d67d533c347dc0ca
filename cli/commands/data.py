"""`mlops data`: ingest windows and read data versions, without Airflow."""

from typing import Annotated

import typer

from cli.commands import data_clean, data_get, data_versions
from cli.commands.options import End, Model, Start, run_name, window_from
from cli.console import command, console, contract_of
from pipeline.settings import load_settings

app = typer.Typer(help="Ingest windows, and read data versions.", no_args_is_help=True)


@app.command()
@command
def ingest(
    model: Model = None,
    start: Start = None,
    end: End = None,
    source: Annotated[str | None, typer.Option(help="Another source than the contract's.")] = None,
) -> None:
    """Collect a window, validate it, and publish it as a data version; bad rows go to a quarantine."""
    from ingestion.collect import collect
    from ingestion.publish import publish
    from ingestion.validate import validate

    settings = load_settings()
    contract, run = contract_of(settings, model), run_name("ingest")
    collected = collect(contract, settings, run, window_from(contract, start, end), source)
    validated = validate(contract, settings, run, collected)
    version = publish(contract, settings, validated)
    news = "published" if version.created else "was published already with the same content:"
    console.print(f"{news} {version.version}, {version.rows:,} rows, window {version.window}")
    if validated.quarantined:
        console.print(f"quarantined {validated.quarantined:,} rows, with their reasons: {validated.quarantine_uri}")


app.command("list")(data_versions.list_)
app.command()(data_versions.show)
app.command()(data_versions.diff)
app.command()(data_get.get)
app.command()(data_clean.clean)
