import asyncio
import json
import math
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipeline.contract import parse_contract
from pipeline.prediction_log import read_predictions, read_refusals
from pipeline.settings import Settings
from serving.service.app import create_app
from serving.service.batch import RefusedRow
from serving.service.documents import Prediction, ProblemDocument
from tests.conftest import SMALL
from tests.serving.conftest import MODEL, publish_release

EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
BATCH = "/predict/batch"
Record = dict[str, Any]
Publish = Callable[..., Path]
Eventually = Callable[..., None]


@pytest.fixture
def app_of(swift: Settings) -> Callable[..., FastAPI]:
    """Make the application with some settings changed."""
    return lambda **changes: create_app(swift.model_copy(update=changes), MODEL)


def numbers(rows: list[Record]) -> list[float]:
    return [Prediction.model_validate(row).prediction for row in rows]


def test_rows_are_answered_in_their_order_as_single_requests_are(client: TestClient, record: Record) -> None:
    rows = [{**record, "area": area} for area in (20, 60.5, 200)] + [{**record, "district": "Moon", "state": None}]
    single = [client.post("/predict", json=row).json() for row in rows]
    response = client.post(BATCH, json=rows)
    assert response.status_code == 200
    assert numbers(response.json()) == pytest.approx([row["prediction"] for row in single], rel=1e-6)
    for batched, alone in zip(response.json(), single, strict=True):
        assert list(batched) == list(alone)
        same = {"prediction", "interval", "id"}
        assert {k: v for k, v in batched.items() if k not in same} == {k: v for k, v in alone.items() if k not in same}
        assert batched["interval"] == pytest.approx(alone["interval"], rel=1e-6)
    assert response.json()[3]["warnings"]


def test_each_row_is_refused_by_itself_and_counted(client: TestClient, log: Path, record: Record) -> None:
    rows = [record, {**record, "area": 2}, 7, {"made up": 1, **record}, [], None, {**record, "area": 30}, {}]
    told = client.post(BATCH, json=rows).json()
    refused = {place: RefusedRow.model_validate(told[place]).refused for place in (1, 2, 3, 4, 5, 7)}
    assert len(numbers([told[0], told[6]])) == 2
    for place, problem in refused.items():
        alone = client.post("/predict", content=json.dumps(rows[place]))
        assert problem == ProblemDocument.model_validate(alone.json())
    assert refused[1].detail == "area: 2 is out of range; allowed: a number of at least 5 and at most 1000"
    assert client.get("/health/ready").is_success  # whose write to the log comes after the counts
    counts = read_refusals(log, **EVER)  # each was counted twice: once alone
    assert counts["area"] == {"range": 2, "missing_column": 2}
    assert counts["(other)"] == {"unexpected": 2}
    assert counts["(body)"] == {"type": 6}
    assert 'mlops_predictions_total{version="1"} 2.0' in client.get("/metrics").text


def test_what_json_cannot_hold_is_refused_in_its_row(client: TestClient, record: Record) -> None:
    wrong = [{**record, "area": float("nan")}, {**record, "area": 10**400}, {**record, "area": float("-inf")}, record]
    told = client.post(BATCH, content=json.dumps(wrong)).json()
    assert [RefusedRow.model_validate(row).refused.errors[0].reason for row in told[:3]] == ["range"] * 3
    assert Prediction.model_validate(told[3])


def test_answered_rows_are_in_the_log_once(client: TestClient, log: Path, record: Record) -> None:
    rows = [{**record, "area": 10 + place} for place in range(250)]
    told = client.post(BATCH, json=rows, headers={"X-Caller": "nightly"}).json()
    logged = {row["id"]: row for row in read_predictions(log, **EVER)}
    assert len({uuid.UUID(row["id"]) for row in told}) == len(logged) == 250
    for sent, row in zip(rows, told, strict=True):
        entry = logged[row["id"]]
        assert (entry["features"], entry["prediction"]) == (sent, row["prediction"])
        assert (entry["low"], entry["high"]) == (row["interval"]["low"], row["interval"]["high"])
        assert (entry["version"], entry["caller"]) == (1, "nightly")
        assert 0 < entry["latency_ms"] < 10_000


def test_an_empty_batch_has_an_empty_answer(client: TestClient) -> None:
    assert client.post(BATCH, json=[]).json() == []


