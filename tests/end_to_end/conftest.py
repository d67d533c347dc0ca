"""One stack for all end-to-end tests: the demo is told once, under real Airflow processes, and then looked at."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.airflow_client import AirflowClient
from pipeline.settings import Settings
from tests.chain import free_ports

ROOT = Path(__file__).resolve().parents[2]
MLOPS = Path(sys.executable).with_name("mlops")


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


def local_environment(state: Path) -> dict[str, str]:
    airflow, mlflow, serving, reports = free_ports(4)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MLOPS_", "AIRFLOW"))}
    return own | {
        "COLUMNS": "160",
        "MLOPS_STATE_DIR": str(state),
        "MLOPS_AIRFLOW_PORT": str(airflow),
        "MLOPS_MLFLOW_PORT": str(mlflow),
        "MLOPS_SERVING_PORT": str(serving),
        "MLOPS_REPORTS_PORT": str(reports),
    }


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    environment = local_environment(tmp_path_factory.mktemp("stack") / "state")
    fields = {name[6:].lower(): value for name, value in environment.items() if name.startswith("MLOPS_")}
    settings = Settings(project_dir=ROOT, **fields)
    try:
        demo = run(environment, "demo", "--model", "house_prices")
        assert demo.returncode == 0, (demo.stdout + demo.stderr)[-6000:]
        yield Told(settings, environment, demo.stdout)
    finally:
        down = run(environment, "down")
    assert down.returncode == 0, down.stdout + down.stderr


@pytest.fixture
def airflow(told: Told) -> Iterator[AirflowClient]:
    with AirflowClient(told.settings) as client:
        yield client
