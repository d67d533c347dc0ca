"""The released scikit-learn model for MLflow's own server, asked as our service is: one record, fields by name."""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from benchmarks.training_ours import contract
from pipeline.encode import Encoder
from training.tracking import Tracker


class Named(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Encodes named fields, as every pipeline that takes a data frame has to, and asks the model."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def load_context(self, context: Any) -> None:  # noqa: ARG002 (the interface is MLflow's)
        """Make what is not stored."""
        self._encoder = Encoder(contract())

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:  # noqa: ARG002
        """Return one number a row."""
        return self._model.predict(self._encoder.columns(model_input))  # type: ignore[arg-type]


def save_named(tracker: Tracker, run_id: str, folder: Path) -> Path:
    """Store the model of a run so that `mlflow models serve` takes it; return where."""
    mlflow.pyfunc.save_model(folder / "named", python_model=Named(tracker.load_model(run_id)))
    return folder / "named"
