import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipeline.contract import Contract
from pipeline.encode import Encoder
from pipeline.prediction_log import read_predictions, read_refusals
from pipeline.settings import Settings
from serving.service.documents import Prediction, ProblemDocument

EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
Record = dict[str, Any]
Publish = Callable[..., Path]


def test_an_answer_says_what_how_sure_and_by_which_model(
    client: TestClient, small_contract: Contract, record: Record
) -> None:
    response = client.post("/predict", json=record)
    answer = Prediction.model_validate(response.json())
    expected = np.exp(1 + 0.01 * np.nansum(Encoder(small_contract).record(record), dtype=np.float64))
    assert response.status_code == 200
    assert answer.prediction == pytest.approx(expected, rel=1e-6)
    assert answer.interval.low == pytest.approx(expected * np.exp(-0.1), rel=1e-6)
    assert answer.interval.high == pytest.approx(expected * np.exp(0.1), rel=1e-6)
    assert (answer.interval.level, answer.unit, answer.warnings) == (0.9, "EUR", [])
    assert (answer.model, answer.model_version, answer.data_version) == ("small", 1, "data-v1.1.0")
    assert uuid.UUID(answer.id)


def test_case_and_spaces_of_words_do_not_change_the_number(client: TestClient, record: Record) -> None:
    def ask(**changes: Any) -> float:
        return client.post("/predict", json={**record, **changes}).json()["prediction"]

    plain = ask(kind="Terraced House", district="South", state="fair")
    assert ask(kind="TERRACED HOUSE", district="south", state="Fair") == plain
    assert ask(kind=" terraced\t house ", district="  SOUTH", state="FAIR\n") == plain
    assert ask(kind="Terraced House", district="South", state="good") != plain


def test_an_answered_prediction_is_in_the_log(client: TestClient, log: Path, record: Record) -> None:
    sent = {**record, "kind": " FLAT ", "state": None}
    answer = client.post("/predict", json=sent, headers={"X-Caller": " the website "}).json()
    (row,) = read_predictions(log, **EVER)
    assert row["features"] == {**record, "state": None}
    assert (row["id"], row["prediction"]) == (answer["id"], answer["prediction"])
    assert (row["low"], row["high"]) == (answer["interval"]["low"], answer["interval"]["high"])
    assert (row["model"], row["version"], row["caller"], row["actual"]) == ("small", 1, "the website", None)
    assert 0 < row["latency_ms"] < 10_000
    assert abs((datetime.fromisoformat(row["time"]) - datetime.now(UTC)).total_seconds()) < 60


@pytest.mark.parametrize(("header", "caller"), [({}, "anonymous"), ({"X-Caller": "x" * 90}, "x" * 64)])
def test_a_caller_has_a_short_name(
    client: TestClient, log: Path, header: dict[str, str], caller: str, record: Record
) -> None:
    client.post("/predict", json=record, headers=header)
    assert [row["caller"] for row in read_predictions(log, **EVER)] == [caller]


def test_values_that_training_never_saw_are_answered_with_a_warning(client: TestClient, record: Record) -> None:
    def warnings(**changes: Any) -> list[str]:
        return client.post("/predict", json={**record, **changes}).json()["warnings"]

    assert warnings(area=20, district="north ") == warnings(area=200, **{"class": 5}) == []
    assert warnings(area=200.5, district="Moon") == [
        "area: 200.5 is outside of what training saw (20 to 200)",
        "district: 'moon' is not a category that the contract lists; predicted as unknown",
    ]


def test_the_edges_of_training_are_told_in_the_digits_that_they_came_with(
    app: FastAPI, publish: Publish, record: Record
) -> None:
    publish(1, training_ranges={"area": (float(np.float32(22.4)), float(np.float32(183.6)))})
    with TestClient(app) as client:
        told = client.post("/predict", json={**record, "area": 20}).json()["warnings"]
    assert told == ["area: 20 is outside of what training saw (22.4 to 183.6)"]


def test_a_refused_record_is_a_problem_that_is_counted_and_not_logged(
    client: TestClient, log: Path, record: Record
) -> None:
    for area in (1, 2):
        response = client.post("/predict", json={**record, "area": area, "made up": 1})
    problem = ProblemDocument.model_validate(response.json())
    assert response.status_code == problem.status == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert problem.detail == (
        "area: 2 is out of range; allowed: a number of at least 5 and at most 1000; and 1 more, see errors"
    )
    assert client.get("/health/ready").is_success  # whose write to the log comes after the counts
    assert read_refusals(log, **EVER) == {"area": {"range": 2}, "(other)": {"unexpected": 2}}
    assert 'mlops_refusals_total{field="area",reason="range"} 2.0' in client.get("/metrics").text
    assert read_predictions(log, **EVER) == []


