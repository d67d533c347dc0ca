"""`mlops monitor` and `mlops monitor rows`: a run of monitoring without Airflow, and the rows behind its findings."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from upath import UPath

from cli.commands import model as of_model
from cli.commands.options import DataVersion, DryRun, Model
from cli.console import command, console, contract_of
from monitoring.errors import MonitoringError
from pipeline.errors import NothingToDo
from pipeline.settings import load_settings
from pipeline.storage import read_json, storage

app = typer.Typer(invoke_without_command=True, help=of_model.monitor.__doc__)

RunName = Annotated[str | None, typer.Option("--run", help="A run of monitoring; without it, the newest.")]
Name = Annotated[str | None, typer.Argument(help="The file of a finding; without it, they are listed.")]
To = Annotated[Path | None, typer.Option("--to", help="Where to write it; without it, it is printed.")]


@app.callback()
def monitor(
    context: typer.Context, model: Model = None, data_version: DataVersion = None, dry_run: DryRun = False
) -> None:
    """Run monitoring, unless a command follows."""
    if context.invoked_subcommand is None:
        of_model.monitor(model, data_version, dry_run)


@app.command()
@command
def rows(name: Name = None, model: Model = None, run: RunName = None, to: To = None) -> None:
    """List the rows behind the findings of a run, or give those of one as CSV."""
    settings = load_settings()
    contract = contract_of(settings, model)
    folder = _folder(storage(settings, "reports", contract.name), run)
    found = read_json(folder / "report.json")["findings"].get("concerned", [])
    if name is None:
        console.print(f"[bold]{escape(contract.name)}: {folder.name}[/]")
        for one in found:  # no table: a file's name must come out whole, to be typed
            console.print(_line(one), markup=False, soft_wrap=True)
        return
    if name not in {one["name"] for one in found}:
        raise MonitoringError(f"{folder.name} has no rows called {name}: without a name, they are listed")
    content = (folder / name).read_bytes()
    if to is None:
        typer.echo(content, nl=False)
        return
    to.write_bytes(content)
    console.print(f"{escape(str(to))}: {len(content):,} bytes")


def _folder(reports: UPath, run: str | None) -> UPath:
    """Return the folder of a run's report; of the newest where none is named."""
    if run is not None:
        folder = reports / run
        if "/" in run or not (folder / "report.json").exists():
            raise MonitoringError(f"there is no report of a run {run!r} in {reports}")
        return folder
    written = {file.fs.modified(file.path): file for file in reports.glob("*/report.json")}
    if not written:
        raise NothingToDo(f"no run of monitoring has a report yet in {reports}")
    return UPath(written[max(written)].parent)


def _line(one: dict[str, Any]) -> str:
    said = f"{one['of']}, {one['subject']}: {one['rows']:,} of {one['total']:,} rows, {one['what']}"
    return f"{one['name']}  ({said})"
