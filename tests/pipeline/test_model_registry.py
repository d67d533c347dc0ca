import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipeline.bundle.format import FILES, BundleError, digest
from pipeline.model_registry import (
    BUNDLE,
    ModelRegistryAwayError,
    ModelRegistryError,
    aliased,
    champion,
    connect,
    ensure_experiment,
    ensure_model,
    fetch_bundle,
    latest_version,
    log_document,
    read_version,
    run_url,
    set_champion,
    tag_version,
    version_of_run,
    withdraw_champion,
)
from pipeline.settings import Settings


@pytest.fixture
def client(settings: Settings) -> MlflowClient:
    return connect(settings)


@pytest.fixture
def run_id(settings: Settings, client: MlflowClient, tmp_path: Path) -> str:
    """A run that carries three files where a bundle has its files."""
    run = client.create_run(ensure_experiment(settings, client, "small"))
    bundle = tmp_path / "made"
    bundle.mkdir()
    for name in FILES:
        (bundle / name).write_text(f"content of {name}")
    client.log_artifacts(run.info.run_id, str(bundle), BUNDLE)
    return str(run.info.run_id)


@pytest.fixture
def expected(run_id: str, tmp_path: Path) -> str:
    assert run_id
    return digest(tmp_path / "made")


def version(client: MlflowClient, run_id: str) -> int:
    ensure_model(client, "small")
    return int(client.create_model_version("small", f"runs:/{run_id}/{BUNDLE}", run_id=run_id).version)


def test_a_fetched_bundle_is_the_one_that_was_stored(
    settings: Settings, run_id: str, expected: str, tmp_path: Path
) -> None:
    target = tmp_path / "releases" / "1"
    for _ in range(2):
        fetch_bundle(settings, run_id, expected, target)
        assert digest(target) == expected
        assert [path.name for path in target.parent.iterdir()] == ["1"], "scratch was left behind"


def test_a_tampered_bundle_is_refused_and_nothing_is_left(
    settings: Settings, client: MlflowClient, run_id: str, expected: str, tmp_path: Path
) -> None:
    stored = Path(client.get_run(run_id).info.artifact_uri.removeprefix("file://")) / BUNDLE / FILES[-1]
    stored.write_text("something else")
    target = tmp_path / "releases" / "1"
    with pytest.raises(BundleError, match=f"but {expected[:12]} was registered: a file was changed or damaged"):
        fetch_bundle(settings, run_id, expected, target)
    assert not target.exists()
    assert list(target.parent.iterdir()) == []


def test_a_damaged_folder_is_mended_and_what_stands_beside_stays(
    settings: Settings, run_id: str, expected: str, tmp_path: Path
) -> None:
    target = tmp_path / "1"
    fetch_bundle(settings, run_id, expected, target)
    (target / "release.json").write_text("{}")
    (target / FILES[0]).write_text("half a fi")
    fetch_bundle(settings, run_id, expected, target)
    assert digest(target) == expected
    assert (target / "release.json").read_text() == "{}"


def test_a_bundle_that_is_there_needs_no_registry(
    settings: Settings, run_id: str, expected: str, tmp_path: Path
) -> None:
    fetch_bundle(settings, run_id, expected, tmp_path / "1")
    away = settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    fetch_bundle(away, run_id, expected, tmp_path / "1")


def test_a_run_without_a_bundle_is_named(settings: Settings, client: MlflowClient, tmp_path: Path) -> None:
    bare = client.create_run(ensure_experiment(settings, client, "small")).info.run_id
    for run in (bare, "0" * 32):
        with pytest.raises(ModelRegistryError, match=f"the bundle of run {run} cannot be fetched"):
            fetch_bundle(settings, run, "d" * 64, tmp_path / "1")