def test_what_is_no_json_is_a_bad_request(client: TestClient) -> None:
    response = client.post("/predict", content=b"{")
    assert response.status_code == 400
    assert ProblemDocument.model_validate(response.json()).title == "The request is not JSON"


@pytest.mark.parametrize(("route", "limit"), [("/predict", "body_bytes"), ("/actuals", "batch_bytes")])
def test_a_request_that_is_too_long_is_not_read_to_its_end(
    client: TestClient, swift: Settings, route: str, limit: str
) -> None:
    most = getattr(swift, limit)
    response = client.post(route, content=b" " * (most + 1))
    assert response.status_code == 413
    assert str(most) in response.json()["detail"]


def test_the_same_key_gives_the_same_answer_and_one_row(client: TestClient, log: Path, record: Record) -> None:
    headers = {"Idempotency-Key": "order 7"}
    first = client.post("/predict", json={**record, "area": 900}, headers=headers)
    again = client.post("/predict", json={**record, "area": 900.0, "kind": "FLAT"}, headers=headers)
    assert again.status_code == 200
    assert again.content == first.content
    assert first.json()["warnings"]
    assert [row["id"] for row in read_predictions(log, **EVER)] == [first.json()["id"]]
    assert (
        client.post("/predict", json=record, headers={"Idempotency-Key": "order 8"}).json()["id"] != again.json()["id"]
    )


def test_a_key_belongs_to_one_record(client: TestClient, log: Path, record: Record) -> None:
    headers = {"Idempotency-Key": "order 7"}
    client.post("/predict", json=record, headers=headers)
    response = client.post("/predict", json={**record, "area": 71}, headers=headers)
    assert response.status_code == 409
    assert "send a new key" in ProblemDocument.model_validate(response.json()).detail
    assert len(read_predictions(log, **EVER)) == 1


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_has_a_length(client: TestClient, key: str, record: Record) -> None:
    response = client.post("/predict", json=record, headers={"Idempotency-Key": key})
    assert response.status_code == 400
    assert "allowed: 1 to 255" in response.json()["detail"]


def test_a_number_that_is_not_finite_is_not_answered(client: TestClient, log: Path, record: Record) -> None:
    response = client.post("/predict", json={**record, "größe des gartens": 1e30})
    assert response.status_code == 422
    assert "no finite number for this record" in ProblemDocument.model_validate(response.json()).detail
    assert read_predictions(log, **EVER) == []


def test_a_request_keeps_its_id_or_gets_one(client: TestClient, record: Record) -> None:
    assert client.post("/predict", json=record, headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    assert client.post("/predict", json={}, headers={"X-Request-ID": "abc-2"}).headers["X-Request-ID"] == "abc-2"
    made = [client.get("/model", headers={"X-Request-ID": "x" * 200}).headers["X-Request-ID"] for _ in range(2)]
    assert all(uuid.UUID(value) for value in made)
    assert made[0] != made[1]


def test_an_unforeseen_failure_shows_no_trace(app: FastAPI, client: TestClient) -> None:
    def broken() -> None:
        raise RuntimeError("secret place /srv/key")

    app.add_api_route("/broken", broken)
    response = client.get("/broken", headers={"X-Request-ID": "find-me"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["X-Request-ID"] == "find-me"
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert ProblemDocument.model_validate(response.json()).title == "The service failed"


@pytest.mark.parametrize("part", ["of", "text"])
def test_a_failure_anywhere_on_the_way_is_an_answer_and_the_next_request_is_served(
    app: FastAPI, client: TestClient, record: Record, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as broken_for_now:
        broken_for_now.setattr(app.state.service.served.answers, part, broken)
        assert client.post("/predict", json=record).status_code == 500
    assert client.post("/predict", json=record).status_code == 200


def test_nothing_is_answered_that_could_not_be_logged(app: FastAPI, client: TestClient, record: Record) -> None:
    app.state.service.outbox.close()
    response = client.post("/predict", json=record)
    assert response.status_code == 503
    assert "prediction log" in ProblemDocument.model_validate(response.json()).title
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/predict", 405)])
def test_what_is_not_there_is_a_problem_too(client: TestClient, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert json.loads(response.content)["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
