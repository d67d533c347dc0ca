"""`mlops data clean`: take away what failed, killed and long finished runs have left."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from cli.commands.options import Model
from cli.console import command, console, contract_of, table
from pipeline.settings import load_settings

if TYPE_CHECKING:  # DVC comes with it
    from rich.table import Table

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([mhdw])", text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no age; one looks like 30m, 12h, 7d or 4w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Age = Annotated[
    timedelta,
    typer.Option(
        "--older-than", parser=_age, metavar="AGE", help="Such as 12h or 7d; younger runs may be on their way."
    ),
]
ReportAge = Annotated[
    timedelta,
    typer.Option("--reports-older-than", parser=_age, metavar="AGE", help="The same for reports and quarantined rows."),
]


@command
def clean(
    model: Model = None,
    older_than: Age = "7d",  # type: ignore[assignment] # typer parses it
    reports_older_than: ReportAge = "90d",  # type: ignore[assignment]
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this, it is only listed.")] = False,
) -> None:
    """List what runs of ingestion and monitoring have left behind and nobody needs; remove it with --yes."""
    from ingestion.leftovers import remove_run_files, run_leftovers
    from monitoring.leftovers import monitoring_leftovers, remove_leftovers
    from pipeline.data_registry import DataRegistry

    settings = load_settings()
    contract = contract_of(settings, model)
    registry = DataRegistry(settings, contract)
    of_registry = registry.leftovers(older_than)
    of_runs = run_leftovers(settings, contract.name, older_than, reports_older_than)
    of_monitoring = monitoring_leftovers(settings, contract.name, older_than, reports_older_than)
    found: list[Any] = [*of_registry, *of_runs, *of_monitoring]
    if not found:
        console.print(f"{contract.name}: nothing is left over")
        return
    console.print(_listed(contract.name, found))
    if yes:
        gone = [*registry.remove(of_registry), *remove_run_files(of_runs), *remove_leftovers(of_monitoring)]
        console.print(f"removed {_total(gone)}")
    else:
        console.print(f"{_total(found)} can be removed: add --yes")


def _listed(model: str, leftovers: Iterable[Any]) -> "Table":
    rows = [(_what(one), one.where, decimal(one.size), _shown(one.age), one.why) for one in leftovers]
    shown = table(f"{model}: left over", ("what", "where", "size", "age", "why"), rows)
    shown.columns[1].overflow = "fold"  # what will be removed is told in full
    return shown


def _what(leftover: Any) -> str:
    return {"content": "stored rows", "part": "part of a file", "work": "work folder"}.get(
        getattr(leftover, "kind", ""), "file of a run"
    )


def _total(leftovers: list[Any]) -> str:
    return f"{len(leftovers):,} leftovers, {decimal(sum(one.size for one in leftovers))}"


def _shown(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours / 24:,.0f} days" if hours >= 48 else f"{hours:.0f} hours"
