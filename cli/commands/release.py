"""`mlops release`: what is live, since when, and how to change it."""

from typing import Annotated

import typer

from cli.commands.options import Model
from cli.console import command, console, contract_of, table
from pipeline.settings import load_settings

app = typer.Typer(help="See and change what is live: Git is the truth of it.", no_args_is_help=True)


@app.command("list")
@command
def list_(model: Model = None) -> None:
    """List the releases, newest first."""
    from pipeline.release_log import release_history

    settings = load_settings()
    contract = contract_of(settings, model)
    rows = [(one["date"], one["commit"][:12], one["subject"]) for one in release_history(settings, contract.name)]
    console.print(table(f"{contract.name}: releases", ("when", "commit", "what"), rows))


@app.command("commit")
@command
def commit_(
    model: Model = None,
    version: Annotated[int | None, typer.Option(help="Without it, the newest challenger.")] = None,
) -> None:
    """Commit a model version that passed the gate as what is live, and reconcile."""
    _release(model, version, None)


@app.command()
@command
def rollback(
    version: Annotated[int, typer.Argument(help="The model version to go back to.")],
    reason: Annotated[str, typer.Option(help="Kept in the release commit.")],
    model: Model = None,
) -> None:
    """Commit an earlier model version as what is live, and reconcile."""
    _release(model, version, reason)


@app.command()
@command
def reconcile(model: Model = None) -> None:
    """Make the local service follow what Git says."""
    from serving import reconcile as stage

    settings = load_settings()
    done = stage.reconcile(settings, contract_of(settings, model).name)
    shown = f"{done.smoke_rows} smoke rows differ by at most {done.largest_difference:.1g}, {done.seconds:g} s"
    console.print(f"{done.model} version {done.version} is live: {shown}")


def _release(model: str | None, version: int | None, reason: str | None) -> None:
    from serving import release

    settings = load_settings()
    contract = contract_of(settings, model)
    proposed = release.evidence(contract, settings, version, reason)
    release.release(settings, proposed)
    console.print(f"Git says: {proposed.model} version {proposed.version}")
    reconcile(contract.name)
