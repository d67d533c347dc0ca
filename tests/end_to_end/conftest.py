"""One stack for all end-to-end tests: the demo is told once, under real Airflow processes, and then looked at."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cli.airflow_client import AirflowClient
from cli.stack.airflow import USER, password
from pipeline.settings import Settings
from tests.chain import free_ports

ROOT = Path(__file__).resolve().parents[2]
MLOPS = Path(sys.executable).with_name("mlops")
QUARTERS = "house_quarters"  # the second contract of the stack


@dataclass(frozen=True)
class Told:
    """A demo that was told: where it ran, and what it printed."""

    settings: Settings
    environment: dict[str, str]
    output: str

    def mlops(self, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return run(self.environment | changed, *arguments)


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(MLOPS), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=900
    )


def local_environment(state: Path, project: Path) -> dict[str, str]:
    airflow, mlflow, serving, reports = free_ports(4)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MLOPS_", "AIRFLOW"))}
    return own | {
        "COLUMNS": "160",
        "MLOPS_PROJECT_DIR": str(project),
        "MLOPS_STATE_DIR": str(state),
        "MLOPS_AIRFLOW_PORT": str(airflow),
        "MLOPS_MLFLOW_PORT": str(mlflow),
        "MLOPS_SERVING_PORT": str(serving),
        "MLOPS_REPORTS_PORT": str(reports),
    }


def two_contracts(project: Path) -> Path:
    """Fill a project folder: as the repository is, and a second contract on the same data, for what is no demo.

    Every candidate is tried with its stated parameters only, and with small ensembles: to fit them would take most of
    the tests' time. What the second one releases, a person approves.
    """
    for name in ("contracts", "dags"):  # DAG files look for contracts beside themselves
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("data", "requirements"):
        (project / name).symlink_to(ROOT / name)
    content = yaml.safe_load((project / "contracts" / "house_prices.yaml").read_text(encoding="utf-8"))
    content["training"]["tuning"] |= {"trials": 1, "folds": 3}
    for candidate in content["training"]["candidates"].values():
        for size in {"n_estimators", "max_iter"} & set(candidate.get("parameters", {})):
            candidate["parameters"][size] = 60
    manual = {"approval": "manual", "timeout_hours": 1, "approvers": [USER]}
    for name, changes in (("house_prices", {}), (QUARTERS, {"release": manual})):
        written = yaml.safe_dump(content | {"name": name} | changes, allow_unicode=True, sort_keys=False)
        (project / "contracts" / f"{name}.yaml").write_text(written, encoding="utf-8")
    return project


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    project = two_contracts(tmp_path_factory.mktemp("project"))
    environment = local_environment(tmp_path_factory.mktemp("stack") / "state", project)
    fields = {name[6:].lower(): value for name, value in environment.items() if name.startswith("MLOPS_")}
    settings = Settings(**fields)
    try:
        demo = run(environment, "demo", "--model", "house_prices")
        assert demo.returncode == 0, (demo.stdout + demo.stderr)[-6000:]
        yield Told(settings, environment, demo.stdout)
    finally:
        down = run(environment, "down")
    assert down.returncode == 0, down.stdout + down.stderr


def wait_for(airflow: AirflowClient, dag_id: str, run_id: str, seconds: float = 120) -> tuple[str, dict[str, Any]]:
    """Return a run's last state and its tasks by name."""
    deadline = time.monotonic() + seconds
    while (state := airflow.run(dag_id, run_id)["state"]) not in ("success", "failed"):
        assert time.monotonic() < deadline, f"{dag_id} is still {state}"
        time.sleep(0.3)
    return state, {task["task_id"]: task for task in airflow.tasks(dag_id, run_id)}


@pytest.fixture(scope="session")
def logged_in(told: Told) -> Iterator[httpx.Client]:
    """Somebody who looks at pages in the Airflow UI."""
    with httpx.Client(base_url=f"http://127.0.0.1:{told.settings.airflow_port}", timeout=30) as browser:
        login = {"username": USER, "password": password(told.settings)}
        token = browser.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        browser.headers["Authorization"] = f"Bearer {token}"
        yield browser


@pytest.fixture
def airflow(told: Told) -> Iterator[AirflowClient]:
    with AirflowClient(told.settings) as client:
        yield client
