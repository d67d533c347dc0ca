"""Options that several commands take."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from pipeline.contract import Contract, Window
from pipeline.contract.window import Edge

Model = Annotated[
    str | None, typer.Option("--model", "-m", help="Name of the contract; needed where there are several.")
]
DataVersion = Annotated[str | None, typer.Option(help="Such as data-v1.0.0; without it, the newest.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be asked for, and ask for nothing.")]
Start = Annotated[str | None, typer.Option("--start", help="First date (or row position) of the window.")]
End = Annotated[str | None, typer.Option("--end", help="First date (or row position) after the window.")]


def window_from(contract: Contract, start: str | None, end: str | None) -> Window:
    """Return the window that two options say; raises typer.BadParameter for an edge of the wrong kind."""

    def edge(text: str) -> Edge:
        return date.fromisoformat(text) if contract.event_time else int(text)

    try:
        window = Window(start=None if start is None else edge(start), end=None if end is None else edge(end))
    except ValueError as error:
        kind = "dates such as 2009-01-31" if contract.event_time else "row positions such as 0"
        raise typer.BadParameter(f"--start and --end take {kind}: {error}") from error
    return window


def run_name(what: str) -> str:
    """Return a name for the run of a command, as Airflow's run ids name its runs."""
    return f"{what}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