def test_a_row_without_a_finite_number_does_not_stop_the_others(client: TestClient, record: Record) -> None:
    told = client.post(BATCH, json=[{**record, "größe des gartens": 1e30}, record]).json()
    assert RefusedRow.model_validate(told[0]).refused.type == "urn:problem:no-prediction"
    assert Prediction.model_validate(told[1])


@pytest.mark.parametrize("content", [b"", b"{", b'{"records": []}', b"3", b"\xff[]", b"[" * 3000, b"[1, 2"])
def test_what_is_no_list_is_a_bad_request(client: TestClient, content: bytes) -> None:
    response = client.post(BATCH, content=content)
    assert response.status_code == 400
    assert "The body must be a list of records" in ProblemDocument.model_validate(response.json()).detail


def test_a_batch_has_a_largest_size(app_of: Callable[..., FastAPI], publish: Publish, record: Record) -> None:
    publish(1)
    with TestClient(app_of(batch_rows=3, batch_bytes=2000)) as client:
        assert len(client.post(BATCH, json=[record] * 3).json()) == 3
        many = client.post(BATCH, json=[{}] * 4)
        long = client.post(BATCH, content=b" " * 2001)
    assert (many.status_code, long.status_code) == (413, 413)
    assert ProblemDocument.model_validate(many.json()).detail == (
        "4 rows were sent; at most 3 are answered at once: send them in parts"
    )
    assert "2000 bytes" in ProblemDocument.model_validate(long.json()).detail


def test_before_the_first_release_a_batch_is_not_answered(app: FastAPI, record: Record) -> None:
    with TestClient(app) as client:
        assert client.post(BATCH, json=[record]).status_code == 503


def test_a_repeated_batch_gets_its_first_answer(client: TestClient, log: Path, record: Record) -> None:
    headers, rows = {"Idempotency-Key": "night 7"}, [{**record, "area": 1}, record, {**record, "area": 71}]
    first = client.post(BATCH, json=rows, headers=headers)
    again = client.post(BATCH, json=rows, headers=headers)
    assert again.status_code == 200
    assert again.content == first.content
    assert {row["id"] for row in read_predictions(log, **EVER)} == {row["id"] for row in first.json()[1:]}
    assert client.post(BATCH, json=rows, headers={"Idempotency-Key": "night 8"}).json()[1]["id"] not in again.text
    assert 'mlops_predictions_total{version="1"} 4.0' in client.get("/metrics").text


def test_a_repeated_batch_gets_its_first_answer_after_a_swap(
    client: TestClient, publish: Publish, eventually: Eventually, record: Record
) -> None:
    headers, rows = {"Idempotency-Key": "night 7"}, [record, {**record, "district": "Moon"}, {}]
    first = client.post(BATCH, json=rows, headers=headers)
    publish(2)
    eventually(lambda: client.get("/model").json()["version"] == 2)
    assert client.post(BATCH, json=rows, headers=headers).content == first.content
    assert client.post(BATCH, json=rows).json()[0]["model_version"] == 2


@pytest.mark.parametrize("path", ["/predict", BATCH])
def test_a_repeated_request_gets_its_first_answer_when_the_contract_has_a_further_optional_field(
    swift: Settings, record: Record, eventually: Eventually, path: str
) -> None:
    further = {**SMALL["columns"], "balcony": {"type": "number", "required": False}}
    headers, body = {"Idempotency-Key": "night 7"}, record if path == "/predict" else [record]
    publish_release(swift, parse_contract(SMALL), 1)
    with TestClient(create_app(swift, MODEL)) as client:
        first = client.post(path, json=body, headers=headers)
        publish_release(swift, parse_contract({**SMALL, "columns": further}), 2)
        eventually(lambda: client.get("/model").json()["version"] == 2)
        again = client.post(path, json=body, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)


@pytest.mark.parametrize("path", ["/predict", BATCH])
def test_a_key_is_its_callers_own(client: TestClient, record: Record, path: str) -> None:
    def ask(caller: str, area: int) -> Any:
        row = {**record, "area": area}
        headers = {"Idempotency-Key": "order 7", "X-Caller": caller}
        return client.post(path, json=row if path == "/predict" else [row], headers=headers)

    first, other = ask("shop", 70), ask("bank", 71)
    assert (first.status_code, other.status_code) == (200, 200)
    assert first.content != other.content
    assert ask("shop", 70).content == first.content
    assert ask("shop", 71).status_code == 409


