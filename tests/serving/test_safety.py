"""Keys, limits, headers and the log of the service."""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, ValidationError
from typer import Typer
from typer.testing import CliRunner

from cli.commands.keys import serve_key
from pipeline.prediction_log import SMOKE_CALLER, read_predictions
from pipeline.settings import PIPELINE_KEY, Settings
from serving.service.app import create_app
from serving.service.documents import ProblemDocument
from serving.service.keys import hash_of, new_key
from serving.service.request_log import JsonLines, traceback_of

EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
KEYS = {name: new_key() for name in ("website", "nightly batch")}
KEY = KEYS["website"][0]
Record = dict[str, Any]
Publish = Callable[..., Path]
Started = Callable[..., Any]


@pytest.fixture
def started(swift: Settings, publish: Publish) -> Started:
    """Start the application of the small contract with further settings."""
    publish(1)

    @contextmanager
    def start(**changes: Any) -> Iterator[TestClient]:
        with TestClient(create_app(swift.model_copy(update=changes), "small")) as client:
            yield client

    return start


@pytest.fixture
def closed(started: Started) -> Iterator[TestClient]:
    """A client of an application that asks for keys; it has none yet."""
    with started(api_keys={name: digest for name, (_, digest) in KEYS.items()}) as client:
        yield client


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"Authorization": f"bearer  {KEY} "}]
)
def test_a_known_key_is_let_in_and_its_name_is_who_asked(
    closed: TestClient, log: Path, record: Record, headers: dict[str, str]
) -> None:
    assert closed.post("/predict", json=record, headers={**headers, "X-Caller": "somebody else"}).is_success
    assert [row["caller"] for row in read_predictions(log, **EVER)] == ["website"]


def test_only_the_pipelines_own_key_sends_smoke_rows(started: Started, log: Path, record: Record) -> None:
    keys = {**KEYS, PIPELINE_KEY: new_key()}
    with started(api_keys={name: digest for name, (_, digest) in keys.items()}) as client:
        for name in ("website", PIPELINE_KEY):
            given = {"X-API-Key": keys[name][0], "X-Caller": SMOKE_CALLER}
            assert client.post("/predict", json=record, headers=given).is_success
    assert [row["caller"] for row in read_predictions(log, **EVER)] == ["website", SMOKE_CALLER]


def test_the_protocols_errors_have_its_form_before_a_route_is_reached(closed: TestClient) -> None:
    answer = closed.post("/v2/models/small/infer", json={})
    assert (answer.status_code, list(answer.json())) == (401, ["error"])
    assert "An API key is needed" in answer.json()["error"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    wrong = closed.post("/v2/models/small/infer", content="x", headers={"X-API-Key": KEY, "Content-Type": "text/html"})
    assert (wrong.status_code, list(wrong.json())) == (415, ["error"])


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "An API key is needed"),
        ({"X-API-Key": ""}, "An API key is needed"),
        ({"Authorization": f"Basic {KEY}"}, "An API key is needed"),
        ({"X-API-Key": KEY[:-1]}, "not known"),
        ({"X-API-Key": KEY.swapcase()}, "not known"),
        ({"X-API-Key": KEYS["website"][1]}, "not known"),  # what is kept is no key
        ({"Authorization": "Bearer \xff"}, "not known"),
        ({"X-API-Key": "wrong", "Authorization": f"Bearer {KEY}"}, "not known"),
    ],
)
def test_without_a_known_key_nothing_is_answered(
    closed: TestClient, log: Path, record: Record, headers: dict[str, str], says: str
) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    response = closed.post("/predict", json=record, headers=sent)
    problem = ProblemDocument.model_validate(response.json())
    assert response.status_code == problem.status == 401
    assert says in problem.detail
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert KEY not in response.text
    assert read_predictions(log, **EVER) == []


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"])
def test_probes_metrics_and_documentation_need_no_key(closed: TestClient, path: str) -> None:
    assert closed.get(path).is_success


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_that_needs_no_key_gets_its_files_without_one(closed: TestClient, path: str) -> None:
    files = re.findall(r'(?:src|href)="(/?static[^"]+)"', closed.get(path).text)
    assert len(files) >= 2
    assert [closed.get(f"/{file.lstrip('/')}").status_code for file in files] == [200] * len(files)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/model"), ("POST", "/actuals"), ("GET", "/nowhere"), ("POST", "/predict/")]
)
def test_whatever_is_not_open_needs_a_key(closed: TestClient, method: str, path: str) -> None:
    assert closed.request(method, path).status_code == 401
    assert closed.request(method, path, headers={"X-API-Key": KEY}).status_code != 401


