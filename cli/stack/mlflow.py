"""The local stack's MLflow: its database is upgraded before the server starts, which refuses an older one."""

import subprocess
from importlib.metadata import version

from cli.errors import StackError
from cli.stack.airflow import environment
from cli.stack.services import program
from pipeline.settings import Settings


def migrate(settings: Settings) -> None:
    """Upgrade MLflow's database, once per version of MLflow; a new one is made by the server itself.

    Raises:
        StackError: with the end of what MLflow says, when that fails.
    """
    folder = settings.state / "mlflow"
    database, done, current = folder / "mlflow.db", folder / "migrated", version("mlflow")
    if done.exists() and done.read_text() == current:
        return
    if database.exists():
        command = [program("mlflow"), "db", "upgrade", f"sqlite:///{database}"]
        ran = subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False)
        if ran.returncode:
            raise StackError(f"mlflow db upgrade failed: {(ran.stderr or ran.stdout)[-2000:]}")
    folder.mkdir(parents=True, exist_ok=True)
    done.write_text(current)
