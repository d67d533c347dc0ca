"""How training keeps its runs in MLflow, so that a stage that is repeated finds what it did before."""

import pipeline.quiet  # noqa: F401 (before MLflow)

# isort: split
import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run
from mlflow.exceptions import MlflowException
from pydantic import ValidationError
from sklearn.base import BaseEstimator

from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.encode import Matrix
from pipeline.model_registry import connect, ensure_experiment
from pipeline.settings import Settings
from training.errors import TrainingError
from training.proof import predictor
from training.trusted import TRUSTED, load_trusted

Document = TypeVar("Document", bound=Section)

MODEL = "model"  # what a run calls the scikit-learn model that it logged
_KEY = "mlops.key"
_FILE = "model.skops"
_DIGEST = "model_sha256"  # the tag of a run that holds a model: its artifacts may be changed by others than its tags
_REQUIREMENTS = [f"{name}=={version(name)}" for name in ("numpy", "scikit-learn", "skops")]


def key_of(*parts: str) -> str:
    """Return a tag value that stands for all parts together: a run is found again by it."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


class Tracker:
    """The runs of one contract's experiment."""

    def __init__(self, contract: Contract, settings: Settings) -> None:
        self.client: MlflowClient = connect(settings)
        self._experiment = ensure_experiment(settings, self.client, contract.name)

    def find(self, key: str) -> Run | None:
        """Return the newest run with the key that did not fail, if any."""
        found = self.client.search_runs([self._experiment], f"tags.`{_KEY}` = '{key}'", order_by=["start_time DESC"])
        return next((run for run in found if run.info.status in ("RUNNING", "FINISHED")), None)

    def newest(self, tags: Mapping[str, str], **like: str) -> Run | None:
        """Return the newest run with these tags, and with tags that are like a pattern (`%` is any text)."""
        asked = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        asked += [f"tags.`{name}` LIKE '{pattern}'" for name, pattern in like.items()]
        found = self.client.search_runs([self._experiment], " and ".join(asked), max_results=1)
        return found[0] if found else None

    def create(self, key: str, name: str, tags: dict[str, str]) -> str:
        """Make a run that `find` finds again, and return its id."""
        run = self.client.create_run(self._experiment, tags={_KEY: key, **tags}, run_name=name)
        return str(run.info.run_id)

    def begin(self, contract: Contract, parent_run_id: str, data_version: str, name: str) -> tuple[str, bool]:
        """Return the id of a candidate's run below the plan's, and whether it was finished before."""
        key = key_of("fit", parent_run_id, name, contract.model_hash)
        found = self.find(key)
        if found and found.info.status == "FINISHED":
            return str(found.info.run_id), True
        if found:  # a worker was lost with it
            self.client.set_terminated(found.info.run_id, "KILLED")
        tags = {"mlflow.parentRunId": parent_run_id, "data_version": data_version, "candidate": name}
        return self.create(key, name, tags), False

    @contextmanager
    def recording(self, run_id: str) -> Iterator[None]:
        """Record into a run: it ends as finished, or as failed when the body raises."""
        with mlflow.start_run(run_id=run_id, log_system_metrics=False):
            yield

    def log_metrics(self, run_id: str, metrics: dict[str, float]) -> None:
        """Record metrics of a run."""
        now = int(time.time() * 1000)
        self.client.log_batch(run_id, [Metric(name, value, now, 0) for name, value in metrics.items()])

    def log_parameters(self, run_id: str, parameters: dict[str, Any]) -> None:
        """Record parameters of a run."""
        self.client.log_batch(run_id, params=[Param(name, str(value)) for name, value in parameters.items()])

    def log_curve(self, run_id: str, name: str, curve: dict[int, float]) -> None:
        """Record a metric by step, such as by rows or by trial; MLflow draws it."""
        now = int(time.time() * 1000)
        self.client.log_batch(run_id, [Metric(name, value, now, step) for step, value in curve.items()])

    def log_document(self, run_id: str, name: str, document: Section) -> None:
        """Store a document as JSON among the run's artifacts."""
        self.client.log_text(run_id, document.model_dump_json(indent=1) + "\n", name)

    def read_document(self, run_id: str, name: str, kind: type[Document]) -> Document:
        """Return a document of the run.

        Raises:
            TrainingError: when the run has none of that name, or it cannot be read as one of that kind.
        """
        try:
            return kind.model_validate_json(self.read_file(run_id, name))
        except ValidationError as error:
            raise TrainingError(f"{name} of run {run_id} cannot be read: {error}; start the training anew") from error

    def log_files(self, run_id: str, folder: str, files: Mapping[str, bytes]) -> None:
        """Store files in a folder among the run's artifacts; an empty folder is their top."""
        with tempfile.TemporaryDirectory() as scratch:
            for name, content in files.items():
                (Path(scratch) / name).write_bytes(content)
            self.client.log_artifacts(run_id, scratch, folder or None)

    def read_file(self, run_id: str, name: str) -> bytes:
        """Return a file among the run's artifacts.

        Raises:
            TrainingError: when there is none of that name.
        """
        with tempfile.TemporaryDirectory() as scratch:
            try:
                return Path(self.client.download_artifacts(run_id, name, scratch)).read_bytes()
            except (MlflowException, OSError) as error:
                raise TrainingError(
                    f"run {run_id} has no {name}: it did not finish; start the training anew"
                ) from error

    def read_files(self, run_id: str, folder: str) -> dict[str, bytes]:
        """Return the files in a folder among the run's artifacts by name; none where there is no such folder."""
        with tempfile.TemporaryDirectory() as scratch:
            if not self.client.list_artifacts(run_id, folder):
                return {}
            found = Path(self.client.download_artifacts(run_id, folder, scratch))
            return {path.name: path.read_bytes() for path in sorted(found.iterdir())}

    def log_data(self, run_id: str, name: str, digest: str, source: dict[str, Any], profile: dict[str, Any]) -> None:
        """Record which data a run is made of."""
        dataset = Dataset(name, digest, "git+dvc", json.dumps(source), profile=json.dumps(profile))
        self.client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])

    def log_model(self, model: BaseEstimator, features: Matrix) -> None:
        """Record a fitted model in the run that is being recorded, given some encoded rows as example.

        Raises:
            MlflowException: when the model holds a type that is not on the list of those that may be loaded.
        """
        logged = mlflow.sklearn.log_model(
            model,
            name=MODEL,
            signature=mlflow.models.infer_signature(features, predictor(model)(features)),
            pip_requirements=_REQUIREMENTS,
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED),
        )
        with self._stored(logged.model_uri) as path:
            self.client.set_tag(logged.run_id, _DIGEST, _digest(path))

    def load_model(self, run_id: str) -> BaseEstimator:
        """Return the fitted model of a run.

        Not by MLflow's own loader, which trusts the types that the stored model itself names.

        Raises:
            TrainingError: when it is not the file that training stored; nothing of it is made then.
        """
        with self._stored(self.model_uri(run_id)) as path:
            found, expected = _digest(path), self.client.get_run(run_id).data.tags.get(_DIGEST, "none")
            if found != expected:
                raise TrainingError(
                    f"the stored model of run {run_id} has the digest {found[:12]}, and training stored "
                    f"{expected[:12]}: it was changed or damaged; train again"
                )
            return load_trusted(path)

    @contextmanager
    def _stored(self, model_uri: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(mlflow.artifacts.download_artifacts(model_uri, dst_path=scratch)) / _FILE
            if not path.is_file():
                raise TrainingError(f"{model_uri} has no {_FILE}: it was changed or damaged; train again")
            yield path

    def model_uri(self, run_id: str) -> str:
        """Return the address of the model that a run logged.

        Raises:
            TrainingError: when it logged none.
        """
        outputs = self.client.get_run(run_id).outputs
        if outputs is None or not outputs.model_outputs:
            raise TrainingError(f"run {run_id} has no model: it did not finish; start the training anew")
        return f"models:/{outputs.model_outputs[-1].model_id}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