def test_the_documentation_says_what_needs_a_key(closed: TestClient, client: TestClient) -> None:
    document = closed.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"key", "bearer"}
    assert document["paths"]["/predict"]["post"]["security"] == [{"key": []}, {"bearer": []}]
    assert "401" in document["paths"]["/predict"]["post"]["responses"]
    assert "security" not in document["paths"]["/health/live"]["get"]
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]


def test_a_made_key_is_long_and_its_hash_is_what_the_settings_take() -> None:
    runner = CliRunner()
    app = Typer()
    app.command()(serve_key)
    told = runner.invoke(app, ["website"])
    key = re.findall(r"^  (\S{40,})$", told.output, re.MULTILINE)[0]
    entry = json.loads(re.findall(r"MLOPS_API_KEYS='(.*)'", told.output)[0])
    assert Settings(api_keys=entry).api_keys == {"website": hash_of(key.encode())}
    assert runner.invoke(app, ["no\nname"]).exit_code == 2
    assert key not in runner.invoke(app, ["website"]).output


@pytest.mark.parametrize("keys", [{"": "0" * 64}, {"website": KEY}, {"website": "A" * 64}, {"a" * 65: "0" * 64}])
def test_a_setting_of_keys_that_is_wrong_is_refused_without_showing_it(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(api_keys=keys)
    assert KEY not in str(refused.value)


def test_production_asks_for_keys() -> None:
    places = "storage_uri data_registry_uri data_remote_uri gitops_uri mlflow_uri service_uri".split()  # noqa: SIM905
    given: dict[str, Any] = dict.fromkeys(places, "https://example.org")
    with pytest.raises(ValidationError, match="in production these must be set: MLOPS_API_KEYS"):
        Settings(environment="production", api_keys={}, **given)
    assert Settings(environment="production", api_keys={"website": "0" * 64}, **given)


def test_more_requests_than_are_answered_at_once_are_told_to_come_back(started: Started) -> None:
    with started(requests_at_once=2) as client:
        statuses, headers = asyncio.run(_ask_at_once(client.app, "/slow", 5))
        probes, _ = asyncio.run(_ask_at_once(client.app, "/health/live", 5))
    assert sorted(statuses) == [200, 200, 503, 503, 503]
    assert headers["retry-after"] == "1"
    assert probes == [200] * 5


async def _ask_at_once(app: FastAPI, path: str, times: int) -> tuple[list[int], httpx.Headers]:
    async def slow() -> str:
        await asyncio.sleep(0.1)
        return "done"

    app.add_api_route("/slow", slow)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        responses = await asyncio.gather(*(client.get(path) for _ in range(times)))
    return [response.status_code for response in responses], responses[-1].headers


def test_the_limits_of_bodies_are_settings(started: Started, record: Record) -> None:
    with started(body_bytes=300, batch_bytes=400) as client:
        assert client.post("/predict", json=record).is_success
        for path, most in (("/predict", 300), ("/actuals", 400)):
            for body in (b" " * (most + 1), iter([b" " * most, b" "])):
                response = client.post(path, content=body)
                assert response.status_code == 413
                assert f"At most {most} bytes" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/predict", "/model", "/nowhere", "/docs", "/", "/openapi.json"])
def test_every_answer_carries_the_headers_of_a_careful_service(client: TestClient, path: str) -> None:
    headers = client.get(path, follow_redirects=False).headers
    assert headers["X-Content-Type-Options"].startswith("nosniff")
    assert ("Referrer-Policy" in headers) == (path in ("/", "/docs"))
    assert headers.get("X-Frame-Options") == ("DENY" if path in ("/", "/docs") else None)
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"]
    assert len(headers.get_list("X-Request-ID")) == 1
    assert "server" not in headers


def test_answers_are_not_kept_by_caches(client: TestClient, record: Record) -> None:
    assert client.post("/predict", json=record).headers["Cache-Control"] == "no-store"
    assert "Cache-Control" not in client.get("/static-offline-docs/swagger-ui.css").headers


@pytest.mark.parametrize("path", ["/predict/", "/model/", "/v2/", "/v2/models/small/infer/"])
def test_no_client_is_sent_elsewhere(client: TestClient, record: Record, path: str) -> None:
    for method in ("GET", "POST"):
        response = client.request(method, path, json=record, follow_redirects=False)
        assert response.status_code == 404
        assert "location" not in response.headers


def test_scripts_of_other_sites_may_not_ask(client: TestClient, record: Record) -> None:
    origin = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/predict", headers=origin).status_code == 405
    answer = client.post("/predict", json=record, headers=origin)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_all_requests_are_written_where_that_is_switched_on(
    started: Started, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with started(log_requests="all") as client:
        client.post("/predict", json=record, headers={"X-Request-ID": "one", "X-Caller": "website"})
        client.post("/predict", json={**record, "area": 4.25}, headers={"X-Request-ID": "two"})
    lines = [json.loads(JsonLines().format(one)) for one in caplog.records if one.name.endswith("request_log")]
    assert [line["request_id"] for line in lines] == ["one", "two"]
    assert [line["status"] for line in lines] == [200, 422]
    assert (lines[0]["route"], lines[0]["method"], lines[0]["caller"]) == ("/predict", "POST", "website")
    assert lines[0]["milliseconds"] > 0
    assert datetime.fromisoformat(lines[0]["time"]).tzinfo is UTC
    assert "70.5" not in str(lines)
    assert "4.25" not in str(lines)


def test_only_failures_are_written_else(client: TestClient, record: Record, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client.post("/predict", json=record)
    client.post("/predict", json={})
    assert not [one for one in caplog.records if one.name.endswith("request_log")]


@pytest.mark.parametrize("shown", [False, True])
def test_an_unforeseen_failure_is_written_with_its_place_and_without_values(
    started: Started, caplog: pytest.LogCaptureFixture, shown: bool
) -> None:
    class Strict(BaseModel):
        area: int

    def broken(area: str) -> None:
        try:
            Strict.model_validate({"area": area})
        except ValidationError as error:
            raise RuntimeError(area) from error

    with started(log_features=shown) as client:
        client.app.add_api_route("/broken", broken)
        assert client.get("/broken?area=4711 feet", headers={"X-Request-ID": "find-me"}).status_code == 500
    text = "\n".join(JsonLines().format(one) for one in caplog.records)
    assert "find-me" in text
    assert "in broken" in text
    assert "pydantic_core._pydantic_core.ValidationError" in text
    assert ("4711 feet" in text) is shown


def test_what_the_machine_says_is_written() -> None:
    full = OSError(28, "No space left on device")
    assert traceback_of(full, messages=False) == ["builtins.OSError: [Errno 28] No space left on device"]
    assert traceback_of(ValueError("4711 feet"), messages=False) == ["builtins.ValueError"]


def test_an_answer_shows_no_part_of_a_request_that_is_too_much(client: TestClient, record: Record) -> None:
    response = client.post("/predict", json={**record, **{f"{'x' * 1000} {place}": 1 for place in range(500)}})
    problem = ProblemDocument.model_validate(response.json())
    assert response.status_code == 422
    assert len(problem.errors) == 100
    assert problem.detail.endswith("...") or "499 more" in problem.detail
    assert len(response.content) < 400_000
