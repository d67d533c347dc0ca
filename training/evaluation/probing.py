"""What checks of robustness, importance and explanations share: changed rows, predicted in few calls."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.bundle.parity import Predict
from pipeline.contract import Column, Contract, IntegerColumn, NumberColumn
from pipeline.encode import Matrix
from training.data import Part
from training.metrics import error_name

Numbers = NDArray[np.float64]
# One column of all rows, and what it is set to: one value, or one for each row.
Change = tuple[int, float | Matrix]

_AT_ONCE = 50_000  # rows in one call: a call costs milliseconds, and a million wide rows a gigabyte


def some(part: Part, most: int, seed: int) -> Part:
    """Return at most so many rows of a part, drawn at random, in their order."""
    if len(part) <= most:
        return part
    drawn = np.random.default_rng(seed).choice(len(part), most, replace=False)
    return part.take(np.sort(drawn))


def predict_all(predict: Predict, rows: Matrix) -> Numbers:
    """Return the predictions of any number of rows, shape (n,); none for none."""
    found = [predict(rows[start : start + _AT_ONCE]) for start in range(0, len(rows), _AT_ONCE)]
    return np.concatenate([np.empty(0), *found])


def predict_changed(predict: Predict, rows: Matrix, changes: Sequence[Change]) -> Numbers:
    """Return the predictions of the same rows after each change, shape (changes, rows)."""
    together = max(_AT_ONCE // len(rows), 1)
    found = [
        _predict_block(predict, rows, changes[start : start + together]) for start in range(0, len(changes), together)
    ]
    return np.concatenate([np.empty((0, len(rows))), *found])


def _predict_block(predict: Predict, rows: Matrix, changes: Sequence[Change]) -> Numbers:
    block = np.repeat(rows[None], len(changes), axis=0)
    for changed, (column, values) in zip(block, changes, strict=True):
        changed[:, column] = values
    return predict(block.reshape(-1, rows.shape[1])).reshape(len(changes), len(rows))


def numeric(contract: Contract) -> dict[int, NumberColumn | IntegerColumn]:
    """Return the features that are numbers, by their place in the matrix."""
    columns: list[Column] = list(contract.features.values())
    return {place: one for place, one in enumerate(columns) if isinstance(one, NumberColumn | IntegerColumn)}


def spread(values: Matrix | Numbers) -> float:
    """Return how far values lie apart: the inter-quartile range, or the standard deviation where that is zero."""
    present = values[np.isfinite(values)].astype(np.float64)
    if not len(present) or present.min() == present.max():
        return 0.0
    low, high = np.quantile(present, (0.25, 0.75))
    return float(high - low) or float(np.std(present))


def within(column: NumberColumn | IntegerColumn, values: Numbers) -> Numbers:
    """Return the nearest values that the contract allows: between its limits, and whole where it says so."""
    low = -math.inf if column.minimum is None else column.minimum
    high = math.inf if column.maximum is None else column.maximum
    if isinstance(column, IntegerColumn):
        return np.clip(np.rint(values), np.ceil(low), np.floor(high))
    return np.clip(values, low, high)


def share(contract: Contract, change: Numbers, before: Numbers, targets: Numbers) -> Numbers:
    """Return changes of predictions as shares, of any shape.

    Args:
        contract: where its target can be zero or negative, a share of a prediction would mean nothing.
        change: in the target's unit.
        before: the predictions that changed, of which a share is taken.
        targets: of the training rows; their spread is what a share is taken of otherwise.
    """
    relative = error_name(contract) == "mean_abs_log_error"
    return change / (np.abs(before) if relative else spread(targets))


def share_name(contract: Contract) -> str:
    """Return what `share` takes a share of."""
    return "the prediction" if error_name(contract) == "mean_abs_log_error" else "the training target's spread"


def not_finite(found: Numbers) -> str:
    """Return how many of the numbers are not finite, in words; empty where all are."""
    wrong = found.size - int(np.isfinite(found).sum())
    return f"{wrong:,} of {found.size:,} predictions are no finite numbers" if wrong else ""


def worst_place(values: Numbers) -> int:
    """Return the place of the largest of values of shape (n,); one that is not defined is larger than any."""
    return int(np.argmax(np.where(np.isfinite(values), values, math.inf)))
