"""Errors of predictions, row by row, where the truth is known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitoring.frames import HIGH, HUGEST, LOW
from pipeline.contract import PREDICTION, Contract

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """Arrays of one number a row, in the order of the rows."""

    error: Floats  # prediction minus truth
    truth: Floats
    scaled: Floats  # the error in the scale that the model is fitted in
    inside: Floats | None  # 1.0 where the answered interval holds the truth; None where there are no intervals

    def __len__(self) -> int:
        return len(self.error)

    @property
    def absolute(self) -> Floats:
        """How far off each prediction is."""
        return np.abs(self.error)


def judged(contract: Contract, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a prediction and their truth; none where the frame lacks either column."""
    names = [PREDICTION, contract.target.name]
    return frame.dropna(subset=names) if set(names) <= set(frame.columns) else frame.iloc[:0]


def errors_of(contract: Contract, rows: pd.DataFrame) -> Errors:
    """Return the errors of rows as `judged` gives them."""
    if rows.empty:
        nothing = np.empty(0)
        return Errors(nothing, nothing, nothing, nothing)
    prediction, truth = (_numbers(rows, name) for name in (PREDICTION, contract.target.name))
    return Errors(prediction - truth, truth, _scaled(contract, prediction, truth), _inside(rows, truth))


def is_relative(contract: Contract) -> bool:
    """Whether errors are compared as shares of the target: where the model fits its logarithm."""
    return contract.target.transform == "log"


def _scaled(contract: Contract, prediction: Floats, truth: Floats) -> Floats:
    if not is_relative(contract):
        return prediction - truth
    with np.errstate(divide="ignore", invalid="ignore"):  # an earlier contract may have allowed zero
        scaled = np.log(prediction) - np.log(truth)
    return np.where(np.isfinite(scaled), scaled, np.nan)


def _inside(rows: pd.DataFrame, truth: Floats) -> Floats | None:
    if not {LOW, HIGH} <= set(rows.columns):
        return None
    low, high = (_numbers(rows, name) for name in (LOW, HIGH))
    return ((low <= truth) & (truth <= high)).astype(np.float64)


def _numbers(rows: pd.DataFrame, name: str) -> Floats:
    values: Floats = np.clip(rows[name].to_numpy(dtype=np.float64), -HUGEST, HUGEST)
    return values
