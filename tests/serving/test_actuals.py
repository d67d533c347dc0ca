import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pipeline.prediction_log import read_predictions
from serving.service.actuals import ActualOutcome
from serving.service.documents import ProblemDocument

EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
Record = dict[str, Any]


@pytest.fixture
def answered(client: TestClient, record: Record) -> str:
    """The id of an answered prediction."""
    return str(client.post("/predict", json=record).json()["id"])


def test_rows_are_answered_one_by_one(client: TestClient, answered: str, log: Path, record: Record) -> None:
    other = client.post("/predict", json=record).json()["id"]
    rows = [
        {"prediction_id": answered, "actual": 700},
        {"prediction_id": answered, "actual": 700.0},
        {"prediction_id": answered, "actual": 701},
        {"prediction_id": "nobody", "actual": 5},
        {"prediction_id": other, "actual": float("nan")},
        {"prediction_id": other, "actual": 0.5},
        {"prediction_id": other, "actual": "700"},
        {"prediction_id": other},
        {"prediction_id": other, "actual": 5, "unit": "EUR"},
        7,
        {"prediction_id": other, "actual": 5},
    ]
    response = client.post("/actuals", content=json.dumps(rows))
    outcomes = [ActualOutcome.model_validate(row) for row in response.json()]
    assert response.status_code == 200
    assert [outcome.reason or outcome.outcome for outcome in outcomes] == [
        "accepted",
        "repeated",
        "contradiction",
        "unknown",
        "not finite",
        "range",
        "type",
        "type",
        "type",
        "type",
        "accepted",
    ]
    assert outcomes[5].message == "actual: 0.5 is out of range; allowed: a number of at least 1"
    assert outcomes[8].message == "unit: Extra inputs are not permitted"
    assert {row["id"]: row["actual"] for row in read_predictions(log, **EVER)} == {answered: 700.0, other: 5.0}


def test_telling_everything_again_is_harmless(client: TestClient, answered: str) -> None:
    rows = [{"prediction_id": answered, "actual": 700}]
    assert client.post("/actuals", json=rows).json() == [{"prediction_id": answered, "outcome": "accepted"}]
    assert client.post("/actuals", json=rows).json() == [{"prediction_id": answered, "outcome": "repeated"}]
    assert client.post("/actuals", json=[]).json() == []


def test_a_single_truth_has_a_status_of_its_own(client: TestClient, answered: str) -> None:
    def tell(**row: Any) -> int:
        response = client.post("/actuals", json=row)
        if not response.is_success:
            assert ProblemDocument.model_validate(response.json()).status == response.status_code
        return response.status_code

    assert tell(prediction_id=answered, actual=700) == 200
    assert tell(prediction_id=answered, actual=700) == 200
    assert tell(prediction_id=answered, actual=701) == 409
    assert tell(prediction_id="nobody", actual=700) == 404
    assert tell(prediction_id=answered, actual=-1) == 422
    assert tell(prediction_id=answered) == 422


@pytest.mark.parametrize("content", [b"", b"{", b'"text"', b"3"])
def test_what_are_no_rows_is_a_bad_request(client: TestClient, content: bytes) -> None:
    response = client.post("/actuals", content=content)
    assert response.status_code == 400
    assert "prediction_id and actual" in ProblemDocument.model_validate(response.json()).detail
