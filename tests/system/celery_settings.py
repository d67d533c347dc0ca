"""What the processes of tests/system/celery_stack.py are told: addresses, and folders of their own users."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml

from tests.conftest import ROOT, SMALL
from tests.system.postgres_server import Server
from tests.system.unshared import PYTHON, Machine

MODEL = "small"
WORKERS = ("worker-1", "worker-2")
CONTROL = "control"
PASSWORD = "sesame-open-1"  # noqa: S105 (of a server that lives as long as the test)


@dataclass(frozen=True)
class Stack:
    """What runs, and where it is asked."""

    machine: Machine
    postgres: Server
    ports: dict[str, int]

    def url(self, server: str) -> str:
        return f"http://127.0.0.1:{self.ports[server]}"

    def s3(self) -> Any:
        keys = {"aws_access_key_id": "mlops", "aws_secret_access_key": PASSWORD, "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=self.url("s3"), **keys)


def password(name: str) -> str:
    """Return the password of a database's user."""
    return f"{PASSWORD}-{name}"


def database(made: Stack, name: str, scheme: str = "postgresql+psycopg2") -> str:
    """Return the address of a database, with its own user."""
    return f"{scheme}://{name}:{password(name)}@127.0.0.1:{made.postgres.port}/{name}"


def script(name: str) -> str:
    """Return a program of this environment."""
    return str(PYTHON.parent / name)


def contract() -> dict[str, Any]:
    """Return the small contract with two candidates, one for each worker, and a source that every host reaches."""
    forest = {"kind": "random_forest", "parameters": {"n_estimators": 30, "min_samples_leaf": 5}}
    candidates = {"forest": forest, "dummy": {"kind": "dummy"}}
    training = SMALL["training"] | {"candidates": candidates, "tuning": {"trials": 1}}
    return SMALL | {"ingestion": {"source": "s3://sales/flats.csv"}, "training": training}


def project(made: Stack, user: str) -> Path:
    """Give a user what an image would hold: contracts, DAGs and the lock, as a copy of its own."""
    home = made.machine.home(user)
    there = home / "project"
    shutil.copytree(ROOT / "dags", there / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "requirements", there / "requirements")
    (there / "contracts").mkdir()
    (there / "contracts" / f"{MODEL}.yaml").write_text(
        yaml.safe_dump(contract(), allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    made.machine.own(user)
    return there


def keys(made: Stack) -> dict[str, str]:
    """Return who asks S3, and where it is."""
    return {
        "AWS_ACCESS_KEY_ID": "mlops",
        "AWS_SECRET_ACCESS_KEY": PASSWORD,
        "AWS_ENDPOINT_URL": made.url("s3"),
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def settings(made: Stack, user: str) -> dict[str, str]:
    """Return what a process of the pipeline is told: addresses, and folders of its own user."""
    home, git = made.machine.home(user), f"git://127.0.0.1:{made.ports['git']}"
    who = {"predictions": {"login": "predictions", "password": password("predictions")}}
    return keys(made) | {
        "MLOPS_PROJECT_DIR": str(home / "project"),
        "MLOPS_STATE_DIR": str(home / "state"),
        "MLOPS_STORAGE_URI": "s3://mlops/storage",
        "MLOPS_DATA_REMOTE_URI": "s3://mlops/data/{model}",
        "MLOPS_DATA_REGISTRY_URI": git + "/data-{model}.git",
        "MLOPS_GITOPS_URI": f"{git}/gitops.git",
        "MLOPS_RELEASES_DIR": "",
        "MLOPS_MLFLOW_URI": made.url("mlflow"),
        "MLOPS_REPORTS_URI": "",
        "MLOPS_SERVICE_URI": made.url("service"),
        "MLOPS_PREDICTIONS_URI": f"postgresql://127.0.0.1:{made.postgres.port}/predictions",
        "MLOPS_CONNECTIONS": json.dumps(who),
        "MLOPS_READY_SECONDS": "60",
        "DO_NOT_TRACK": "1",
    }


def worker_settings(made: Stack, user: str) -> dict[str, str]:
    """Return what each process of Airflow is told, and a worker nothing more."""
    home = made.machine.home(user)
    manager = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
    return settings(made, user) | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__AUTH_MANAGER": manager,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "project" / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{made.url('airflow')}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__FERNET_KEY": "c2VzYW1lLW9wZW4tMS1zZXNhbWUtb3Blbi0xLXNlc2E=",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API_AUTH__JWT_SECRET": "sesame" * 12,
        "AIRFLOW__CELERY__BROKER_URL": f"redis://:{PASSWORD}@127.0.0.1:{made.ports['redis']}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": database(made, "celery", "db+postgresql"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def control_settings(made: Stack) -> dict[str, str]:
    """Return what the processes that own Airflow's database are told; workers are not told where that is."""
    home = made.machine.home(CONTROL)
    return worker_settings(made, CONTROL) | {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database(made, "airflow"),
        "AIRFLOW__API__BASE_URL": made.url("airflow"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(made.ports["airflow"]),
        "AIRFLOW__API__SECRET_KEY": "sesame" * 6,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
    }
