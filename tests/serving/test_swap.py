import json
import math
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipeline.bundle.format import SmokeRow
from pipeline.encode import Encoder

Publish = Callable[..., Path]
Record = dict[str, Any]
Eventually = Callable[..., None]


def test_the_first_release_is_taken_up_when_it_comes(
    app: FastAPI, publish: Publish, eventually: Eventually, record: Record
) -> None:
    with TestClient(app) as client:
        assert client.post("/predict", json=record).status_code == 503
        publish(1)
        eventually(lambda: client.get("/health/ready").is_success)
        assert client.post("/predict", json=record).json()["model_version"] == 1


def test_a_swap_under_load_fails_nothing_and_mixes_nothing(
    client: TestClient, publish: Publish, eventually: Eventually, record: Record
) -> None:
    answers: list[tuple[int, Any]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            response = client.post("/predict", json=record)
            answers.append((response.status_code, response.json()))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in (2, 3, 4, 1):
        publish(version)
        eventually(lambda wanted=version: client.get("/model").json()["version"] == wanted)
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} == {200}
    assert {answer["model_version"] for _, answer in answers} == {1, 2, 3, 4}
    base = client.post("/predict", json=record).json()["prediction"] / math.e
    for _, answer in answers:  # each number, and where it comes from, is of the version that it names
        assert answer["prediction"] == pytest.approx(base * math.exp(answer["model_version"]), rel=1e-5)
        assert answer["data_version"] == f"data-v1.{answer['model_version']}.0"


def damage(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"not ONNX")


def rename_bundle(folder: Path) -> None:
    release = json.loads((folder / "release.json").read_text())
    (folder / "release.json").write_text(json.dumps(release | {"run_id": "another"}))


def lose_release(folder: Path) -> None:
    (folder / "release.json").unlink()


def rename_model(folder: Path) -> None:
    release = json.loads((folder / "release.json").read_text())
    (folder / "release.json").write_text(json.dumps(release | {"model": "another"}))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (damage, "a file was changed or damaged"),
        (lose_release, "release.json: cannot be read"),
        (rename_bundle, "the release names ('small', 'another', 'data-v1.2.0')"),
        (rename_model, "small is served here"),
        (shutil.rmtree, "release.json: cannot be read"),
    ],
)
def test_a_bad_release_is_refused_and_the_old_one_stays(
    app: FastAPI,
    publish: Publish,
    record: Record,
    spoil: Callable[[Path], None],
    reason: str,
) -> None:
    publish(1)
    with TestClient(app) as client:
        watcher = app.state.service.watcher
        watcher.stop()  # the test looks by itself, once the release is spoilt
        spoil(publish(2))
        watcher.look()
        assert client.post("/predict", json=record).json()["model_version"] == 1
        for path in ("/model", "/health/ready"):
            told = client.get(path).json()
            assert told["version"] == 1
            assert told["refused"]["version"] == 2
            assert reason in told["refused"]["reason"]
        publish(3)
        watcher.look()
        assert client.get("/model").json()["version"] == 3
        assert "refused" not in client.get("/model").json()


def test_a_release_that_answers_other_numbers_than_it_was_trained_to_is_refused(
    app: FastAPI, publish: Publish, record: Record
) -> None:
    publish(2, smoke=SmokeRow(record=record, prediction=1.0))
    with TestClient(app) as client:
        response = client.get("/model")
        assert response.status_code == 503
        assert "the trained model said 1" in response.json()["refused"]["reason"]


def test_a_release_whose_own_rows_would_be_refused_as_requests_is_refused(
    app: FastAPI, publish: Publish, record: Record, small_contract: Any
) -> None:
    outside = {**record, "area": 2000.0}
    number = float(np.exp(2 + 0.01 * np.nansum(Encoder(small_contract).record(outside), dtype=np.float64)))
    publish(2, smoke=SmokeRow(record=outside, prediction=number))
    with TestClient(app) as client:
        reason = client.get("/health/ready").json()["refused"]["reason"]
        assert "its smoke rows are refused as requests: area: 2000.0 is out of range" in reason


def test_a_repaired_release_in_the_same_folder_is_taken_up(
    app: FastAPI, publish: Publish, eventually: Eventually
) -> None:
    release = publish(1) / "release.json"
    content = release.read_text()
    release.write_text("{")
    with TestClient(app) as client:
        assert client.get("/model").json()["refused"]["version"] == 1
        release.write_text(content)
        eventually(lambda: client.get("/health/ready").is_success)
        assert "refused" not in client.get("/model").json()
