"""Airflow on one machine: its environment, its generated login, its database."""

import json
import os
import secrets
import subprocess
from importlib.metadata import version
from pathlib import Path

from cli.errors import StackError
from cli.stack.services import HOST, log_port, program
from pipeline.settings import PREFIX, Settings

USER = "admin"
PARALLELISM = 3  # tasks at once: two cores, and a task that waits for MLflow needs none


def airflow_home(settings: Settings) -> Path:
    """Return the folder of Airflow's local state."""
    return settings.state / "airflow"


def password(settings: Settings) -> str:
    """Return the local login's password, generated at the first call."""
    return str(_generated(airflow_home(settings) / "passwords.json", {USER: secrets.token_urlsafe(12)})[USER])


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of every local service: the caller's settings, and Airflow's and MLflow's own."""
    home = airflow_home(settings)
    keys = _generated(home / "keys.json", {name: secrets.token_hex(32) for name in ("jwt", "api")})
    base = f"http://{HOST}:{settings.airflow_port}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "GIT_"))}
    return {
        **inherited,
        **_own(settings),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.project_dir / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
        "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.project_dir / "dags" / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API__BASE_URL": base,
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__SECRET_KEY": keys["api"],
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_port(settings)),
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "60",  # of a scheduler that was killed
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",  # then a task whose worker was lost is retried
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DO_NOT_TRACK": "1",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONUNBUFFERED": "1",
    }


def migrate(settings: Settings) -> None:
    """Make or upgrade Airflow's database, once per version of Airflow.

    Raises:
        StackError: with the end of what Airflow says, when that fails.
    """
    done = airflow_home(settings) / "migrated"
    current = version("apache-airflow-core")
    if done.exists() and done.read_text() == current:
        return
    ran = subprocess.run(
        [program("airflow"), "db", "migrate"], env=environment(settings), capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise StackError(f"airflow db migrate failed: {(ran.stderr or ran.stdout)[-2000:]}")
    done.write_text(current)


def _own(settings: Settings) -> dict[str, str]:
    """The settings themselves, so that tasks and services see what the command that started them saw."""
    plain = settings.model_fields_set - {"connections"}  # that one prints no secret; it is inherited as it is
    given = {f"{PREFIX}{name.upper()}": str(getattr(settings, name)) for name in plain}
    return {**given, f"{PREFIX}PROJECT_DIR": str(settings.project_dir), f"{PREFIX}STATE_DIR": str(settings.state)}


def _generated(path: Path, fresh: dict[str, str]) -> dict[str, str]:
    """Return the secrets that are kept in the file; they are made once, readable by their owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(fresh, file)
    return dict(json.loads(path.read_text()))
