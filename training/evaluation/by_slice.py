"""How a model does on groups of rows: those that the contract names, the worst of them, and the newest rows."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from fairlearn.metrics import MetricFrame
from numpy.typing import NDArray

from pipeline.bundle.format import Interval
from pipeline.contract import Contract
from pipeline.slices import Labels, slice_groups, slice_labels
from training.conformal import covered, width
from training.data import Part, recent
from training.evaluation.document import SliceResult
from training.metrics import measure, names_of

Numbers = NDArray[np.float64]

WINDOW = "window"  # what the newest rows are cut by


def evaluate_slices(contract: Contract, part: Part, predicted: Numbers, interval: Interval) -> list[SliceResult]:
    """Return the results of every group that a sliced column can have, in the contract's order; empty ones as well.

    Args:
        contract: names the columns.
        part: rows that the model was not fitted on.
        predicted: their predictions, shape (rows,).
        interval: of the model's predictions.
    """
    labels = slice_labels(contract, part.frame)
    results = []
    for column, groups in slice_groups(contract).items():
        found = _by_label(contract, part.target, predicted, interval, labels[column])
        nothing = _result(contract, part.target[:0], predicted[:0], interval)
        results += [found.get(group, nothing).model_copy(update={"column": column, "group": group}) for group in groups]
    return results


def worst_slice(contract: Contract, slices: Sequence[SliceResult], error: str) -> SliceResult | None:
    """Return the slice whose error is the largest, of those with enough rows; one that has no error is the worst."""
    counted = [one for one in slices if one.rows >= contract.gate.slice_rows]
    return max(counted, key=lambda one: one.metrics.get(error, math.inf), default=None)


def recent_slice(contract: Contract, part: Part, predicted: Numbers, interval: Interval) -> SliceResult | None:
    """Return the result of the last windows' rows; None where all rows are of one window."""
    if len(np.unique(part.windows)) < 2:
        return None
    newest = recent(part, contract.gate.recent_rows)
    windows = len(np.unique(part.windows[newest]))
    group = "the last window" if windows == 1 else f"the last {windows} windows"
    found = _result(contract, part.target[newest], predicted[newest], interval)
    return found.model_copy(update={"column": WINDOW, "group": group})


def _by_label(
    contract: Contract, actual: Numbers, predicted: Numbers, interval: Interval, labels: Labels
) -> dict[str, SliceResult]:
    """Return each group's result; fairlearn copies rows one by one for each function, so it gets one for all."""

    def result(actual: Numbers, predicted: Numbers) -> SliceResult:
        return _result(contract, actual, predicted, interval)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it compares the groups as well, and these results are no numbers
        frame = MetricFrame(metrics=result, y_true=actual, y_pred=predicted, sensitive_features=labels)
    found: dict[str, SliceResult] = frame.by_group.to_dict()
    return found


def _result(contract: Contract, actual: Numbers, predicted: Numbers, interval: Interval) -> SliceResult:
    """Return a result whose column and group are still to be named; what is not defined is left out."""
    with np.errstate(all="ignore"):
        return SliceResult(
            column="",
            group="",
            rows=len(actual),
            metrics=measure(actual, predicted, names_of(contract)),
            coverage=_mean(covered(interval, actual, predicted)),
            width=_mean(width(interval, predicted)),
        )


def _mean(values: NDArray[np.float64 | np.bool_]) -> float | None:
    mean = float(np.mean(values)) if len(values) else math.nan
    return mean if math.isfinite(mean) else None
