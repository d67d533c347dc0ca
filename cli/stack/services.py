"""The services of the local stack: what each listens on, how it is started, and how it says that it is well."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline.contract import load_contracts
from pipeline.settings import Settings

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Service:
    """One supervised process. `port` and `health` are None for a process that listens on nothing of ours."""

    name: str
    title: str
    command: tuple[str, ...]
    port: int | None = None
    setting: str = ""  # the environment variable that changes the port
    health: str | None = None  # path that answers 200 when it is well
    page: str | None = None  # path that a person opens

    @property
    def url(self) -> str:
        """The address of its page."""
        return f"http://{HOST}:{self.port}{self.page or ''}"


def services(settings: Settings) -> list[Service]:
    """Return the services in the order in which they start."""
    models = load_contracts(settings.contracts_dir)
    return [
        _mlflow(settings),
        _reports(settings),
        *_airflow(settings),
        *(_prediction(settings, name) for name in models),
    ]


def program(name: str) -> str:
    """Return the path of a program of this environment."""
    return str(Path(sys.executable).parent / name)


def log_port(settings: Settings) -> int:
    """Return the port on which the scheduler shows tasks' logs: 8793, as Airflow has it, beside 8080."""
    above = settings.airflow_port + 713
    return above if above <= 65535 else settings.airflow_port - 713


def _mlflow(settings: Settings) -> Service:
    command = (
        *(program("mlflow"), "server", "--host", HOST, "--port", str(settings.mlflow_port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{settings.state}/mlflow/mlflow.db"),
        *("--artifacts-destination", f"{settings.state}/mlflow/artifacts"),
    )
    return Service("mlflow", "MLflow", command, settings.mlflow_port, "MLOPS_MLFLOW_PORT", "/health", "/")


def _reports(settings: Settings) -> Service:
    workspace = str(settings.state / "evidently")
    port = str(settings.reports_port)
    command = (program("evidently"), "ui", "--host", HOST, "--port", port, "--workspace", workspace)
    return Service(
        "reports", "Reports (Evidently)", command, settings.reports_port, "MLOPS_REPORTS_PORT", "/api/version", "/"
    )


def _airflow(settings: Settings) -> list[Service]:
    airflow = program("airflow")
    port, setting = settings.airflow_port, "MLOPS_AIRFLOW_PORT"
    return [
        Service("airflow-api", "Airflow", (airflow, "api-server"), port, setting, "/api/v2/version", "/"),
        Service("airflow-scheduler", "Airflow scheduler", (airflow, "scheduler"), log_port(settings), setting),
        Service("airflow-dag-processor", "Airflow DAG processor", (airflow, "dag-processor")),
    ]


def _prediction(settings: Settings, model: str) -> Service:
    command = (sys.executable, "-m", "serving.service", model)
    title = f"Predictions of {model} (Swagger)"
    port = settings.port_of(model)
    return Service(f"predict-{model}", title, command, port, "MLOPS_SERVING_PORT", "/health/live", "/docs")