def test_what_may_not_be_logged_is_not_kept_for_a_repeated_batch(swift: Settings, log: Path, record: Record) -> None:
    columns = {name: dict(column) for name, column in SMALL["columns"].items()}
    columns["district"]["log"] = False
    publish_release(swift, parse_contract({**SMALL, "columns": columns}), 1)
    rows = [{**record, "district": "Secret Road"}, {**record, "district": 7}]
    with TestClient(create_app(swift, MODEL)) as client:
        first = client.post(BATCH, json=rows, headers={"Idempotency-Key": "k"})
        again = client.post(BATCH, json=rows, headers={"Idempotency-Key": "k"})
    assert "secret road" in first.text
    assert again.json()[0]["id"] == first.json()[0]["id"]
    assert b"ecret" not in b"".join(path.read_bytes() for path in log.parent.glob(f"{log.name}*"))


@pytest.mark.parametrize("change", ["a value", "a row more", "a row less"])
def test_a_key_belongs_to_one_body(client: TestClient, log: Path, record: Record, change: str) -> None:
    headers, rows = {"Idempotency-Key": "night 7"}, [record, {**record, "area": 71}]
    client.post(BATCH, json=rows, headers=headers)
    others = {"a value": [record, {**record, "area": 72}], "a row more": [*rows, record], "a row less": rows[:1]}
    response = client.post(BATCH, json=others[change], headers=headers)
    assert response.status_code == 409
    assert "send a new key" in ProblemDocument.model_validate(response.json()).detail
    assert len(read_predictions(log, **EVER)) == 2


def test_keys_of_batches_and_of_single_requests_do_not_meet(client: TestClient, record: Record) -> None:
    headers = {"Idempotency-Key": "order 7"}
    single = client.post("/predict", json=record, headers=headers)
    assert client.post(BATCH, json=[record], headers=headers).status_code == 200
    assert client.post("/predict", json=record, headers=headers).content == single.content


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_of_a_batch_has_a_length(client: TestClient, key: str, record: Record) -> None:
    response = client.post(BATCH, json=[record], headers={"Idempotency-Key": key})
    assert response.status_code == 400
    assert "allowed: 1 to 255" in response.json()["detail"]


def test_the_same_batch_on_its_way_twice_is_logged_once(
    app: FastAPI, client: TestClient, log: Path, record: Record
) -> None:
    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as asking:
            calls = [asking.post(BATCH, json=[record] * 40, headers={"Idempotency-Key": "twice"}) for _ in range(8)]
            return await asyncio.gather(*calls)

    responses = asyncio.run(ask())
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert len(read_predictions(log, **EVER)) == 40


def test_nothing_of_a_batch_is_answered_that_could_not_be_logged(
    app: FastAPI, client: TestClient, record: Record
) -> None:
    app.state.service.outbox.close()
    response = client.post(BATCH, json=[record, {}])
    assert response.status_code == 503
    assert "prediction log" in ProblemDocument.model_validate(response.json()).title


def test_no_batch_mixes_versions(client: TestClient, publish: Publish, eventually: Eventually, record: Record) -> None:
    answers: list[list[Record]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answers.append(client.post(BATCH, json=[record] * 200).json())

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for version in (2, 3, 1):
        publish(version)
        eventually(lambda wanted=version: client.get("/model").json()["version"] == wanted)
    stop.set()
    for thread in threads:
        thread.join()
    base = client.post("/predict", json=record).json()["prediction"] / math.e
    for rows in answers:
        versions = {row["model_version"] for row in rows}
        assert len(versions) == 1
        assert numbers(rows) == pytest.approx([base * math.exp(versions.pop())] * 200, rel=1e-5)
    assert len({rows[0]["model_version"] for rows in answers}) > 1


def test_other_requests_are_answered_while_a_large_batch_is(app: FastAPI, client: TestClient, record: Record) -> None:
    rows = json.dumps([record] * 8000).encode()

    async def ask() -> bool:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as asking:
            large = asyncio.create_task(asking.post(BATCH, content=rows))
            await asyncio.sleep(0.01)
            single = await asking.post("/predict", json=record)
            waits = not large.done()
            assert single.is_success
            assert len((await large).json()) == 8000
            return waits

    assert asyncio.run(ask())


def test_settings_say_how_large_a_batch_may_be() -> None:
    assert Settings().batch_rows == 10_000
