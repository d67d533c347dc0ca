import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipeline.settings import Settings
from serving.service.app import create_app

Publish = Callable[..., Path]


def test_the_model_says_where_it_comes_from(client: TestClient) -> None:
    told = client.get("/model").json()
    assert (told["name"], told["version"], told["data_version"], told["run_id"]) == ("small", 1, "data-v1.1.0", "run1")
    assert (told["candidate"], told["metrics"]["r2"], told["interval_level"], told["unit"]) == (
        "ridge",
        0.9,
        0.9,
        "EUR",
    )
    assert list(told["fields"]) == ["area", "class", "größe des gartens", "kind", "district", "state", "lift"]
    assert told["fields"]["kind"]["categories"] == ["Flat", "Terraced House", "Villa"]
    assert "refused" not in told


def test_a_service_with_its_model_is_live_and_ready(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready", "version": 1}


@pytest.mark.parametrize("path", ["/health/ready", "/v2/health/ready", "/v2/models/small/ready"])
def test_readiness_asks_the_model(client: TestClient, app: FastAPI, path: str) -> None:
    assert client.get(path).is_success
    bundle = app.state.service.served.bundle
    (row,) = bundle.metadata.smoke
    other = bundle.metadata.model_copy(update={"smoke": (row.model_copy(update={"prediction": 2 * row.prediction}),)})
    object.__setattr__(bundle, "metadata", other)  # as if its numbers had changed in memory
    response = client.get(path)
    assert response.status_code == 503
    assert "Version 1 does not answer its own smoke rows" in response.text
    assert client.get("/health/live").is_success


@pytest.mark.parametrize(("method", "path"), [("POST", "/predict"), ("GET", "/model"), ("GET", "/health/ready")])
def test_before_the_first_release_everything_says_so(app: FastAPI, method: str, path: str) -> None:
    with TestClient(app) as client:
        response = client.request(method, path, json={})
        assert response.status_code == 503
        assert response.json()["detail"] == "No model of small is released yet"
        assert client.get("/health/live").status_code == 200


def test_metrics_count_by_route_status_version_and_model(client: TestClient) -> None:
    record = {"area": 70.5, "class": 3, "kind": "Flat", "district": "North", "lift": True}
    for _ in range(3):
        client.post("/predict", json=record)
    client.post("/predict", json={})
    client.get("/made/up/by/the/caller")
    text = client.get("/metrics").text
    for line in (
        'mlops_requests_total{route="/predict",status="200"} 3.0',
        'mlops_requests_total{route="/predict",status="422"} 1.0',
        'mlops_requests_total{route="(other)",status="404"} 1.0',
        'mlops_request_seconds_count{route="/predict"} 4.0',
        'mlops_predictions_total{version="1"} 3.0',
        'mlops_refusals_total{field="area",reason="missing_column"} 1.0',
        'mlops_model_info{data_version="data-v1.1.0",model="small",version="1"} 1.0',
    ):
        assert line in text
    assert "made/up" not in text


def test_two_services_in_one_process_count_apart(client: TestClient, swift: Settings) -> None:
    client.get("/model")
    with TestClient(create_app(swift.model_copy(update={"state_dir": swift.state / "other"}), "small")) as other:
        assert 'route="/model"' not in other.get("/metrics").text
    assert 'route="/model"' in client.get("/metrics").text


def test_the_documentation_needs_no_network(client: TestClient) -> None:
    page = client.get("/docs")
    assert "http://" not in page.text
    assert "https://" not in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert f'"/static-offline-docs/{asset}"' in page.text
        assert client.get(f"/static-offline-docs/{asset}").is_success


def test_the_documentation_is_of_the_served_contract_and_its_example_can_be_sent(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    record = document["components"]["schemas"]["Record"]
    assert document["info"] == {"title": "Small flats", "version": "1"}
    assert list(document["paths"])[:4] == ["/predict", "/predict/batch", "/actuals", "/model"]
    routes = {route.path for route in client.app.routes if "static" not in route.path}  # type: ignore[attr-defined]
    assert set(document["paths"]) == routes - {"/", "/docs", "/openapi.json", "/docs/oauth2-redirect"}
    assert record["properties"]["class"]["type"] == "integer"
    assert record["properties"]["kind"]["enum"] == ["Flat", "Terraced House", "Villa"]
    assert record["required"] == ["area", "class", "kind", "district", "lift"]
    assert record["additionalProperties"] is False
    assert client.post("/predict", json=record["example"]).is_success


def test_every_reference_of_the_documentation_is_there(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    text = json.dumps(document)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(document["components"]["schemas"])
    assert "Prediction" in named


def test_before_a_release_the_documentation_is_of_the_contract_file(settings: Settings) -> None:
    document = create_app(settings, "house_prices").openapi()
    assert document["info"]["title"] == "Ames house prices"
    assert document["info"]["version"] == "not released yet"


def test_the_documentation_follows_a_swap(client: TestClient, publish: Publish, app: FastAPI) -> None:
    publish(2)
    app.state.service.watcher.look()
    assert client.get("/openapi.json").json()["info"]["version"] == "2"
