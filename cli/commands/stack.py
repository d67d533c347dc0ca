"""`mlops up`, `down`, `status`, `demo`, `clean`: the local stack."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from rich.status import Status

from cli.commands.options import Model
from cli.console import command, console, contract_of, table
from cli.stack import airflow, lifecycle, supervise
from cli.stack.services import services
from pipeline.settings import Settings, load_settings


@command
def up() -> None:
    """Start the local stack and wait until it is well."""
    settings = load_settings()
    with progress("starting") as shown:
        started = lifecycle.up(settings, shown.update)
    console.print("[green]the stack is up[/]" if started else "the stack was up already")
    show_links(settings)


@command
def down() -> None:
    """Stop the local stack; its state stays."""
    with progress("stopping"):
        stopped = supervise.stop(load_settings())
    console.print("the stack is down" if stopped else "nothing was running")


@command
def status() -> None:
    """Say how each service is."""
    settings = load_settings()
    rows = [
        (one.service.name, one.state, {True: "yes", False: "no", None: ""}[one.well], one.service.port or "")
        for one in lifecycle.status(settings)
    ]
    console.print(
        table("the local stack", ("service", "state", "answers", "port"), [[str(c) for c in row] for row in rows])
    )
    show_links(settings)


@command
def demo(model: Model = None) -> None:
    """Tell the whole story on the contract's data, under the real Airflow scheduler."""
    from cli.demo.story import tell

    settings = load_settings()
    tell(settings, contract_of(settings, model))


@command
def clean() -> None:
    """Stop the stack and remove all local state."""
    settings = load_settings()
    supervise.stop(settings)
    if settings.state.exists():
        shutil.rmtree(settings.state)
        console.print(f"removed {settings.state}")


@contextmanager
def progress(first: str) -> Iterator[Status]:
    """Show what is waited for."""
    with console.status(first) as shown:
        yield shown


def show_links(settings: Settings) -> None:
    """Print where to look, and how to log in."""
    rows = [(one.title, one.url) for one in services(settings) if one.page]
    console.print(table("where to look", ("what", "address"), rows))
    console.print(f"Airflow login: [bold]{airflow.USER}[/] / [bold]{airflow.password(settings)}[/]")
