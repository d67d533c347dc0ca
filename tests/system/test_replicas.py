"""Two replicas of a service, each with an outbox of its own, and one PostgreSQL for both."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pipeline.connection import Connection
from pipeline.contract import Contract
from pipeline.prediction_log.database import Database
from pipeline.settings import Settings
from serving.service.app import create_app
from tests.serving.conftest import RECORD, eventually, publish_release
from tests.system.conftest import Ask
from tests.system.postgres_server import WHO, Server

Predict = Callable[[], str]
UNKNOWN = "01a230cc-4bcf-7ad8-813e-9d225b78abb1"


@pytest.fixture
def replicas(tmp_path: Path, database: Database, small_contract: Contract) -> Iterator[tuple[TestClient, TestClient]]:
    """Clients of both."""
    clients = []
    for name in "ab":
        settings = Settings(
            project_dir=tmp_path,
            state_dir=tmp_path / name,
            predictions_uri=database.uri,
            connections={"predictions": Connection(login=WHO.login, password=WHO.password)},
        )
        publish_release(settings, small_contract, 1, background=((70.0, 3.0, 12.0, 0.0, 0.0, 2.0, 1.0),))
        clients.append(TestClient(create_app(settings, "small")))
    with clients[0] as first, clients[1] as other:
        yield first, other


@pytest.fixture
def predicted(replicas: tuple[TestClient, TestClient], ask: Ask) -> Predict:
    """Have the first replica predict, and give the id once it is copied."""

    def predict() -> str:
        found = replicas[0].post("/predict", json=RECORD).json()["id"]
        eventually(lambda: (found,) in ask("SELECT id FROM predictions"))
        return str(found)

    return predict


def tell(replica: TestClient, prediction_id: str, actual: float) -> tuple[int, Any]:
    answer = replica.post("/actuals", json={"prediction_id": prediction_id, "actual": actual})
    return answer.status_code, answer.json().get("outcome") or answer.json()["detail"]


def test_a_truth_is_taken_by_whichever_replica_and_held_to_what_the_others_were_told(
    replicas: tuple[TestClient, TestClient], predicted: Predict, ask: Ask
) -> None:
    first, other = replicas
    prediction = predicted()
    assert tell(other, prediction, 7.5) == (200, "accepted")
    assert tell(other, prediction, 7.5) == (200, "repeated")
    assert tell(other, prediction, 8)[0] == 409
    eventually(lambda: ask("SELECT prediction_id, actual FROM actuals") == [(prediction, 7.5)])
    assert tell(first, prediction, 7.5) == (200, "repeated")
    assert tell(first, prediction, 8)[0] == 409
    assert tell(other, UNKNOWN, 8)[0] == 404
    assert tell(other, "nul\0 and größe", 8)[0] == 404
    rows = f"prediction_id,actual\n{predicted()},9\n{prediction},9\n{UNKNOWN},9\n"
    outcomes = other.post("/actuals", content=rows, headers={"Content-Type": "text/csv"}).json()
    assert [one.get("reason", one["outcome"]) for one in outcomes] == ["accepted", "contradiction", "unknown"]


def test_any_replica_explains(replicas: tuple[TestClient, TestClient], predicted: Predict) -> None:
    prediction = predicted()
    mine, others = (replica.get(f"/explain/{prediction}") for replica in replicas)
    assert (mine.status_code, mine.json()) == (200, others.json())
    assert replicas[1].get(f"/explain/{UNKNOWN}").status_code == 404


def test_a_repeated_request_that_meets_another_replica_is_one_prediction_in_the_copy(
    replicas: tuple[TestClient, TestClient], ask: Ask
) -> None:
    answers = [replica.post("/predict", json=RECORD, headers={"Idempotency-Key": "k"}).json() for replica in replicas]
    assert answers[0] == answers[1]
    last = replicas[1].post("/predict", json=RECORD).json()["id"]
    eventually(lambda: (last,) in ask("SELECT id FROM predictions"))
    assert sorted(ask("SELECT id FROM predictions")) == sorted([(last,), (answers[0]["id"],)])


def test_while_the_database_is_away_a_replica_takes_its_own_and_says_of_others_that_it_cannot_tell(
    replicas: tuple[TestClient, TestClient], predicted: Predict, server: Server
) -> None:
    first, other = replicas
    prediction = predicted()
    server.stop()
    try:
        assert tell(first, prediction, 7.5) == (200, "accepted")
        status, said = tell(other, prediction, 7.5)
        assert status == 503
        assert "cannot be asked just now; try again later" in said
        explained = other.get(f"/explain/{prediction}")
        assert explained.status_code == 503
        assert str(server.port) not in explained.text + said
        rows = [{"prediction_id": prediction, "actual": 7.5}, {"prediction_id": UNKNOWN, "actual": 7.5}]
        assert [one.get("reason", one["outcome"]) for one in first.post("/actuals", json=rows).json()] == [
            *("repeated", "away")
        ]
        assert first.get("/health/ready").is_success
    finally:
        server.start()
    assert json.loads(first.get("/health/ready").text)["status"] == "ready"


def test_a_table_that_is_locked_holds_no_client_up_for_long(
    replicas: tuple[TestClient, TestClient], predicted: Predict, database: Database
) -> None:
    prediction = predicted()
    with database.connect() as session, session.transaction():
        session.execute("LOCK TABLE predictions, actuals")
        started = time.monotonic()
        assert tell(replicas[1], prediction, 7.5)[0] == 503
        assert tell(replicas[1], prediction, 7.5)[0] == 503  # at once: it is not asked again for a while
        assert time.monotonic() - started < 9
