"""Following DAG runs: every task with its state and seconds as it ends, and the runs that a run causes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.status import Status

from cli.airflow_client import ENDED, AirflowClient
from cli.console import console
from cli.errors import DemoError
from training.gate.decision import REFUSED

# Which task's asset event starts which DAG: the chain of the loop.
NEXT = {
    "data_ingestion": ("announce", "drift_monitoring"),
    "drift_monitoring": ("request_retraining", "model_training"),
    "model_training": ("register", "model_deployment"),
}
_MARKS = {"success": "[green]✔[/]", "skipped": "[yellow]·[/]", "failed": "[red]✘[/]", "upstream_failed": "[red]✘[/]"}


@dataclass
class Followed:
    """A DAG run that ended."""

    dag_id: str
    run_id: str
    state: str
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def state_of(self, task_id: str) -> str | None:
        """Return a task's last state; None when the run has no such task."""
        return next((one["state"] for one in self.tasks if one["task_id"] == task_id), None)


def follow_chain(
    client: AirflowClient, model: str, kind: str, conf: dict[str, Any], seconds: float = 600
) -> list[Followed]:
    """Start a DAG and follow it and every run that its assets cause.

    Args:
        client: Airflow.
        model: the contract's name.
        kind: which of the four DAGs.
        conf: what its form says.
        seconds: how long each run may take.

    Raises:
        DemoError: when a run fails or takes too long, with the end of the failed task's log. That the gate refuses a
            challenger is no failure: the chain ends there.
    """
    first = client.trigger(f"{model}.{kind}", conf)
    followed = [_follow_to_success(client, f"{model}.{kind}", first, seconds)]
    while kind in NEXT and followed[-1].state_of(NEXT[kind][0]) == "success":
        kind, before = NEXT[kind][1], followed[-1]
        run_id = _wait_for_cause(client, f"{model}.{kind}", before.run_id)
        followed.append(_follow_to_success(client, f"{model}.{kind}", run_id, seconds))
    return followed


def finish_earlier(client: AirflowClient, model: str, kinds: Sequence[str], seconds: float = 600) -> None:
    """Follow what still runs from before, so that a demo that was stopped is continued and not overtaken."""
    while active := _first_active(client, [f"{model}.{kind}" for kind in kinds]):
        console.print("  an earlier run goes on:")
        follow(client, *active, seconds)


def follow(client: AirflowClient, dag_id: str, run_id: str, seconds: float) -> Followed:
    """Show a run's tasks until it ends; raises DemoError when it is late."""
    console.print(f"  [bold]{dag_id}[/]  [dim]{escape(run_id)}[/]")
    started, shown = time.monotonic(), set[tuple[str, int]]()
    with console.status("queued") as status:
        while True:
            run, tasks = client.run(dag_id, run_id), client.tasks(dag_id, run_id)
            _show(tasks, shown, status)
            if run["state"] in ENDED:
                return Followed(dag_id, run_id, run["state"], tasks)
            if time.monotonic() - started > seconds:
                raise DemoError(f"{dag_id} {run_id} still runs after {seconds:g} s; look at it in the Airflow UI")
            time.sleep(0.4)


def _follow_to_success(client: AirflowClient, dag_id: str, run_id: str, seconds: float) -> Followed:
    followed = follow(client, dag_id, run_id, seconds)
    if followed.state == "failed":
        refusal = _refusal(client, followed)
        if not refusal:
            raise DemoError(_failure(client, followed))
        console.print(f"    [yellow]the gate let the champion stay:[/] {escape(refusal)}")
    return followed


def _refusal(client: AirflowClient, followed: Followed) -> str:
    """Return why the gate refused a challenger, which is an answer and no fault; empty where something else failed."""
    gate = next((task for task in followed.tasks if (task["task_id"], task["state"]) == ("gate", "failed")), None)
    lines = client.log(followed.dag_id, followed.run_id, gate) if gate else []
    return next((line[line.index(REFUSED) :] for line in reversed(lines) if REFUSED in line), "")


def _first_active(client: AirflowClient, dag_ids: Sequence[str]) -> tuple[str, str] | None:
    """Return the oldest run that has not ended, of the first DAG that has one; a started one before a queued one.

    What the clock has started is no part of the story, and ends by itself.
    """
    for dag_id in dag_ids:
        active = [run for run in client.runs(dag_id) if run["state"] not in ENDED and run["run_type"] != "scheduled"]
        if active:
            return dag_id, min(active, key=lambda run: (run["start_date"] is None, run["run_after"]))["dag_run_id"]
    return None


def _wait_for_cause(client: AirflowClient, dag_id: str, source_run: str, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or _first_active(client, [dag_id]):
        if found := client.runs_caused_by(dag_id, source_run):
            return found[0]
        time.sleep(0.3)
    raise DemoError(f"{source_run} did not start {dag_id} within {seconds:g} s; is that DAG paused?")


def _show(tasks: list[dict[str, Any]], shown: set[tuple[str, int]], status: Status) -> None:
    for task in tasks:
        key = (task["task_id"], task["map_index"])
        if (
            task["state"] in _MARKS
            and key not in shown
            and (task["map_index"] >= 0 or task["start_date"] or task["end_date"])
        ):
            shown.add(key)
            seconds = _seconds(task)
            took = "" if seconds is None else f"{seconds:7.1f} s"
            console.print(f"    {_MARKS[task['state']]} {escape(f'{_name(task):34s}')} {task['state']:8s} {took}")
    running = [_name(task) for task in tasks if task["state"] in ("running", "queued", "up_for_retry")]
    status.update(escape("running " + ", ".join(running)) if running else "scheduling")


def _name(task: dict[str, Any]) -> str:
    mapped = task.get("rendered_map_index") or (task["map_index"] if task["map_index"] >= 0 else None)
    return f"{task['task_id']} [{mapped}]" if mapped is not None else str(task["task_id"])


def _seconds(thing: dict[str, Any]) -> float | None:
    if not thing.get("start_date") or not thing.get("end_date"):
        return None
    return (datetime.fromisoformat(thing["end_date"]) - datetime.fromisoformat(thing["start_date"])).total_seconds()


def _failure(client: AirflowClient, followed: Followed) -> str:
    failed = [task for task in followed.tasks if task["state"] == "failed"]
    lines = client.log(followed.dag_id, followed.run_id, failed[0])[-12:] if failed else []
    name = failed[0]["task_id"] if failed else "a task"
    return f"{followed.dag_id}: {name} failed:\n" + "\n".join(lines)
