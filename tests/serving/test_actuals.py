import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pipeline.prediction_log import read_predictions
from pipeline.settings import Settings
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
    assert outcomes[2].message == f"{answered}: 701.0 contradicts the truth that was told before, which stays"
    assert outcomes[4].message == f"{other}: nan is not finite"
    assert outcomes[6].message == "actual: Input should be a valid number, not '700'"
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


CSV = {"Content-Type": "text/csv; charset=utf-8"}


def tell_csv(client: TestClient, text: str | bytes, status: int = 200) -> Any:
    response = client.post("/actuals", content=text, headers=CSV)
    assert response.status_code == status
    return response.json()


def test_rows_of_csv_are_answered_by_their_numbers(client: TestClient, log: Path, record: Record) -> None:
    first, other = (client.post("/predict", json=record).json()["id"] for _ in range(2))
    lines = [
        "prediction_id,actual",
        f"{first},700",
        f' "{first}", 700.0',
        f'"{first}","701"',
        "nobody,5",
        "",
        f"{other},nan",
        f"{other},0.5",
        f"{other},7OO",
        f"{other},",
        f"{other},5,EUR",
        other,
        ",5",
        f"{other},1_000",
        f'"{other}",5e0',
    ]
    outcomes = [ActualOutcome.model_validate(row) for row in tell_csv(client, "\r\n".join(lines))]
    assert [(outcome.row, outcome.reason or outcome.outcome) for outcome in outcomes] == [
        (1, "accepted"),
        (2, "unknown"),  # a quote that stands within a cell is a part of it
        (3, "contradiction"),
        (4, "unknown"),
        (6, "not finite"),
        (7, "range"),
        (8, "type"),
        (9, "type"),
        (10, "type"),
        (11, "type"),
        (12, "type"),
        (13, "type"),
        (14, "accepted"),
    ]
    assert outcomes[5].message == "actual: 0.5 is out of range; allowed: a number of at least 1"
    assert outcomes[7].message == "actual: Field required"
    assert {row["id"]: row["actual"] for row in read_predictions(log, **EVER)} == {first: 700.0, other: 5.0}


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
@pytest.mark.parametrize("header", ["prediction_id,actual", "prediction_id , actual", '"prediction_id","actual"'])
def test_csv_may_be_written_as_programs_do(client: TestClient, answered: str, start: bytes, header: str) -> None:
    text = start + f'{header}\n"{answered}",700\n'.encode()
    assert tell_csv(client, text) == [{"row": 1, "prediction_id": answered, "outcome": "accepted"}]
    assert tell_csv(client, text)[0]["outcome"] == "repeated"
    assert tell_csv(client, f"actual,prediction_id\n700,{answered}")[0]["outcome"] == "repeated"
    assert tell_csv(client, header) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "its header is ''"),
        (b"a,b\n1,2", "its header is 'a,b'"),
        (b"prediction_id;actual\n1;2", "its header is 'prediction_id;actual'"),
        (b"prediction_id,actual,actual\n1,2,3", "its header is"),
        (b"prediction_id,actual\n\xff,2", "codec can't decode"),
        ("prediction_id,actual\n1,2".encode("utf-16"), "codec can't decode"),
        (b'prediction_id,actual\n"1,2', "unexpected end of data"),
        (b"prediction_id,actual\n" + b"1" * 200_000 + b",2", "field larger than field limit"),
    ],
)
def test_what_is_no_csv_of_truths_is_a_bad_request(client: TestClient, content: bytes, why: str) -> None:
    detail = ProblemDocument.model_validate(tell_csv(client, content, 400)).detail
    assert detail.startswith("The body must be CSV in UTF-8 with the header prediction_id,actual")
    assert why in detail


def test_csv_that_is_too_long_is_not_read_to_its_end(client: TestClient, swift: Settings) -> None:
    assert tell_csv(client, b" " * (swift.batch_bytes + 1), 413)["title"] == "The request is too long"


def test_many_truths_are_stored_in_parts_and_answered_in_their_order(client: TestClient, record: Record) -> None:
    ids = [row["id"] for row in client.post("/predict/batch", json=[record] * 2500).json()]
    text = "prediction_id,actual\n" + "".join(f"{one},{place + 1}\n" for place, one in enumerate(ids))
    assert [(row["row"], row["prediction_id"], row["outcome"]) for row in tell_csv(client, text)] == [
        (place, one, "accepted") for place, one in enumerate(ids, 1)
    ]
    assert {row["outcome"] for row in tell_csv(client, text)} == {"repeated"}
