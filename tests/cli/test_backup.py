"""Back up, wipe, restore: the same answers, the same history, the same data; and backups that must not be put back."""

import re
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from cli.main import app as mlops
from pipeline.contract import Contract
from pipeline.data_registry import DataRegistry
from pipeline.git import git
from pipeline.prediction_log import read_predictions
from pipeline.release_log import Release, commit_release, read_release
from pipeline.settings import Settings
from serving.service.app import create_app
from tests.conftest import SMALL
from tests.publishing import batch, month
from tests.serving.conftest import RECORD, publish_release

EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}


@pytest.fixture
def lived(tmp_path: Path, small_contract: Contract, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A project whose pipeline has lived a little: data, a release in Git and in service, predictions with truths."""
    project = tmp_path / "project"
    (project / "contracts").mkdir(parents=True)
    (project / "contracts" / "small.yaml").write_text(yaml.safe_dump(SMALL, sort_keys=False, allow_unicode=True))
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(project))
    settings = Settings(project_dir=project, swap_seconds=0.02)
    registry = DataRegistry(settings, small_contract)
    registry.publish(batch(1), month(1), source="memory")
    folder = publish_release(settings, small_contract, 1)
    commit_release(settings, Release.model_validate_json((folder / "release.json").read_text()))
    with closing(sqlite3.connect(settings.state / "mlflow.db")) as mlflow, mlflow:
        mlflow.execute("CREATE TABLE runs (id TEXT)")
        mlflow.execute("INSERT INTO runs VALUES ('run1')")
    return settings


@pytest.fixture
def client(lived: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(lived, "small")) as started:
        yield started


def told(*arguments: str) -> str:
    done = CliRunner().invoke(mlops, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(mlops, arguments)
    assert done.exit_code == 1, done.output
    return " ".join(done.output.split())


def test_after_a_wipe_everything_answers_as_before(lived: Settings, small_contract: Contract, tmp_path: Path) -> None:
    with TestClient(create_app(lived, "small")) as client:
        before = client.post("/predict", json=RECORD, headers={"Idempotency-Key": "one"}).json()
        client.post("/actuals", json={"prediction_id": before["id"], "actual": 7.5})
        file = tmp_path / "backup.tar.gz"
        told("backup", str(file))  # while the service runs
    assert file.stat().st_mode & 0o777 == 0o600
    data, live = DataRegistry(lived, small_contract).read("data-v1.0.0"), read_release(lived, "small")
    history = git("-C", lived.place("gitops_uri"), "log", "--format=%H")
    lived.state.rename(tmp_path / "lost")
    assert "restored what was kept at" in told("restore", str(file))
    with TestClient(create_app(lived, "small")) as client:
        assert client.post("/predict", json=RECORD, headers={"Idempotency-Key": "one"}).json() == before
        (row,) = read_predictions(Path(lived.place("prediction_log", "small")), **EVER)
        assert (row["id"], row["actual"]) == (before["id"], 7.5)
    assert DataRegistry(lived, small_contract).read("data-v1.0.0").equals(data)
    assert read_release(lived, "small") == live
    assert git("-C", lived.place("gitops_uri"), "log", "--format=%H") == history
    with closing(sqlite3.connect(lived.state / "mlflow.db")) as mlflow:
        assert mlflow.execute("SELECT id FROM runs").fetchall() == [("run1",)]
    DataRegistry(lived, small_contract).publish(batch(2), month(2), source="memory")  # and it goes on
    assert DataRegistry(lived, small_contract).latest() == "data-v1.1.0"


def test_what_was_answered_before_the_backup_began_is_in_it_though_the_service_writes_on(
    lived: Settings, client: TestClient, tmp_path: Path
) -> None:
    answered = [client.post("/predict", json=RECORD).json()["id"] for _ in range(20)]
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            client.post("/predict", json=RECORD)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        told("backup", str(tmp_path / "backup.tar.gz"))
    finally:
        stop.set()
        thread.join()
    lived.state.rename(tmp_path / "lost")
    told("restore", str(tmp_path / "backup.tar.gz"))
    logged = {row["id"] for row in read_predictions(Path(lived.place("prediction_log", "small")), **EVER)}
    assert set(answered) <= logged


def test_what_was_there_is_moved_aside(lived: Settings, tmp_path: Path) -> None:
    told("backup", str(tmp_path / "backup.tar.gz"))
    (lived.state / "since then").write_text("kept")
    told("restore", str(tmp_path / "backup.tar.gz"))
    assert not (lived.state / "since then").exists()
    (aside,) = lived.state.parent.glob(".mlops.before-*")
    assert (aside / "since then").read_text() == "kept"


def test_places_elsewhere_are_copied_and_put_back_where_nothing_stands(
    lived: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, remote = tmp_path / "store", tmp_path / "elsewhere.git"
    (store / "reports").mkdir(parents=True)
    (store / "reports" / "größe.html").write_text("page")
    git("clone", "--quiet", "--bare", lived.place("gitops_uri"), str(remote))
    monkeypatch.setenv("MLOPS_STORAGE_URI", f"file://{store}")
    monkeypatch.setenv("MLOPS_GITOPS_URI", f"file://{remote}")
    file = str(tmp_path / "backup.tar.gz")
    told("backup", file)
    assert "holds something already; restore into an empty place" in refused("restore", file)
    assert lived.state.exists()
    store.rename(tmp_path / "store lost")
    head = git("-C", str(remote), "rev-parse", "main")
    remote.rename(tmp_path / "repository lost")
    git("init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    told("restore", file)
    assert (store / "reports" / "größe.html").read_text() == "page"
    assert git("-C", str(remote), "rev-parse", "main") == head


def test_what_cannot_be_reached_is_named(lived: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_MLFLOW_URI", "http://mlflow.example:5000")
    assert "not in it: MLflow at http://mlflow.example:5000" in told("backup", str(tmp_path / "backup.tar.gz"))
    assert lived.state.exists()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-2000])


def replace(file: Path) -> None:
    file.write_text("no archive")


def swap_content(file: Path) -> None:
    folder = file.with_suffix(".d")
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    (folder / "state" / "mlflow.db").write_text("something else")
    with tarfile.open(file, "w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)


def no_manifest(file: Path) -> None:
    with tarfile.open(file, "w:gz") as archive:
        archive.add(__file__, "manifest.json")


def another_manifest(file: Path) -> None:
    (file.parent / "other.json").write_text('{"format": 1, "made": "today", "files": 3}')
    with tarfile.open(file, "w:gz") as archive:
        archive.add(file.parent / "other.json", "manifest.json")


@pytest.mark.parametrize("spoil", [cut, replace, swap_content, no_manifest, another_manifest])
def test_a_damaged_backup_changes_nothing(lived: Settings, tmp_path: Path, spoil: Any) -> None:
    file = tmp_path / "backup.tar.gz"
    told("backup", str(file))
    (lived.state / "mark").touch()
    spoil(file)
    assert "damaged" in refused("restore", str(file))
    assert (lived.state / "mark").exists()
    assert list(lived.state.parent.glob(".restoring-*")) == []


def test_a_backup_into_what_is_backed_up_is_refused(lived: Settings) -> None:
    assert "is inside of what is backed up" in refused("backup", str(lived.state / "backup.tar.gz"))


@pytest.mark.parametrize(
    ("target", "told_"), [("missing/backup.tar.gz", "nothing was backed up: .*No such file"), (".", "is a folder")]
)
def test_a_place_that_takes_no_file_is_told(lived: Settings, tmp_path: Path, target: str, told_: str) -> None:
    assert re.search(told_, refused("backup", str(tmp_path / target)))
    assert not list(tmp_path.glob(".*"))


def test_a_store_that_is_away_is_told(lived: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENDPOINT_URL": "http://127.0.0.1:9", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("MLOPS_STORAGE_URI", "s3://mlops/storage")
    assert "nothing was backed up: Could not connect" in refused("backup", str(tmp_path / "backup.tar.gz"))
