"""`mlops data`: ingest windows and read data versions, without Airflow."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import End, Model, Start, run_name, window_from
from cli.console import command, console, contract_of, table
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
    """Collect a window, validate it, and publish it as a data version."""
    from ingestion.collect import collect
    from ingestion.publish import publish
    from ingestion.validate import validate

    settings = load_settings()
    contract, run = contract_of(settings, model), run_name("ingest")
    collected = collect(contract, settings, run, window_from(contract, start, end), source)
    version = publish(contract, settings, validate(contract, settings, run, collected))
    news = "published" if version.created else "was published already with the same content:"
    console.print(f"{news} {version.version}, {version.rows:,} rows, window {version.window}")


@app.command("list")
@command
def list_(model: Model = None) -> None:
    """List the data versions."""
    from pipeline.data_registry import DataRegistry

    settings = load_settings()
    contract = contract_of(settings, model)
    registry = DataRegistry(settings, contract)
    notes = [registry.note(version) for version in registry.versions()]
    rows = [(note.version, note.rows, note.published, note.summary) for note in notes]
    console.print(table(f"{contract.name}: data versions", ("version", "rows", "published", "what"), rows))


@app.command()
@command
def get(
    version: Annotated[str, typer.Argument(help="Such as data-v1.0.0.")],
    target: Annotated[Path, typer.Argument(help="The CSV or Parquet file to write.")],
    model: Model = None,
) -> None:
    """Write the rows of a data version, with their split, to a file."""
    from pipeline.data_registry import DataRegistry

    settings = load_settings()
    frame = DataRegistry(settings, contract_of(settings, model)).read(version)
    if target.suffix not in (".csv", ".parquet"):
        raise typer.BadParameter(f"{target.name} must end in .csv or .parquet", param_hint="TARGET")
    frame.to_parquet(target) if target.suffix == ".parquet" else frame.to_csv(target, index=False)
    console.print(f"wrote {len(frame):,} rows of {version} to {target}")
