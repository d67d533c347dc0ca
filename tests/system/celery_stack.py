"""The pipeline on several hosts, as far as one machine can be several: CeleryExecutor, two workers, remote stores.

Every process runs as a user of its own, with its own copy of contracts and DAGs, its own home and its own temporary
folder. What they share are addresses: PostgreSQL, Redis, S3 (moto), MLflow, git.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chain import free_ports
from tests.conftest import ROOT, make_small_rows
from tests.system.celery_settings import (
    CONTROL,
    MODEL,
    PASSWORD,
    WORKERS,
    Stack,
    control_settings,
    database,
    keys,
    password,
    project,
    script,
    settings,
    worker_settings,
)
from tests.system.celery_watch import answers
from tests.system.postgres_server import ADMIN, Server
from tests.system.postgres_server import PASSWORD as SERVER_PASSWORD
from tests.system.test_postgres import program as system
from tests.system.test_postgres import run
from tests.system.unshared import PYTHON, Machine, end, machine

_SERVERS = ("redis", "s3", "mlflow", "git", "airflow", "service")


def program(name: str) -> str:
    """Return a Debian program; a missing one is an error that names its package."""
    found = shutil.which(name)
    assert found, f"{name} is missing: apt-get install {name}"
    return found


@contextmanager
def stack() -> Iterator[Stack]:
    """Give the whole stack, up and well; afterwards nothing of it is left."""
    with machine() as on, _postgres(on) as postgres:
        made = Stack(on, postgres, dict(zip(_SERVERS, free_ports(len(_SERVERS)), strict=True)))
        _stores(made)
        _migrate(made)
        _airflow(made)
        _service(made)
        yield made


@contextmanager
def _postgres(on: Machine) -> Iterator[Server]:
    folder = on.folder / "postgres"
    folder.mkdir(mode=0o700)
    server = Server(folder)
    server.start()
    try:
        _databases(server)
        yield server
    finally:
        end(on)  # before the database goes: its absence is no part of what is looked at
        server.stop()


def _databases(server: Server) -> None:
    """Make databases and their users as docker/compose.yaml does: by its own script."""
    names = ("airflow", "celery", "mlflow", "predictions")
    place = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGDATABASE": "postgres", "PGPASSWORD": SERVER_PASSWORD}
    told = {"POSTGRES_USER": ADMIN} | {f"{name.upper()}_DATABASE_PASSWORD": password(name) for name in names}
    command = ("bash", "-e", str(ROOT / "docker" / "compose" / "databases.sh"))
    run(*command, env=place | told | {"PATH": f"{Path(system('psql')).parent}:/usr/bin:/bin"})


def _stores(made: Stack) -> None:
    """Start Redis, S3, git and MLflow, and put a source of data where the contract says it is."""
    on, ports = made.machine, made.ports
    place = ("--bind", "127.0.0.1", "--port")
    redis = (program("redis-server"), *place, str(ports["redis"]), "--requirepass", PASSWORD, "--save", "")
    on.start("redis", "redis", redis, {})
    on.start("s3", "s3", (script("moto_server"), "-H", "127.0.0.1", "-p", str(ports["s3"])), {})
    _git(made)
    on.wait("S3", lambda: answers(made.url("s3"), "/moto-api/"))
    for bucket in ("mlops", "mlflow", "sales"):
        made.s3().create_bucket(Bucket=bucket)
    made.s3().put_object(Bucket="sales", Key="flats.csv", Body=make_small_rows(800).to_csv(index=False).encode())
    mlflow = (script("mlflow"), "server", "--host", "127.0.0.1", "--port", str(ports["mlflow"]), "--workers", "1")
    stores = ("--backend-store-uri", database(made, "mlflow"), "--artifacts-destination", "s3://mlflow")
    on.start("mlflow", "mlflow", (*mlflow, *stores), keys(made) | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})


def _git(made: Stack) -> None:
    home = made.machine.home("git")
    for name in ("gitops", f"data-{MODEL}"):
        repository = ("git", "init", "--quiet", "--bare", "--initial-branch=main", str(home / f"{name}.git"))
        made.machine.run("git", f"init-{name}", repository, {})
    where = (f"--base-path={home}", "--listen=127.0.0.1", f"--port={made.ports['git']}", "--reuseaddr")
    how = ("--export-all", "--enable=receive-pack")
    made.machine.start("git", "git", ("git", "daemon", *where, *how, str(home)), {})


def _migrate(made: Stack) -> None:
    """Make the tables of Airflow and of the predictions while MLflow makes its own."""
    for user in (CONTROL, "service", *WORKERS):
        project(made, user)
    (made.machine.home(CONTROL) / "passwords.json").write_text(json.dumps({"admin": PASSWORD}))
    made.machine.own(CONTROL)
    made.machine.run(CONTROL, "migrate", (script("airflow"), "db", "migrate"), control_settings(made))
    migrate = (script("mlops"), "predictions", "migrate")
    made.machine.run("service", "migrate-predictions", migrate, settings(made, "service"))


def _airflow(made: Stack) -> None:
    """Start Airflow: what owns its database as one user, each worker as another one."""
    on = made.machine
    for name in ("api-server", "scheduler", "dag-processor"):
        on.start(CONTROL, name, (script("airflow"), name), control_settings(made))
    for name in WORKERS:
        start_worker(made, name)
    on.wait("MLflow", lambda: answers(made.url("mlflow"), "/health"))
    on.wait("Airflow", lambda: answers(made.url("airflow"), "/api/v2/version"))


def start_worker(made: Stack, name: str) -> None:
    """Start a worker that takes one task at a time."""
    worker = ("celery", "worker", "--concurrency", "1", "--celery-hostname", name, "--skip-serve-logs")
    made.machine.start(name, name, (script("airflow"), *worker), worker_settings(made, name))


def _service(made: Stack) -> None:
    """Start the prediction service, and beside it, as the same user, what places its releases."""
    home = made.machine.home("service")
    own = settings(made, "service") | {
        "MLOPS_RELEASES_DIR": f"{home}/releases",
        "MLOPS_SERVING_PORT": str(made.ports["service"]),
    }
    made.machine.start("service", "service", (str(PYTHON), "-m", "serving.service", MODEL), own)
    made.machine.start("service", "follow", (script("mlops"), "release", "follow", "--model", MODEL), own)
    made.machine.wait("the service", lambda: answers(made.url("service"), "/health/live"))
