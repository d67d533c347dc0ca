"""Evidently: the distances, the live error for its history, and its page. Importing it takes seconds."""

import os
import warnings
from typing import Any

os.environ.setdefault("DO_NOT_TRACK", "1")  # Evidently reads it on import: nothing is sent anywhere

import pandas as pd
from evidently import DataDefinition, Dataset, Regression, Report
from evidently.core.report import Snapshot
from evidently.metrics import MAE, RMSE, MeanError, MeanValue, R2Score, ValueDrift
from evidently.presets import DataDriftPreset
from evidently.tests import lte

from monitoring.findings import ColumnDrift
from monitoring.frames import HUGEST, is_numeric
from pipeline.contract import PREDICTION, Contract

__all__ = ["Snapshot", "load", "summarise", "take"]


def take(
    contract: Contract,
    compared: list[ColumnDrift],
    reference: pd.DataFrame,
    current: pd.DataFrame,
    held_out_mae: float,
    labels: dict[str, Any],
) -> Snapshot:
    """Compare two frames column by column, and predictions with the truth where there is any.

    Args:
        contract: says of which kind the columns are.
        compared: the columns to compare (at least one), each with its method and limit.
        reference: rows, shape (n, columns), in their normal form; each column holds values.
        current: rows, shape (m, columns), likewise.
        held_out_mae: of the served version, in the target's unit.
        labels: `timestamp`, `tags` and `metadata` by which the snapshot is found again.
    """
    limits = {item.column: item for item in compared}
    columns = [*limits, *_truth(contract, current)]
    numeric = [name for name in columns if name not in contract.features or is_numeric(contract.features[name])]
    definition = DataDefinition(
        numerical_columns=numeric,
        categorical_columns=[name for name in columns if name not in numeric],
        regression=_regression(contract, columns),
    )
    frames = [_harmless(frame[columns], numeric) for frame in (current, reference)]
    sides = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
    report = Report(_metrics(contract, limits, columns, held_out_mae), include_tests=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # correlations of columns that hold one value, and deprecations of its own
        return report.run(*sides, **labels)


def summarise(numbers: dict[str, float], labels: dict[str, Any]) -> Snapshot:
    """Make a snapshot of numbers that are known already, for the history's lines. `labels` as of `take`."""
    definition = DataDefinition(numerical_columns=list(numbers))
    row = Dataset.from_pandas(pd.DataFrame([numbers]), data_definition=definition)
    return Report([MeanValue(column=name) for name in numbers]).run(row, None, **labels)


def load(content: str) -> Snapshot:
    """Return a snapshot from what its `dumps` gave."""
    return Snapshot.loads(content)


def _harmless(frame: pd.DataFrame, numeric: list[str]) -> pd.DataFrame:
    """Return the frame without a `<` in its words, and without numbers whose square is none.

    Evidently writes words as they are into a script of its page, which a stranger's `</script>` would end; what follows
    it would run.
    """
    words = [str(name) for name in frame if name not in numeric]
    clean = {name: frame[name].str.replace("<", "\u2039", regex=False) for name in words}
    return frame.assign(**clean, **{name: frame[name].clip(-HUGEST, HUGEST) for name in numeric})


def _truth(contract: Contract, current: pd.DataFrame) -> list[str]:
    target = contract.target.name
    return [target] if target in current and current[target].count() > 1 else []  # R2 needs two


def _regression(contract: Contract, columns: list[str]) -> list[Regression] | None:
    known = contract.target.name in columns and PREDICTION in columns
    return [Regression(target=contract.target.name, prediction=PREDICTION)] if known else None


def _metrics(contract: Contract, limits: dict[str, ColumnDrift], columns: list[str], held_out_mae: float) -> list[Any]:
    features = [name for name in limits if name != PREDICTION]
    metrics: list[Any] = []
    if features:
        metrics += [
            DataDriftPreset(
                columns=features,
                drift_share=contract.monitoring.drifted_share,
                per_column_method={name: limits[name].method for name in features},
                per_column_threshold={name: limits[name].limit for name in features},
            )
        ]
    if PREDICTION in limits:
        limit = limits[PREDICTION]
        metrics += [ValueDrift(column=PREDICTION, method=limit.method, threshold=limit.limit)]
    if _regression(contract, columns):
        most = lte(held_out_mae * contract.monitoring.error_ratio)
        metrics += [
            MAE(mean_tests=[most], std_tests=[]),
            RMSE(tests=[]),
            R2Score(tests=[]),
            MeanError(mean_tests=[], std_tests=[]),
        ]
    return metrics
