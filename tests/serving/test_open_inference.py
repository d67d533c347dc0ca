import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipeline.bundle.convert import to_onnx
from pipeline.contract import Contract
from pipeline.encode import Encoder
from pipeline.prediction_log import read_predictions, read_refusals
from pipeline.records import to_record
from pipeline.settings import Settings
from serving.service.app import create_app
from tests.serving.conftest import MODEL
from training.estimator import build_estimator

EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
HERE = "/v2/models/small"
INFER = f"{HERE}/infer"
DATATYPES = {"area": "FP64", "class": "INT64", "größe des gartens": "FP32", "lift": "BOOL"}
Record = dict[str, Any]
Publish = Callable[..., Path]


def tensor(name: str, data: list[Any], **changes: Any) -> Record:
    return {"name": name, "shape": [len(data)], "datatype": DATATYPES.get(name, "BYTES"), "data": data, **changes}


def tensors(rows: list[Record], **changes: Record) -> list[Record]:
    """Write records field by field; `changes` replaces tensors' members by the field's name."""
    return [{**tensor(name, [row[name] for row in rows]), **changes.get(name, {})} for name in rows[0]]


def infer(client: TestClient, inputs: list[Record], **more: Any) -> Any:
    return client.post(INFER, content=json.dumps({"inputs": inputs, **more}))


def error(response: Any, status: int = 400) -> str:
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    return str(response.json()["error"])


def outputs(response: Any) -> dict[str, list[Any]]:
    assert response.status_code == 200, response.text
    return {output["name"]: output["data"] for output in response.json()["outputs"]}


def test_every_test_row_gets_the_trained_number_by_every_door(
    client: TestClient, publish: Publish, small_contract: Contract, small_rows: Callable[..., pd.DataFrame]
) -> None:
    train, test = small_rows(300, 1), small_rows(200, 2)
    encoder = Encoder(small_contract)
    model = build_estimator(small_contract, "gradient_boosting").fit(encoder.columns(train), train["rent"].to_numpy())
    publish(2, graph=to_onnx(model, len(small_contract.features)))
    client.app.state.service.watcher.look()  # type: ignore[attr-defined]
    rows = [to_record(small_contract, row) for row in test.to_dict("records")]
    expected = model.predict(encoder.columns(test))
    single = [client.post("/predict", json=row).json()["prediction"] for row in rows]
    batch = [row["prediction"] for row in client.post("/predict/batch", json=rows).json()]
    v2 = outputs(infer(client, tensors(rows)))
    np.testing.assert_allclose(single, expected, rtol=1e-4)
    np.testing.assert_allclose(batch, single, rtol=1e-6)  # a row more or less in a call may change the last bit
    assert v2["prediction"] == batch


def test_the_answer_is_the_one_of_predict_and_is_in_the_log(client: TestClient, log: Path, record: Record) -> None:
    rows = [record, {**record, "area": 100, "kind": " VILLA", "state": None}]
    single = [client.post("/predict", json=row).json() for row in rows]
    response = client.post(
        INFER, json={"inputs": tensors(rows), "id": "42"}, headers={"X-Caller": "kserve", "X-Request-ID": "r"}
    )
    told = response.json()
    assert (told["model_name"], told["model_version"], told["id"]) == ("small", "1", "42")
    assert [(one["name"], one["datatype"], one["shape"]) for one in told["outputs"]] == [
        ("prediction", "FP64", [2]),
        ("low", "FP64", [2]),
        ("high", "FP64", [2]),
        ("id", "BYTES", [2]),
    ]
    data = outputs(response)
    assert data["prediction"] == pytest.approx([one["prediction"] for one in single], rel=1e-6)
    assert data["low"] == pytest.approx([one["interval"]["low"] for one in single], rel=1e-6)
    assert data["high"] == pytest.approx([one["interval"]["high"] for one in single], rel=1e-6)
    logged = {row["id"]: row for row in read_predictions(log, **EVER)}
    alone, first = (logged[key] for key in (single[1]["id"], data["id"][1]))
    assert first["features"] == alone["features"]
    assert (first["prediction"], first["caller"]) == (data["prediction"][1], "kserve")
    assert 'mlops_predictions_total{version="1"} 4.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"area": {"shape": [2, 1], "data": [[70.5], [70.5]]}}, True),
        ({"area": {"shape": [2, 1], "data": [70.5, 70.5]}}, True),
        ({"class": {"datatype": "FP32", "data": [3.0, 3]}}, True),
        ({"class": {"datatype": "UINT8"}}, True),
        ({"area": {"datatype": "INT32", "data": [70, 70]}}, False),
        ({"area": {"parameters": {"content_type": "np"}, "more": 1}}, True),
    ],
)
def test_shapes_and_widths_are_the_clients_choice(
    client: TestClient, record: Record, changes: dict[str, Record], same: bool
) -> None:
    plain = outputs(infer(client, tensors([record, record])))["prediction"]
    assert (outputs(infer(client, tensors([record, record], **changes)))["prediction"] == plain) is same


