"""One row from record to number, as the service does it, beside scikit-learn on a one-row data frame.

The rival is what most services do: the same features in a data frame, a `ColumnTransformer`, the same boosting. Both
are fitted on the default data here and answer the same rows, in turns; medians of five rounds.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from benchmarks.ingestion_ours import CONTRACT, ROOT, accepted
from benchmarks.table import Figure
from ingestion.files import load_table
from pipeline.bundle.convert import to_onnx
from pipeline.bundle.load import open_session
from pipeline.contract import load_contract
from pipeline.data_content import to_frame
from pipeline.encode import Encoder
from pipeline.records import to_record
from training.estimator import build_estimator

ROWS, ROUNDS, CANDIDATE = 200, 5, "gradient_boosting"
TITLE = "one prediction"


def measure(full: bool = False) -> list[Figure]:  # noqa: ARG001 (there is no longer form of it)
    """Return microseconds a row, ours and the rival's."""
    contract = load_contract(CONTRACT)
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        frame = to_frame(load_table(accepted(ROOT / contract.ingestion.source, Path(folder)).uri))
    target = frame[contract.target.name].to_numpy(dtype=float)
    records = [to_record(contract, row) for row in frame.head(ROWS).to_dict("records")]
    ours = _ours(contract, frame, target)
    rival = _rival(contract, frame, target)
    rounds = [(_microseconds(ours, records), _microseconds(rival, records)) for _ in range(ROUNDS)]
    mine, theirs = (statistics.median(values) for values in zip(*rounds, strict=True))
    return [
        Figure(TITLE, "record -> encoder -> ONNX Runtime", mine, "us a row"),
        Figure(TITLE, "record -> data frame -> scikit-learn", theirs, "us a row"),
        Figure(TITLE, "faster than scikit-learn", theirs / mine),
    ]


def _ours(contract: Any, frame: pd.DataFrame, target: Any) -> Callable[[dict[str, Any]], float]:
    encoder = Encoder(contract)
    model = build_estimator(contract, CANDIDATE).fit(encoder.columns(frame), target)
    session = open_session(to_onnx(model, len(encoder.names)))
    name = session.get_inputs()[0].name
    return lambda record: float(np.exp(session.run(None, {name: encoder.record(record)})[0]).item())


def _rival(contract: Any, frame: pd.DataFrame, target: Any) -> Callable[[dict[str, Any]], float]:
    words = [name for name, column in contract.features.items() if column.type == "category"]
    numbers = [name for name in contract.features if name not in words]
    features = _typed(frame[[*numbers, *words]], numbers)
    prepare = make_column_transformer((SimpleImputer(), numbers), (OneHotEncoder(handle_unknown="ignore"), words))
    parameters = contract.training.candidates[CANDIDATE].parameters
    model = make_pipeline(prepare, GradientBoostingRegressor(**parameters)).fit(features, np.log(target))
    return lambda record: float(np.exp(model.predict(_typed(pd.DataFrame([record]), numbers))).item())


def _typed(frame: pd.DataFrame, numbers: list[str]) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(numbers, float))


def _microseconds(predict: Callable[[dict[str, Any]], float], records: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    for record in records:
        predict(record)
    return (time.perf_counter() - started) / len(records) * 1e6
