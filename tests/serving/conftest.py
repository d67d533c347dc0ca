"""What tests of serving share: releases of tiny models, a running application, and the real process."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient
from onnx import TensorProto, helper, numpy_helper

from pipeline.bundle.format import BundleMetadata, Interval, SmokeRow, write_bundle
from pipeline.bundle.load import open_session
from pipeline.contract import Contract
from pipeline.encode import Encoder
from pipeline.release_log import Release
from pipeline.settings import Settings
from serving.service.app import create_app

MODEL = "small"
RECORD = {
    "area": 70.5,
    "class": 3,
    "größe des gartens": 12,
    "kind": "Flat",
    "district": "North",
    "state": "good",
    "lift": True,
}
Publish = Callable[..., Path]
Running = tuple[subprocess.Popen[str], str]  # the process, and its address


def tiny_model(features: int, bias: float) -> bytes:
    """Return a graph that gives 0.01 times the sum of the features, missing ones left out, plus the bias."""
    nodes = [
        helper.make_node("IsNaN", ["rows"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "rows"], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["sum"]),
        helper.make_node("Add", ["sum", "bias"], ["answer"]),
    ]
    constants = {
        "zero": np.zeros(1, np.float32),
        "weights": np.full((features, 1), 0.01, np.float32),
        "bias": np.array([bias], np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def smoke_row(contract: Contract, model: bytes, record: dict[str, Any]) -> SmokeRow:
    """Return what the graph says of the record."""
    session = open_session(model)
    raw = session.run(None, {session.get_inputs()[0].name: Encoder(contract).record(record)})[0]
    return SmokeRow(record=record, prediction=float(np.exp(raw.astype(np.float64)[0, 0])))


def publish_release(settings: Settings, contract: Contract, version: int, **changes: Any) -> Path:
    """Write the release of a model whose answers tell its version, and make it the current one."""
    model = changes.pop("graph", None) or tiny_model(len(contract.features), float(version))
    row = smoke_row(contract, model, changes.pop("record", RECORD))
    metadata = BundleMetadata(
        model=contract.name,
        run_id=f"run{version}",
        data_version=f"data-v1.{version}.0",
        candidate="ridge",
        metrics={"mae": 1.0, "rmse": 2.0, "r2": 0.9},
        target_transform="log",
        interval=Interval(level=0.9, scale="log", half_width=0.1),
        training_ranges=changes.pop("training_ranges", {"area": (20.0, 200.0), "class": (1, 5)}),
        smoke=(changes.pop("smoke", row),),
        background=changes.pop("background", ()),
    )
    folder = Path(settings.place("releases_dir", contract.name)) / f"{version}-new"
    digest = write_bundle(folder, model, contract, metadata)
    release = {
        "model": contract.name,
        "version": version,
        "data_version": metadata.data_version,
        "run_id": metadata.run_id,
        "bundle_digest": digest,
        "metrics": metadata.metrics,
        "approved_by": "test",
        "reason": "test",
    }
    (folder / "release.json").write_text(Release.model_validate(release | changes).model_dump_json())
    switch(folder)
    return folder


def switch(folder: Path) -> None:
    """Make the folder the current release, in one step."""
    link = folder.parent / ".next"
    link.symlink_to(folder.name)
    link.replace(folder.parent / "current")


def eventually(done: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., None]:
    """Wait until something is so."""
    return eventually


@pytest.fixture
def record() -> dict[str, Any]:
    """A record that the small contract allows, in its normal form."""
    return dict(RECORD)


@pytest.fixture
def swift(settings: Settings) -> Settings:
    """Settings of a service that takes up a release at once."""
    return settings.model_copy(update={"swap_seconds": 0.02})


@pytest.fixture
def publish(swift: Settings, small_contract: Contract) -> Publish:
    """Write a release of the small contract and make it current."""

    def publish_small(version: int, **changes: Any) -> Path:
        return publish_release(swift, small_contract, version, **changes)

    return publish_small


@pytest.fixture
def app(swift: Settings) -> FastAPI:
    """The application of the small contract, not started."""
    return create_app(swift, MODEL)


@pytest.fixture
def client(app: FastAPI, publish: Publish) -> Iterator[TestClient]:
    """A client of the application with version 1 released."""
    publish(1)
    with TestClient(app) as started:
        yield started


@pytest.fixture
def log(swift: Settings) -> Path:
    """Where the application's prediction log is."""
    return Path(swift.place("prediction_log", MODEL))


@pytest.fixture
def service(swift: Settings, small_contract: Contract) -> Callable[[], AbstractContextManager[Running]]:
    """Run the real service of the small contract; called again, the same service is started anew."""
    return lambda: service_process(swift, small_contract)


def free_port() -> int:
    """Return a port that nobody listens on."""
    for port in range(20000 + os.getpid() % 9000, 30000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no port is free")


@contextmanager
def service_process(settings: Settings, contract: Contract, **more: Any) -> Iterator[Running]:
    """Run the real service of a contract in its own process, and give it with its address once it is ready.

    Further settings are given by their names in capitals.
    """
    project, port = settings.state.parent / "project", free_port()
    (project / "contracts").mkdir(parents=True, exist_ok=True)
    content = json.loads(contract.model_dump_json(exclude_none=True))
    (project / "contracts" / f"{contract.name}.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    places = {"PROJECT_DIR": project, "STATE_DIR": settings.state, "SERVING_PORT": port, "SWAP_SECONDS": 0.05}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
    environment |= {f"MLOPS_{name}": str(value) for name, value in {**places, **more}.items()}
    process = subprocess.Popen([sys.executable, "-m", "serving.service", contract.name], env=environment, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is not None or answers(url), 60)
        assert process.poll() is None, "the service ended at its start"
        yield process, url
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    """Whether a service lives at the address."""
    try:
        return httpx.get(f"{url}/health/live").is_success
    except httpx.HTTPError:
        return False
