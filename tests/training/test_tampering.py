"""What somebody may do to stored models, and that nothing of it is run: in the store of MLflow, and in a bundle."""

import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import mlflow
import numpy as np
import pytest
import skops.io
import yaml
from sklearn.preprocessing import FunctionTransformer

from pipeline.bundle.format import MODEL, BundleError
from pipeline.contract import Contract
from pipeline.model_registry import BUNDLE
from pipeline.release_log import Release
from pipeline.settings import Settings
from serving.reconcile import place_release
from training.errors import TrainingError
from training.estimator import build_estimator
from training.tracking import Tracker
from training.trusted import load_trusted

RIDGE, SKOPS = "ridge", "model.skops"
State = dict[str, Any]


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """What is there once an attack has run something."""
    return tmp_path / "it was run"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("tampering")
    return Settings(state_dir=folder / "state", mlflow_uri=f"sqlite:///{folder}/mlflow.db", reports_uri="")


@pytest.fixture
def tracker(store: Settings, small_contract: Contract) -> Tracker:
    return Tracker(small_contract, store)


@pytest.fixture(scope="module")
def run_id(store: Settings, small_contract: Contract) -> str:
    """A run with a small model."""
    rng, tracker = np.random.default_rng(0), Tracker(small_contract, store)
    matrix = rng.integers(0, 2, (40, len(small_contract.features))).astype(np.float32)
    run = tracker.create("key", "a test", {})
    with tracker.recording(run):
        tracker.log_model(build_estimator(small_contract, RIDGE).fit(matrix, rng.uniform(1, 2, 40)), matrix[:5])
    return run


@pytest.fixture
def stored(tracker: Tracker, run_id: str, tmp_path: Path) -> Iterator[Path]:
    """The folder of the run's model in MLflow's store, which is put right again afterwards."""
    model_id = tracker.model_uri(run_id).rpartition("/")[2]
    folder = Path(tracker.client.get_logged_model(model_id).artifact_location.removeprefix("file://"))
    shutil.copytree(folder, tmp_path / "as it was")
    yield folder
    shutil.rmtree(folder)
    shutil.move(tmp_path / "as it was", folder)


def refuse(tracker: Tracker, run_id: str, stored: Path) -> None:
    """Show that a tampered model is refused by its digest and, where somebody adapted that as well, by its types."""
    with pytest.raises(TrainingError, match="it was changed or damaged"):
        tracker.load_model(run_id)
    with pytest.raises(TrainingError, match="is no model that training stores"):
        load_trusted(stored / SKOPS)


def test_what_training_stored_is_loaded(tracker: Tracker, run_id: str, small_contract: Contract) -> None:
    matrix = np.ones((2, len(small_contract.features)), dtype=np.float32)
    assert np.isfinite(tracker.load_model(run_id).predict(matrix)).all()


def test_a_model_of_the_right_types_with_other_numbers_is_refused(tracker: Tracker, run_id: str, stored: Path) -> None:
    """Its types cannot tell; a tree whose nodes point anywhere could even end the process."""
    rewrite(stored / SKOPS)
    load_trusted(stored / SKOPS)
    with pytest.raises(TrainingError, match=f"the stored model of run {run_id} has the digest .* changed or damaged"):
        tracker.load_model(run_id)