def test_an_optional_field_may_be_left_out_or_null(client: TestClient, log: Path, record: Record) -> None:
    nulls = outputs(infer(client, tensors([{**record, "state": None, "größe des gartens": None}])))
    without = [one for one in tensors([record]) if one["name"] not in ("state", "größe des gartens")]
    assert outputs(infer(client, without))["prediction"] == nulls["prediction"]
    assert {json.dumps(row["features"]) for row in read_predictions(log, **EVER)} == {
        json.dumps({**record, "state": None, "größe des gartens": None})
    }


def test_only_those_outputs_come_that_are_asked_for(client: TestClient, record: Record) -> None:
    wanted = [{"name": "high"}, {"name": "prediction", "parameters": {"binary_data": False}}]
    assert list(outputs(infer(client, tensors([record]), outputs=wanted))) == ["high", "prediction"]
    assert len(outputs(infer(client, tensors([record]), outputs=[]))) == 4
    assert "outputs: 'score' is not given; allowed: prediction" in error(
        infer(client, tensors([record]), outputs=[{"name": "score"}])
    )


REFUSED = [
    ({"area": {"data": [2, 3]}}, "row 1: area: 2 is out of range; allowed: a number of at least 5"),
    ({"area": {"data": [70, 2]}}, "row 2: area: 2 is out of range"),
    ({"area": {"data": [math.nan, 70]}}, "row 1: area: nan is out of range"),
    ({"kind": {"data": ["Flat", "hut"]}}, "row 2: kind: 'hut' is not a known category; allowed: one of: Flat,"),
    ({"kind": {"data": [None, "Flat"]}}, "row 1: kind: is empty"),
    ({"class": {"datatype": "FP64", "data": [3, 3.5]}}, "row 2: class: 3.5 is of the wrong type"),
    ({"kind": {"datatype": "INT64"}}, "kind: is of datatype INT64; allowed: BYTES"),
    ({"lift": {"datatype": "UINT8", "data": [1, 0]}}, "lift: is of datatype UINT8; allowed: BOOL"),
    ({"area": {"datatype": "BOOL"}}, "area: is of datatype BOOL; allowed: FP64, FP32"),
    ({"area": {"datatype": "fp64"}}, "area: is of datatype fp64; allowed: FP64"),
    ({"area": {"data": ["70", 70]}}, "area: '70' (row 1) is no FP64"),
    ({"lift": {"data": [True, 1]}}, "lift: 1 (row 2) is no BOOL"),
    ({"class": {"data": [3, True]}}, "class: True (row 2) is no INT64"),
    ({"class": {"data": [3, 3.0]}}, "class: 3.0 (row 2) is no INT64"),
    ({"class": {"datatype": "INT8", "data": [3, 300]}}, "class: 3 to 300 is no INT8"),
    ({"class": {"datatype": "UINT8", "data": [-1, 3]}}, "class: -1 to 3 is no UINT8"),
    ({"area": {"data": [70]}}, "area: has 1 values, and the shape [2]"),
    ({"area": {"shape": [1], "data": [70]}}, "class: has 2 rows, area has 1; all must have the same"),
    ({"area": {"shape": []}}, "area: has the shape []; allowed: [rows] or [rows, 1]"),
    ({"area": {"shape": [1, 2]}}, "area: has the shape [1, 2]"),
    ({"area": {"shape": [0], "data": []}}, "area: has the shape [0]"),
    ({"area": {"shape": [-2]}}, "area: has the shape [-2]"),
    ({"area": {"shape": [2, 1], "data": [[70, 70]]}}, "area: has 1 values, and the shape [2, 1]"),
    ({"area": {"shape": [2], "data": [[70], [70]]}}, "area: [70] (row 1) is no FP64"),
    ({"area": {"data": None}}, "area: has 0 values"),
    ({"area": {"shape": ["2"]}}, "inputs.0.shape.0: Input should be a valid integer"),
    ({"area": {"name": "class"}}, "class: is there more than once"),
    ({"area": {"name": "rooms"}}, "rooms: is not a field of the contract; allowed: the fields area, class"),
    ({"area": {"parameters": {"binary_data_size": 16}}}, "the extension for binary tensors is not offered"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_a_request_that_does_not_fit_is_refused_as_a_whole(
    client: TestClient, log: Path, record: Record, changes: dict[str, Record], message: str
) -> None:
    assert message in error(infer(client, tensors([record, record], **changes)))
    assert read_predictions(log, **EVER) == []


def test_all_that_is_refused_is_told_as_there_is_no_list_of_errors(client: TestClient, record: Record) -> None:
    told = error(infer(client, tensors([{**record, "area": 1, "kind": "hut"}])))
    assert told.startswith("row 1: area: 1 is out of range")
    assert "; kind: 'hut' is not a known category" in told
    without = error(infer(client, [one for one in tensors([record]) if one["name"] not in ("area", "kind")]))
    assert without.startswith("area: is not there")
    assert "; kind: is not there" in without
    assert "see errors" not in told + without


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v2/nowhere", 404), ("GET", INFER, 405), ("POST", "/v2", 405), ("PUT", f"{HERE}/ready", 405)],
)
def test_what_is_no_route_of_the_protocol_is_told_in_its_form(
    client: TestClient, method: str, path: str, status: int
) -> None:
    response = client.request(method, path, json={})
    assert error(response, status)
    assert response.headers["content-type"] == "application/json"
    assert status != 405 or response.headers["allow"]


def test_refused_values_are_counted_as_those_of_single_requests(client: TestClient, log: Path, record: Record) -> None:
    told = error(infer(client, tensors([{**record, "area": 1}, record, {**record, "area": 2}])))
    assert told.startswith("row 1: area: 1")
    assert told.endswith("; and 1 more row")
    error(infer(client, [one for one in tensors([record, record]) if one["name"] != "kind"]))
    error(infer(client, [*tensors([record]), tensor("rooms", [1])]))
    assert client.get("/v2/health/ready").is_success
    counted = {"area": {"range": 2}, "kind": {"missing_column": 1}, "(other)": {"unexpected": 1}}
    assert read_refusals(log, **EVER) == counted


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the body: Invalid JSON"),
        (b"{", "the body: Invalid JSON"),
        (b"[]", "the body: "),
        (b"{}", "inputs: Field required"),
        (b'{"inputs": []}', "area: is not there"),
        (b'{"inputs": {}}', "inputs: Input should be a valid array"),
        (b'{"inputs": [], "id": 7}', "id: Input should be a valid string"),
        (b'{"inputs": [{"name": "area"}]}', "inputs.0.shape: Field required"),
        (b'{"inputs": [], "parameters": {"binary_data_output": true}}', "binary tensors is not offered"),
    ],
)
def test_what_is_no_request_of_the_protocol_is_told_so(client: TestClient, content: bytes, message: str) -> None:
    assert message in error(client.post(INFER, content=content))


