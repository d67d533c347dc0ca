"""The stages share no disk: the loop runs on two workers of two users, with other settings and the same DAG files."""

import os
from collections.abc import Iterator
from contextlib import suppress

import httpx
import psycopg
import pytest

from tests.serving.conftest import RECORD
from tests.system.celery_settings import MODEL, WORKERS, Stack, password, worker_settings
from tests.system.celery_stack import stack
from tests.system.celery_watch import Airflow, task_logs

pytestmark = pytest.mark.timeout(900)

DAGS = ("data_ingestion", "drift_monitoring", "model_training", "model_deployment")


@pytest.fixture(scope="module")
def made() -> Iterator[Stack]:
    with stack() as started:
        yield started


def test_the_loop_runs_where_nothing_but_addresses_is_shared(made: Stack) -> None:
    airflow = Airflow(made)
    airflow.trigger(f"{MODEL}.data_ingestion", {"start": "2020-01-01", "end": "2021-01-01"})
    states = {dag: airflow.ended(f"{MODEL}.{dag}") for dag in DAGS}  # each causes the next one
    assert {state for tasks in states.values() for state in tasks.values()} == {"success"}

    served = httpx.get(f"{made.url('service')}/model").json()
    assert (served["version"], served["data_version"]) == (1, "data-v1.0.0")
    champion = httpx.get(
        f"{made.url('mlflow')}/api/2.0/mlflow/registered-models/alias", params={"name": MODEL, "alias": "champion"}
    ).json()
    assert champion["model_version"]["version"] == "1"

    hosts = {name: {log.parts[-3:-1] for log in task_logs(made, name)} for name in WORKERS}
    assert all(len(tasks) >= 3 for tasks in hosts.values()), hosts
    assert left_elsewhere(made) == []


def left_elsewhere(made: Stack) -> list[str]:
    """Return what the users have left in places that all may write to."""
    found, numbers = [], made.machine.users.values()
    for place in ("/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108 (these are what is looked at)
        for entry in os.scandir(place):
            with suppress(FileNotFoundError):  # somebody else's, gone meanwhile
                found += [entry.path] if entry.stat(follow_symlinks=False).st_uid in numbers else []
    return found


def test_an_answer_of_the_service_reaches_the_database_that_every_host_reads(made: Stack) -> None:
    answer = httpx.post(f"{made.url('service')}/predict", json=RECORD)
    assert answer.status_code == 200, answer.text
    with made.postgres.admin("predictions") as admin:
        made.machine.wait("the copy", lambda: bool(admin.execute("SELECT 1 FROM predictions").fetchall()), 20)


def test_a_worker_reaches_neither_airflows_database_nor_the_other_workers_folder(made: Stack) -> None:
    """What the loop's success rests on: nothing was readable that is not meant to be."""
    for user, other in (WORKERS, WORKERS[::-1]):
        with pytest.raises(AssertionError, match="Permission denied"):
            made.machine.run(user, "look", ("ls", str(made.machine.home(other))), {})
        told = str(worker_settings(made, user))
        assert password("celery") in told
        assert password("airflow") not in told
    place = {"host": "127.0.0.1", "port": made.postgres.port, "dbname": "airflow"}
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(**place, user="celery", password=password("celery"))