def rewrite(path: Path, change: Callable[[State], object] | None = None, **files: bytes) -> None:
    """Change the schema of a skops file, and add files to it or replace them."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(content["schema.json"])
    if change:
        change(schema)
    content |= {"schema.json": json.dumps(schema).encode(), **files}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def nodes(state: Any) -> list[State]:
    """Return all nodes of a schema, the outer ones first."""
    if isinstance(state, list):
        return [node for one in state for node in nodes(one)]
    if not isinstance(state, dict):
        return []
    return ([state] if "__loader__" in state else []) + [node for one in state.values() for node in nodes(one)]


def call(marker: Path) -> State:
    """A node that calls `os.mkdir` as soon as it is constructed."""
    name = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(str(marker))}
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [name]}
    function = {"__class__": "mkdir", "__module__": "posix", "__loader__": "ConstructorFromReduceNode"}
    return function | {"content": arguments}


def run_a_program(schema: State, marker: Path) -> None:
    """The model becomes a process, whose attributes are whatever the file says."""
    schema |= {"__class__": "Popen", "__module__": "subprocess"}


def name_eval(schema: State, marker: Path) -> None:
    """A function of the model, such as the logarithm of its target, becomes `eval`."""
    function = next(node for node in nodes(schema) if node["__loader__"] == "FunctionNode")
    function |= {"__class__": "eval", "__module__": "builtins"}


def call_a_function(schema: State, marker: Path) -> None:
    schema |= call(marker)


def call_a_method(schema: State, marker: Path) -> None:
    """CVE-2025-54412, of skops before 0.12: an operator whose arguments are what does the harm."""
    schema |= {"__class__": "call", "__module__": "operator", "__loader__": "OperatorFuncNode", "attrs": call(marker)}


@pytest.mark.parametrize("attack", [run_a_program, name_eval, call_a_function, call_a_method])
def test_a_stored_model_that_names_another_type_is_refused_and_runs_nothing(
    tracker: Tracker, run_id: str, stored: Path, marker: Path, attack: Callable[[State, Path], None]
) -> None:
    rewrite(stored / SKOPS, lambda schema: attack(schema, marker))
    refuse(tracker, run_id, stored)
    assert not marker.exists()


def test_a_model_of_a_type_that_training_never_makes_is_refused(
    tracker: Tracker, run_id: str, stored: Path, marker: Path
) -> None:
    skops.io.dump(FunctionTransformer(os.system, kw_args={"command": f"mkdir {marker}"}), stored / SKOPS)
    refuse(tracker, run_id, stored)
    assert not marker.exists()


def test_what_the_stored_model_says_may_be_trusted_does_not_count(
    tracker: Tracker, run_id: str, stored: Path, marker: Path
) -> None:
    """MLflow's own loader believes the list that is stored beside the model: it shows that the attack is real."""
    rewrite(stored / SKOPS, lambda schema: call_a_function(schema, marker))
    described = yaml.safe_load((stored / "MLmodel").read_text())
    described["flavors"]["sklearn"]["skops_trusted_types"] += ["posix.mkdir"]
    (stored / "MLmodel").write_text(yaml.safe_dump(described))
    refuse(tracker, run_id, stored)
    assert not marker.exists()
    mlflow.sklearn.load_model(tracker.model_uri(run_id))
    assert marker.exists()


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_a_pickle_in_the_models_place_is_refused(
    tracker: Tracker, run_id: str, stored: Path, marker: Path, dumps: Callable[[Any], bytes]
) -> None:
    (stored / SKOPS).write_bytes(dumps(Bomb(marker)))
    refuse(tracker, run_id, stored)
    assert not marker.exists()


def test_a_pickle_in_an_array_of_the_model_is_refused(
    tracker: Tracker, run_id: str, stored: Path, marker: Path
) -> None:
    content = io.BytesIO()
    np.save(content, np.array([Bomb(marker)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(stored / SKOPS) as archive:
        arrays = [name for name in archive.namelist() if name.endswith(".npy")]
    rewrite(stored / SKOPS, **dict.fromkeys(arrays, content.getvalue()))
    refuse(tracker, run_id, stored)
    assert not marker.exists()


def test_a_model_that_is_said_to_be_a_pickle_is_refused(
    tracker: Tracker, run_id: str, stored: Path, marker: Path
) -> None:
    (stored / SKOPS).unlink()
    (stored / "model.pkl").write_bytes(cloudpickle.dumps(Bomb(marker)))
    described = yaml.safe_load((stored / "MLmodel").read_text())
    described["flavors"]["sklearn"] |= {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}
    (stored / "MLmodel").write_text(yaml.safe_dump(described))
    refuse(tracker, run_id, stored)
    assert not marker.exists()


def test_a_released_bundle_with_one_byte_changed_is_not_placed(
    stock: Settings, chain: Any, small_contract: Contract
) -> None:
    artifacts = Tracker(small_contract, stock).client.get_run(chain.packaged.run_id).info.artifact_uri
    path = Path(artifacts.removeprefix("file://")) / BUNDLE / MODEL
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    released = Release(
        model="small",
        version=chain.challenger.version,
        data_version=chain.plan.data_version,
        run_id=chain.packaged.run_id,
        bundle_digest=chain.packaged.digest,
        metrics={},
        approved_by="a test",
        reason="a test",
    )
    try:
        with pytest.raises(BundleError, match=f"but {chain.packaged.digest[:12]} was registered: a file was changed"):
            place_release(stock, released)
    finally:
        path.write_bytes(content)
    releases = Path(stock.place("releases_dir", "small"))
    assert list(releases.iterdir()) == []
    assert (place_release(stock, released) / MODEL).read_bytes() == content
