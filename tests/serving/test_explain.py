import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipeline.bundle.shapley import shapley_values
from pipeline.contract import Contract
from pipeline.encode import Encoder, Matrix
from serving.service.app import create_app
from serving.service.documents import ProblemDocument
from serving.service.explain import Explanation

Publish = Callable[..., Path]
OTHERS = [
    {"area": 20, "class": 1, "kind": "Villa", "district": "South", "lift": False},
    {"area": 150.5, "class": 5, "größe des gartens": 80, "kind": "Flat", "district": "North", "lift": True},
    {"area": 91.3, "class": 2, "kind": "Flat", "district": "elsewhere", "state": "poor", "lift": False},
]


@pytest.fixture
def background(small_contract: Contract) -> tuple[tuple[float | None, ...], ...]:
    rows = np.concatenate([Encoder(small_contract).record(record) for record in OTHERS])
    return tuple(tuple(None if math.isnan(value) else float(str(value)) for value in row) for row in rows)


@pytest.fixture
def app(swift: Any) -> FastAPI:
    return create_app(swift, "small")


@pytest.fixture
def client(app: FastAPI, publish: Publish, background: Any) -> Any:
    publish(1, background=background)
    with TestClient(app) as started:
        yield started


def test_effects_lead_from_the_mean_of_the_background_to_the_prediction(
    client: TestClient, record: dict[str, Any], app: FastAPI
) -> None:
    answer = client.post("/predict", json=record).json()
    told = client.get(f"/explain/{answer['id']}").json()
    assert (told["id"], told["prediction"], told["unit"]) == (answer["id"], answer["prediction"], "EUR")
    assert (told["model"], told["model_version"], told["background_rows"]) == ("small", 1, 3)
    bundle = app.state.service.served.bundle
    rows = np.concatenate([bundle.encoder.record(other) for other in OTHERS])
    assert told["base"] == pytest.approx(bundle.predict(rows).mean(), rel=1e-6)
    effects = [one["effect"] for one in told["effects"]]
    assert told["base"] + math.fsum(effects) == pytest.approx(answer["prediction"], rel=1e-13)
    assert effects == sorted(effects, key=lambda effect: -abs(effect))
    Explanation.model_validate(told)


def test_values_are_written_for_people(client: TestClient, record: dict[str, Any]) -> None:
    answer = client.post("/predict", json={**record, "state": None, "district": " East  END "}).json()
    told = client.get(f"/explain/{answer['id']}").json()
    assert {one["field"]: one["value"] for one in told["effects"]} == {
        "area": "70.5 m2",
        "class": "3",
        "größe des gartens": "12",
        "kind": "Flat",
        "district": "east end",
        "state": "missing",
        "lift": "yes",
    }


def test_an_additive_model_on_its_own_scale_gives_each_field_its_own_share(small_contract: Contract) -> None:
    rng = np.random.default_rng(small_contract.training.seed)
    weights, rows = rng.normal(size=7), rng.normal(size=(30, 7)).astype(np.float32)

    def linear(matrix: Matrix) -> Any:
        return matrix.astype(np.float64) @ weights

    found = shapley_values(linear, rows[0], rows, seed=4)
    np.testing.assert_allclose(found.effects, weights * (rows[0] - rows.astype(float).mean(axis=0)), atol=1e-6)


def test_the_same_prediction_is_explained_by_the_same_numbers(client: TestClient, record: dict[str, Any]) -> None:
    first, second = (client.post("/predict", json=record).json()["id"] for _ in range(2))
    assert client.get(f"/explain/{first}").content == client.get(f"/explain/{first}").content
    one, other = (client.get(f"/explain/{name}").json() for name in (first, second))
    assert [effect["effect"] for effect in one["effects"]] != [effect["effect"] for effect in other["effects"]]


def test_a_prediction_that_nobody_made_is_unknown(client: TestClient) -> None:
    assert problem(client, "nobody") == (
        404,
        "'nobody' is not in the prediction log; it takes the id of an answer of /predict",
    )
    assert problem(client, "%00%ff%F0%9F")[0] == 404


def test_a_version_that_is_no_longer_in_service_explains_nothing(
    client: TestClient, publish: Publish, app: FastAPI, record: dict[str, Any], background: Any
) -> None:
    prediction_id = client.post("/predict", json=record).json()["id"]
    publish(2, background=background)
    app.state.service.watcher.look()
    assert problem(client, prediction_id) == (
        410,
        "Version 1 answered it, and version 2 is in service: ask for it again",
    )


def test_a_bundle_without_background_says_so(client: TestClient, publish: Publish, app: FastAPI, record: Any) -> None:
    publish(3)
    app.state.service.watcher.look()
    prediction_id = client.post("/predict", json=record).json()["id"]
    assert problem(client, prediction_id) == (
        409,
        "The bundle of version 3 carries no background rows; versions trained from now on do",
    )


def test_a_record_that_is_not_all_in_the_log_is_not_explained(
    client: TestClient, record: dict[str, Any], log: Path
) -> None:
    import sqlite3

    prediction_id = client.post("/predict", json=record).json()["id"]
    kept = {name: value for name, value in record.items() if name != "area"}
    with sqlite3.connect(log) as connection:
        connection.execute("UPDATE predictions SET features = ?", (json.dumps(kept),))
    assert problem(client, prediction_id) == (
        409,
        "The log does not hold all that the answer was made from: area is not stored",
    )


def test_numbers_that_overflow_are_told_as_a_problem(app: FastAPI, publish: Publish, record: Any) -> None:
    publish(1, background=((3e38, 1.0, None, 0.0, 0.0, None, 0.0),))
    with TestClient(app) as client:
        prediction_id = client.post("/predict", json=record).json()["id"]
        status, detail = problem(client, prediction_id)
    assert (status, "no finite numbers" in detail) == (409, True)


def test_before_the_first_release_there_is_nothing_to_explain(app: FastAPI) -> None:
    with TestClient(app) as client:
        assert problem(client, "any") == (503, "No model of small is released yet")


def test_the_documentation_names_the_route_its_parameter_and_its_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/explain/{prediction_id}"]["get"]
    assert [one["name"] for one in operation["parameters"]] == ["prediction_id"]
    assert sorted(operation["responses"]) == ["200", "404", "409", "410", "503"]
    assert "application/problem+json" in operation["responses"]["410"]["content"]
    assert {"Explanation", "FieldEffect"} <= set(document["components"]["schemas"])


def test_the_model_says_where_its_card_is_and_how_its_interval_is_made(
    client: TestClient, publish: Publish, app: FastAPI
) -> None:
    told = client.get("/model").json()
    assert told["interval"] == {"level": 0.9, "scale": "log", "half_width": 0.1}
    assert told["card"] == ""
    publish(2, card="http://127.0.0.1:5000/#/experiments/1/runs/run2")
    app.state.service.watcher.look()
    assert client.get("/model").json()["card"] == "http://127.0.0.1:5000/#/experiments/1/runs/run2"


def problem(client: TestClient, prediction_id: str) -> tuple[int, str]:
    response = client.get(f"/explain/{prediction_id}")
    assert response.headers["content-type"] == "application/problem+json"
    told = ProblemDocument.model_validate(response.json())
    assert told.status == response.status_code
    return response.status_code, told.detail
