"""How commands talk: one console, errors without stack traces, tables of small things."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.contract import Contract, load_contracts
from pipeline.errors import NothingToDo, PipelineError
from pipeline.settings import Settings

console = Console(highlight=False, soft_wrap=True)


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show expected errors as one message and exit with 1; nothing to do is no failure."""

    @wraps(function)
    def guarded(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except NothingToDo as reason:
            console.print(f"[yellow]nothing to do:[/] {escape(str(reason))}")
        except PipelineError as error:
            console.print(f"[red]error:[/] {escape(str(error))}")
            for note in getattr(error, "__notes__", ()):
                console.print(note, markup=False)
            raise typer.Exit(1) from None

    return guarded


def contract_of(settings: Settings, model: str | None) -> Contract:
    """Return the named contract, or the only one.

    Raises:
        typer.BadParameter: when it is not there, or several are and none is named.
    """
    contracts = load_contracts(settings.contracts_dir)
    if model is None and len(contracts) == 1:
        return next(iter(contracts.values()))
    if model not in contracts:
        raise typer.BadParameter(f"name one of: {', '.join(contracts)}", param_hint="--model")
    return contracts[model]


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Table:
    """Return a table; numbers are aligned right by their being numbers."""
    shown = Table(title=title, title_justify="left", title_style="bold")
    listed = [list(row) for row in rows]
    for place, column in enumerate(columns):
        numeric = all(isinstance(row[place], int | float) or row[place] == "" for row in listed)
        shown.add_column(column, justify="right" if numeric and listed else "left")
    for row in listed:
        shown.add_row(*(_cell(value) for value in row))
    return shown


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else escape(str(value))
