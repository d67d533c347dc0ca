"""How training keeps its runs in MLflow, so that a stage that is repeated finds what it did before."""

import pipeline.quiet  # noqa: F401 (before MLflow)

# isort: split
import hashlib
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run
from sklearn.base import BaseEstimator

from pipeline.contract import Contract
from pipeline.encode import Matrix
from pipeline.model_registry import connect, ensure_experiment
from pipeline.settings import Settings
from training.errors import TrainingError
from training.proof import predictor

with warnings.catch_warnings():
    # It looks every SciPy function up in every loaded module. Inside a task of Airflow, whose moved modules warn at
    # each look, that were a thousand lines of log and some seconds.
    warnings.simplefilter("ignore")
    import skops.io

MODEL = "model"  # what a run calls the scikit-learn model that it logged
_KEY = "mlops.key"
# What skops may load beside its own list: arrays' types and scikit-learn's compiled trees, which hold numbers only.
_TRUSTED = [
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]
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

    def create(self, key: str, name: str, tags: dict[str, str]) -> str:
        """Make a run that `find` finds again, and return its id."""
        run = self.client.create_run(self._experiment, tags={_KEY: key, **tags}, run_name=name)
        return str(run.info.run_id)

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

    def log_data(self, run_id: str, name: str, digest: str, source: dict[str, Any], profile: dict[str, Any]) -> None:
        """Record which data a run is made of."""
        dataset = Dataset(name, digest, "git+dvc", json.dumps(source), profile=json.dumps(profile))
        self.client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])

    def log_model(self, model: BaseEstimator, features: Matrix) -> None:
        """Record a fitted model in the run that is being recorded, given some encoded rows as example.

        Raises:
            MlflowException: when the model holds a type that is not on the list of those that may be loaded.
        """
        mlflow.sklearn.log_model(
            model,
            name=MODEL,
            signature=mlflow.models.infer_signature(features, predictor(model)(features)),
            pip_requirements=_REQUIREMENTS,
            serialization_format="skops",
            skops_trusted_types=_TRUSTED,
        )

    def load_model(self, run_id: str) -> BaseEstimator:
        """Return the fitted model of a run.

        Not by MLflow's own loader, which trusts the types that the stored model itself names.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = mlflow.artifacts.download_artifacts(self.model_uri(run_id), dst_path=scratch)
            return skops.io.load(Path(folder) / "model.skops", trusted=_TRUSTED)

    def model_uri(self, run_id: str) -> str:
        """Return the address of the model that a run logged.

        Raises:
            TrainingError: when it logged none.
        """
        outputs = self.client.get_run(run_id).outputs
        if outputs is None or not outputs.model_outputs:
            raise TrainingError(f"run {run_id} has no model: it did not finish; start the training anew")
        return f"models:/{outputs.model_outputs[-1].model_id}"
