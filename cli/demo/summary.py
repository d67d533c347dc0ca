"""The demo's last page: what was made, how good it is, what monitoring says, how long it took."""

from typing import Any

from rich.markup import escape

from cli.airflow_client import AirflowClient
from cli.console import console, table
from cli.demo.follow import Followed
from cli.demo.replay import Replayed
from cli.errors import DemoError
from pipeline.contract import Contract
from pipeline.data_registry import DataRegistry
from pipeline.release_log import read_release
from pipeline.settings import Settings
from training.leaderboard import leaderboard

_COLORS = {"healthy": "green", "watch": "yellow"}


def show_summary(
    client: AirflowClient,
    settings: Settings,
    contract: Contract,
    runs: list[Followed],
    replayed: Replayed,
    seconds: dict[str, float],
) -> None:
    """Print the summary of a demo whose last chain of runs is given."""
    console.print()
    _show_data(settings, contract)
    _show_models(settings, contract, replayed)
    _show_verdict(client, runs)
    rows = [*seconds.items(), ("all", sum(seconds.values()))]
    console.print(table("seconds", ("step", "seconds"), [(step, round(took, 1)) for step, took in rows]))


def _show_data(settings: Settings, contract: Contract) -> None:
    registry = DataRegistry(settings, contract)
    notes = [registry.note(version) for version in registry.versions()]
    rows = [(note.version, note.rows, note.window) for note in notes]
    console.print(table("data versions", ("version", "rows", "newest window"), rows))


def _show_models(settings: Settings, contract: Contract, replayed: Replayed) -> None:
    release = read_release(settings, contract.name)
    if release is None:
        raise DemoError(f"{contract.name}: Git names no release at the end of the demo")
    unit = contract.target.unit or ""
    columns = ("candidate", f"MAE {unit}", f"RMSE {unit}", "R2", "seconds")
    lines = leaderboard(settings, release.run_id)
    rows = [(one.candidate, one.mae, one.rmse, one.r2, round(one.seconds, 2)) for one in lines]
    console.print(table(f"candidates by cross-validation, on training rows of {release.data_version}", columns, rows))
    held, live = release.metrics, replayed
    rows_ = [
        ("held-out test rows", held["mae"], held["r2"], ""),
        (f"live, {live.rows} rows", live.mae, live.r2, f"{live.coverage:.1%}"),
    ]
    title = f"champion: version {release.version}"
    console.print(table(title, ("measured on", f"MAE {unit}", "R2", "inside the interval"), rows_))


def _show_verdict(client: AirflowClient, runs: list[Followed]) -> None:
    monitoring = next(run for run in runs if run.dag_id.endswith(".drift_monitoring"))
    verdict: dict[str, Any] = client.result(monitoring.dag_id, monitoring.run_id, "conclude")
    color = _COLORS.get(verdict["status"], "red")
    console.print(f"[bold]verdict:[/] [bold {color}]{verdict['status']}[/]")
    for reason in verdict["reasons"]:
        console.print(f"  - {escape(reason['view'])}: {escape(reason['sentence'])}")