def test_a_registry_that_is_away_is_no_missing_version(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    with pytest.raises(ModelRegistryAwayError, match=r"127\.0\.0\.1:9"):
        read_version(away, "small", 1)
    for ask in (
        lambda: fetch_bundle(away, "0" * 32, "d" * 64, tmp_path / "1"),
        lambda: champion(away, "small"),
        lambda: set_champion(away, "small", 1),
        lambda: withdraw_champion(away, "small"),
        lambda: tag_version(away, "small", 1, {"a": "b"}),
        lambda: log_document(away, "0" * 32, "a.json", {}),
        lambda: run_url(away, "0" * 32),
        lambda: ensure_experiment(away, connect(away), "small"),
    ):
        with pytest.raises(ModelRegistryAwayError, match=r"127\.0\.0\.1:9"):
            ask()
    assert ModelRegistryAwayError.transient
    assert not ModelRegistryError.transient


def test_the_champion_is_who_was_set_last(settings: Settings, client: MlflowClient, run_id: str) -> None:
    assert champion(settings, "small") is None
    first, second = version(client, run_id), version(client, run_id)
    assert champion(settings, "small") is None
    for one in (first, second, first):
        set_champion(settings, "small", one)
        assert champion(settings, "small") == one
    assert aliased(settings, "small", "challenger") is None


def test_a_version_that_is_not_there_is_named(settings: Settings, client: MlflowClient, run_id: str) -> None:
    with pytest.raises(ModelRegistryError, match="model small has no version 1; the newest is not there yet"):
        set_champion(settings, "small", 1)
    version(client, run_id)
    with pytest.raises(ModelRegistryError, match="model small has no version 7; the newest is 1"):
        read_version(settings, "small", 7)
    assert champion(settings, "small") is None


def test_versions_are_found_by_run_and_counted_as_numbers(client: MlflowClient, run_id: str) -> None:
    assert latest_version(client, "small") is None
    assert version_of_run(client, "small", run_id) is None
    made = [version(client, run_id) for _ in range(11)]
    assert made == list(range(1, 12))
    assert latest_version(client, "small") == 11
    assert version_of_run(client, "small", run_id) == 1
    assert version_of_run(client, "other", run_id) is None


def test_several_tasks_may_start_at_once(settings: Settings, client: MlflowClient) -> None:
    ensure_experiment(settings, client, "warm")  # makes the tables
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda _: ensure_experiment(settings, MlflowClient(), "small"), range(4)))
        list(pool.map(lambda _: ensure_model(MlflowClient(), "small"), range(4)))
    assert len(set(ids)) == 1
    assert latest_version(client, "small") is None


def test_artifacts_go_to_the_state_and_not_to_the_working_directory(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    client = connect(settings)
    run = client.create_run(ensure_experiment(settings, client, "small"))
    client.log_text(run.info.run_id, "text", "note.txt")
    assert run.info.artifact_uri.startswith(settings.state.as_uri())
    assert os.listdir() == []  # noqa: PTH208 (of the working directory, whatever it is)


def test_mlflow_reports_to_nobody() -> None:
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_database_without_a_server_has_no_pages(settings: Settings, run_id: str) -> None:
    assert run_url(settings, run_id) == ""


class _Tracking(BaseHTTPRequestHandler):
    """Answers as MLflow does when it is asked for a run."""

    def do_GET(self) -> None:
        content = json.dumps({"run": {"info": {"run_id": "r1", "run_uuid": "r1", "experiment_id": "7"}, "data": {}}})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: object) -> None:
        pass


def test_a_link_leads_to_where_people_reach_the_registry(settings: Settings) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tracking)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    inside = settings.model_copy(update={"mlflow_uri": f"http://127.0.0.1:{server.server_port}"})
    outside = inside.model_copy(update={"mlflow_page_uri": "https://mlflow.example.com/"})
    try:
        assert run_url(inside, "r1") == f"http://127.0.0.1:{server.server_port}/#/experiments/7/runs/r1"
        assert run_url(outside, "r1") == "https://mlflow.example.com/#/experiments/7/runs/r1"
    finally:
        server.shutdown()
        server.server_close()
