"""What an operator sees of the pipeline that tests/system/celery_stack.py runs: Airflow by its API, logs of tasks."""

import time
from pathlib import Path
from typing import Any

import httpx

from tests.system.celery_settings import PASSWORD, WORKERS, Stack


def answers(url: str, path: str) -> bool:
    """Whether a server answers well."""
    try:
        return httpx.get(url + path, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


class Airflow:
    """A person who looks at runs by Airflow's REST API."""

    def __init__(self, made: Stack) -> None:
        self._made = made
        self._http = httpx.Client(base_url=made.url("airflow"), timeout=30)
        login = {"username": "admin", "password": PASSWORD}
        token = self._http.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> dict[str, Any]:
        """Return what the API has there."""
        return dict(self._http.get(f"/api/v2{path}").raise_for_status().json())

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run by hand, once Airflow knows the DAG."""
        on = self._made.machine
        on.wait(dag_id, lambda: self._http.get(f"/api/v2/dags/{dag_id}").status_code == 200)
        form = {"logical_date": None, "conf": conf}
        answer = self._http.post(f"/api/v2/dags/{dag_id}/dagRuns", json=form)
        return str(answer.raise_for_status().json()["dag_run_id"])

    def ended(self, dag_id: str, seconds: float = 300) -> dict[str, str]:
        """Wait for the DAG's first run to end; return the states of its tasks."""
        deadline = time.monotonic() + seconds
        while not (runs := [run for run in self._runs(dag_id) if run["state"] in ("success", "failed")]):
            self._made.machine.wait("processes", lambda: True)
            assert time.monotonic() < deadline, f"{dag_id}: {self._runs(dag_id)}\n{self.logs()}"
            time.sleep(1)  # each question costs the API server a tenth of a second
        tasks = self.get(f"/dags/{dag_id}/dagRuns/{runs[0]['dag_run_id']}/taskInstances")["task_instances"]
        assert runs[0]["state"] == "success", f"{dag_id}: {[(t['task_id'], t['state']) for t in tasks]}\n{self.logs()}"
        return {str(task["task_id"]): str(task["state"]) for task in tasks}

    def _runs(self, dag_id: str) -> list[dict[str, Any]]:
        answer = self._http.get(f"/api/v2/dags/{dag_id}/dagRuns")
        return list(answer.json()["dag_runs"]) if answer.status_code == 200 else []

    def logs(self) -> str:
        """Return the ends of the workers' logs of tasks, and of all processes."""
        tasks = [path for name in WORKERS for path in task_logs(self._made, name)]
        newest = sorted(tasks, key=lambda path: path.stat().st_mtime)[-3:]
        return "\n".join([*(f"--- {path}\n{path.read_text()[-3000:]}" for path in newest), self._made.machine.says()])


def task_logs(made: Stack, worker: str) -> list[Path]:
    """Return the logs of the tasks that a worker has run."""
    return sorted((made.machine.home(worker) / "airflow" / "logs").glob("dag_id=*/**/*.log"))