def test_binary_tensors_are_told_to_be_no_part_of_it(client: TestClient) -> None:
    response = client.post(INFER, content=b"{}\x00", headers={"Inference-Header-Content-Length": "2"})
    assert "send `data` as JSON" in error(response)


def test_the_server_and_the_model_say_what_they_are(client: TestClient, small_contract: Contract) -> None:
    assert client.get("/v2").json() == {"name": "prediction service of small", "version": "2", "extensions": []}
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get(f"{HERE}/ready").json() == {"name": "small", "ready": True}
    told = client.get(HERE).json()
    assert client.get(f"{HERE}/versions/1").json() == told
    assert (told["name"], told["versions"], told["platform"]) == ("small", ["1"], "onnxruntime_onnx")
    assert [(one["name"], one["datatype"], one["shape"]) for one in told["inputs"]] == [
        (name, {"größe des gartens": "FP64"}.get(name) or DATATYPES.get(name, "BYTES"), [-1])
        for name in small_contract.features
    ]
    assert [one["name"] for one in told["outputs"]] == ["prediction", "low", "high", "id"]


@pytest.mark.parametrize("end", ["", "/ready", "/infer"])
@pytest.mark.parametrize("path", ["/v2/models/large", "/v2/models/small/versions/2", "/v2/models/small/versions/v1"])
def test_another_model_or_version_is_not_here(client: TestClient, path: str, end: str, record: Record) -> None:
    method = "POST" if end == "/infer" else "GET"
    told = error(client.request(method, path + end, json={"inputs": tensors([record])}), 404)
    assert "it is small" in told or "it is 1" in told


