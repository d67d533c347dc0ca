"""`mlops contract`: look at contracts."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import command, console, table
from pipeline.contract import load_contract, load_contracts
from pipeline.settings import load_settings

app = typer.Typer(help="Check the contracts, and show what they say.", no_args_is_help=True)


@app.callback()
def contract() -> None:
    """Check the contracts, and show what they say."""


@app.command()
@command
def check(
    path: Annotated[Path | None, typer.Argument(help="A contract file; without it, all of contracts/.")] = None,
) -> None:
    """Say what is wrong with a contract, candidates that cannot be served included."""
    from training.check import check_training

    found = [load_contract(path)] if path else list(load_contracts(load_settings().contracts_dir).values())
    for one in found:
        check_training(one)
        kinds = f"{len(one.features)} features, target {one.target.name}, {len(one.training.candidates)} candidates"
        console.print(f"[green]ok[/] {one.name}: {kinds}")


@app.command()
@command
def show(
    path: Annotated[Path | None, typer.Argument(help="A contract file; without it, all of contracts/.")] = None,
) -> None:
    """List the columns of a contract with what each allows."""
    found = [load_contract(path)] if path else list(load_contracts(load_settings().contracts_dir).values())
    for one in found:
        rows = [(name, column.role, column.unit or "", column.allowed) for name, column in one.batch_columns.items()]
        console.print(table(f"{one.name}: {one.title}", ("column", "role", "unit", "allowed"), rows))


@app.command()
@command
def openapi() -> None:
    """Write the OpenAPI document of each contract's service beside the contract, to be committed with it."""
    from serving.openapi_file import openapi_path, write_openapi

    settings = load_settings()
    for one in load_contracts(settings.contracts_dir).values():
        changed = "written" if write_openapi(one, settings) else "as it was"
        console.print(f"{openapi_path(one, settings).name}: {changed}")
