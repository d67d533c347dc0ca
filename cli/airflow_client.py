"""A small client of Airflow's REST API (v2): trigger, follow, read."""

import time
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import quote

import httpx

from cli.errors import StackError
from cli.stack import airflow
from cli.stack.services import HOST
from pipeline.settings import Settings

ENDED = frozenset({"success", "failed"})


class AirflowClient:
    """Talks to the local Airflow as its generated user."""

    def __init__(self, settings: Settings) -> None:
        base = f"http://{HOST}:{settings.airflow_port}"
        self._http = httpx.Client(base_url=base, timeout=30, transport=httpx.HTTPTransport(retries=2))
        login = {"username": airflow.USER, "password": airflow.password(settings)}
        token = self._call("POST", "/auth/token", json=login)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def wait_for_dags(self, dag_ids: list[str], seconds: float = 120) -> None:
        """Wait until Airflow has parsed these DAGs.

        Raises:
            StackError: when one does not appear, with the import errors that Airflow reports.
        """
        deadline = time.monotonic() + seconds
        while missing := set(dag_ids) - {dag["dag_id"] for dag in self._get("/dags", limit=1000)["dags"]}:
            errors = self._get("/importErrors")["import_errors"]
            if errors or time.monotonic() > deadline:
                shown = "\n".join(f"{error['filename']}: {error['stack_trace']}" for error in errors)
                raise StackError(f"Airflow does not show {', '.join(sorted(missing))}\n{shown}")
            time.sleep(0.5)

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run and return its id.

        Raises:
            StackError: when Airflow refuses the form's values.
        """
        body = {"logical_date": None, "conf": conf}
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run."""
        return self._get(f"/dags/{dag_id}/dagRuns/{quote(run_id)}")

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the DAG's newest runs, newest first."""
        return list(self._get(f"/dags/{dag_id}/dagRuns", order_by="-run_after", limit=50)["dag_runs"])

    def runs_caused_by(self, dag_id: str, source_run: str) -> list[str]:
        """Return the ids of the DAG's started runs that an asset event of another run triggered."""
        found = []
        for run in self.runs(dag_id):
            if run["run_type"] != "asset_triggered" or not run["start_date"]:
                continue  # of a queued run, Airflow 3.3 cannot show the events: it answers 500
            events = self._get(f"/dags/{dag_id}/dagRuns/{quote(run['dag_run_id'])}/upstreamAssetEvents")["asset_events"]
            found += [run["dag_run_id"]] if any(event["source_run_id"] == source_run for event in events) else []
        return found

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the run's task instances in the order in which they started; those that wait come last."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances"
        instances = self._get(path, limit=200)["task_instances"]
        return sorted(instances, key=lambda one: one["start_date"] or "9")

    def result(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Any:
        """Return what a task returned, or None when it returned nothing."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        answer = self._http.get(f"/api/v2{path}", params={"map_index": map_index, "deserialize": True})
        return answer.json()["value"] if answer.status_code == httpx.codes.OK else None

    def log(self, dag_id: str, run_id: str, task: dict[str, Any]) -> list[str]:
        """Return the lines of a task instance's last try."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        content = self._get(path, map_index=task["map_index"])["content"]
        return [line for entry in content for line in _log_lines(entry)]

    def _get(self, path: str, **parameters: Any) -> dict[str, Any]:
        return self._call("GET", f"/api/v2{path}", params=parameters)

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise StackError(f"Airflow at {self._http.base_url} does not answer ({error}); try `make up`") from error
        if answer.is_error:
            raise StackError(f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:500]}")
        return dict(answer.json())


def _log_lines(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
        return
    yield str(entry.get("event", ""))
    for error in entry.get("error_detail") or []:
        yield f"{error.get('exc_type')}: {error.get('exc_value')}"