def test_a_version_may_be_named(client: TestClient, record: Record) -> None:
    response = client.post(f"{HERE}/versions/1/infer", json={"inputs": tensors([record])})
    assert outputs(response)["prediction"]
    assert "id" not in response.json()
    assert client.get(f"{HERE}/versions/1/ready").json()["ready"]


def test_before_the_first_release_only_the_server_is_live(app: FastAPI, record: Record) -> None:
    with TestClient(app) as client:
        for path in ("/v2/health/ready", HERE, f"{HERE}/ready"):
            assert error(client.get(path), 503) == "No model of small is released yet"
        error(client.post(INFER, json={"inputs": tensors([record])}), 503)
        assert client.get("/v2/health/live").is_success
        assert client.get("/v2").is_success


def test_a_log_that_is_away_is_told_as_the_protocol_does(app: FastAPI, client: TestClient, record: Record) -> None:
    app.state.service.outbox.close()
    assert "prediction log" in error(infer(client, tensors([record])), 503)
    assert "prediction log" in error(client.get("/v2/health/ready"), 503)


def test_a_request_has_a_largest_size(swift: Settings, publish: Publish, record: Record) -> None:
    publish(1)
    with TestClient(create_app(swift.model_copy(update={"batch_rows": 2}), MODEL)) as client:
        assert len(outputs(infer(client, tensors([record] * 2)))["id"]) == 2
        assert "3 rows were sent; at most 2" in error(infer(client, tensors([record] * 3)), 413)


def test_a_repeated_request_gets_its_first_answer(client: TestClient, log: Path, record: Record) -> None:
    def ask(rows: list[Record]) -> Any:
        return client.post(INFER, json={"inputs": tensors(rows)}, headers={"Idempotency-Key": "k"})

    assert ask([record, record]).content == ask([record, record]).content
    assert "send a new key" in error(ask([record]), 409)
    assert len(read_predictions(log, **EVER)) == 2


def test_a_number_that_is_not_finite_is_not_answered(client: TestClient, record: Record) -> None:
    rows = [record, {**record, "größe des gartens": 1e30}]
    assert "no finite number for this record" in error(infer(client, tensors(rows)))
