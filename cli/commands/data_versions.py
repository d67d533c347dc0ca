"""`mlops data list`, `show` and `diff`: what data versions hold, and what changed between them."""

from typing import Annotated

import typer

from cli.commands import data_diff_tables, data_tables
from cli.commands.options import Model
from cli.console import command, console, contract_of
from cli.machine import Json, machine_readable, write_json
from pipeline.settings import load_settings

Version = Annotated[str, typer.Argument(help="Such as data-v1.0.0.")]


@command
@machine_readable
def list_(model: Model = None, as_json: Json = False) -> None:
    """List the data versions, the newest last."""
    from pipeline.data_registry import DataRegistry

    settings = load_settings()
    contract = contract_of(settings, model)
    notes = DataRegistry(settings, contract).notes()
    if as_json:
        write_json([note.model_dump(mode="json", exclude={"profile", "windows"}) for note in notes])
    elif notes:
        console.print(data_tables.versions(contract.name, notes))
    else:
        console.print(f"{contract.name} has no data version yet; `mlops data ingest` publishes the first")


@command
@machine_readable
def show(
    version: Annotated[str | None, typer.Argument(help="Such as data-v1.0.0; without it, the newest.")] = None,
    model: Model = None,
    report: Annotated[bool, typer.Option("--report", help="Add what the report on its batch says.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a data version holds, where it comes from, and what it changed."""
    from pipeline.data_registry import DataRegistry, DataRegistryError

    settings = load_settings()
    contract = contract_of(settings, model)
    registry = DataRegistry(settings, contract)
    version = version or registry.latest()
    if version is None:
        raise DataRegistryError(f"{contract.name} has no data version yet; `mlops data ingest` publishes the first")
    note = registry.note(version)
    stored = registry.report(version, note.window) if report else None
    if as_json:
        write_json(note.model_dump(mode="json") | ({"report": stored} if report else {}))
        return
    for part in data_tables.version(contract.name, note):
        console.print(part)
    for line in data_tables.report_lines(note, stored) if report else ():
        console.print(line, markup=False)


@command
@machine_readable
def diff(
    before: Version,
    after: Version,
    model: Model = None,
    examples: Annotated[int, typer.Option(min=0, max=100, help="Show so many changed rows of each kind.")] = 0,
    as_json: Json = False,
) -> None:
    """Show which rows were added, corrected or are gone from one data version to another, and how columns moved."""
    from pipeline.data_registry import DataRegistry

    settings = load_settings()
    contract = contract_of(settings, model)
    found = DataRegistry(settings, contract).diff(before, after, examples)
    if as_json:
        write_json(found.model_dump(mode="json"))
        return
    for part in data_diff_tables.difference(contract.name, found):
        console.print(part)
