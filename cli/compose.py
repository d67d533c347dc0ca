"""The secrets of docker/compose.yaml: each drawn once, in a file that only its owner may read."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.fernet import Fernet

from cli.errors import ComposeError

ENV_FILE = Path("docker") / ".env"  # where compose looks by itself, beside its file
PIPELINE_KEY = "pipeline"  # the name of the pipeline's own key among those of the service
_HEAD = """\
# Made by `make compose-env`. Keep it: the passwords of databases that were made with it are these.
# To let a client in, add the entry that `mlops serve-key NAME` prints to SERVICE_API_KEYS.
COMPOSE_PROJECT_NAME=mlops
"""


def _word() -> str:
    return secrets.token_urlsafe(32)  # fit for addresses, for JSON and for shells without quoting


def _fernet() -> str:
    return Fernet.generate_key().decode()


def _access_key() -> str:
    return secrets.token_hex(10)


SECRETS: Mapping[str, Callable[[], str]] = {
    "AIRFLOW_ADMIN_PASSWORD": _word,
    "AIRFLOW_API_SECRET_KEY": _word,
    "AIRFLOW_DATABASE_PASSWORD": _word,
    "AIRFLOW_FERNET_KEY": _fernet,
    "AIRFLOW_JWT_SECRET": _word,
    "CELERY_DATABASE_PASSWORD": _word,
    "MLFLOW_DATABASE_PASSWORD": _word,
    "POSTGRES_PASSWORD": _word,
    "PREDICTIONS_DATABASE_PASSWORD": _word,
    "REDIS_PASSWORD": _word,
    "S3_ACCESS_KEY": _access_key,
    "S3_SECRET_KEY": _word,
    "SERVICE_KEY": _word,
}


def variables(kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """Draw every secret but those that are kept, and add what follows from them: the service knows its keys by hash."""
    drawn = {name: make() for name, make in SECRETS.items()} | dict(kept or {})
    digest = hashlib.sha256(drawn["SERVICE_KEY"].encode()).hexdigest()
    return {"SERVICE_API_KEYS": json.dumps({PIPELINE_KEY: digest})} | drawn


def write_env(project: Path) -> tuple[Path, list[str]]:
    """Write the secrets that are not there yet beside the compose file; return the path, and which they are.

    Raises:
        ComposeError: when all are there: what they protect would be locked away by others.
    """
    path = project / ENV_FILE
    try:
        kept = _read(path) if path.exists() else None
        new = {name: value for name, value in variables(kept).items() if name not in (kept or {})}
        if not new:
            raise ComposeError(
                f"{path} is there already and stays: the databases in Docker's volumes know its passwords. To begin "
                "anew, remove the volumes (docker compose -f docker/compose.yaml down --volumes) and then the file"
            )
        content = ("\n" if kept else _HEAD) + "".join(f"{name}='{value}'\n" for name, value in sorted(new.items()))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
            file.write(content)
    except OSError as error:
        raise ComposeError(f"{path} cannot be written: {error.strerror}") from error
    return path, list(new)


def _read(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#")]
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}
