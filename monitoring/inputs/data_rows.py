"""The rows of data versions that monitoring looks at, in the normal form."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitoring.frames import normal_form
from pipeline.bundle.load import load_bundle
from pipeline.contract import PREDICTION, SPLIT, Contract
from pipeline.errors import PipelineError
from pipeline.model_registry import fetch_bundle
from pipeline.release_log import Release
from pipeline.settings import Settings


@dataclass(frozen=True)
class Reference:
    """The served version's data, and why its model could not be asked; empty where it was."""

    rows: pd.DataFrame
    away: str = ""


def reference_rows(contract: Contract, settings: Settings, served: Release, rows: pd.DataFrame) -> Reference:
    """Return the served version's data. Only test rows carry a prediction and the truth.

    On rows that it was fitted on, a model is better than it is, and its predictions lie differently. Where the model
    registry does not have the version any more, or is away, no row carries a prediction.
    """
    held_out = rows[SPLIT] == "test"
    predictions, away = pd.Series(np.nan, index=rows.index, dtype="float64"), ""
    if held_out.any():
        try:
            predictions[held_out] = _predict(settings, served, rows[held_out])
        except PipelineError as error:
            away = " ".join(str(error).split())
    # An older contract may have called the target otherwise.
    truth = rows.reindex(columns=[contract.target.name])[contract.target.name].astype("float64")
    added = {PREDICTION: predictions, contract.target.name: truth.where(held_out)}
    return Reference(normal_form(contract, rows).assign(**added), away)


def new_rows(contract: Contract, newest: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the newest data that the known data does not have; a row that stands twice counts twice."""
    before = set(_identities(contract, known))
    added = [identity not in before for identity in _identities(contract, newest)]
    return normal_form(contract, newest[added])


def _predict(settings: Settings, served: Release, rows: pd.DataFrame) -> NDArray[np.float64]:
    with tempfile.TemporaryDirectory(prefix="mlops-monitoring-") as folder:
        target = Path(folder) / "bundle"
        fetch_bundle(settings, served.run_id, served.bundle_digest, target)
        bundle = load_bundle(target)
        return bundle.predict(bundle.encoder.columns(rows))  # type: ignore[arg-type]  # series are sequences


def _identities(contract: Contract, rows: pd.DataFrame) -> list[tuple[int, int]]:
    others = [name for name in contract.batch_columns if name not in contract.features and name in rows.columns]
    whole = normal_form(contract, rows).join(rows[others].astype("str"))
    content = pd.Series(pd.util.hash_pandas_object(whole, index=False).to_numpy())
    return list(zip(content, content.groupby(content).cumcount(), strict=True))
