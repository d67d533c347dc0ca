"""`mlops data get`: the rows of a data version as a file."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import Model
from cli.console import command, console, contract_of
from pipeline.settings import load_settings
from pipeline.split import SplitName


@command
def get(
    version: Annotated[str, typer.Argument(help="Such as data-v1.0.0.")],
    target: Annotated[Path, typer.Argument(help="The file to write: .csv, .csv.gz or .parquet.")],
    model: Model = None,
    window: Annotated[str | None, typer.Option(help="Only this window, such as 2009-01-01_2010-01-01.")] = None,
    split: Annotated[SplitName | None, typer.Option(help="Only the rows of this split.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where it is there already.")] = False,
) -> None:
    """Write the rows of a data version, with their split, to a file."""
    from pipeline.data_export import check_target, export
    from pipeline.data_registry import DataRegistry, DataRegistryError

    check_target(target, force)  # before anything is fetched
    settings = load_settings()
    contract = contract_of(settings, model)
    with DataRegistry(settings, contract).files(version, None if window is None else [window]) as files:
        if not files:
            raise DataRegistryError(
                f"{version} has no window {window!r}; `mlops data show {version}` lists those it has"
            )
        written = export(contract, list(files.values()), target, split, force)
    console.print(f"wrote {written.rows:,} rows of {version} to {target}", markup=False)
    if written.guarded:
        console.print(f"{written.guarded:,} cells that a spreadsheet would take for a formula begin with an apostrophe")
