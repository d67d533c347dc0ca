"""All that is known of a model, measured once on the test rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.bootstrap import Estimate, estimate
from pipeline.bundle.format import Interval
from pipeline.bundle.parity import Predict
from pipeline.contract import Contract
from pipeline.split import SplitName
from training.conformal import covered, width
from training.data import Part
from training.errors import TrainingError
from training.evaluation.by_slice import evaluate_slices, recent_slice, worst_slice
from training.evaluation.document import Evaluation
from training.evaluation.importance import permutation_importance
from training.evaluation.probing import predict_all, some
from training.evaluation.robustness import check_robustness
from training.evaluation.shapley import BACKGROUND, explain
from training.metrics import error_name, measure, measure_surely, names_of

Numbers = NDArray[np.float64]


def assess(contract: Contract, predict: Predict, parts: Mapping[SplitName, Part], interval: Interval) -> Evaluation:
    """Evaluate a model on the test rows.

    Args:
        contract: says which metrics its target allows, the slices and the limits.
        predict: the model, from encoded rows to the target's unit.
        parts: the data version's splits; the model was fitted on `train` and chosen by it.
        interval: calibrated on `validation`.

    Raises:
        TrainingError: when no prediction is a finite number.
    """
    train, test = parts["train"], parts["test"]
    seed, names, error = contract.training.seed, names_of(contract), error_name(contract)
    predicted = predict_all(predict, test.matrix)
    slices = evaluate_slices(contract, test, predicted, interval)
    return Evaluation(
        error=error,
        rows=len(test),
        metrics=measure_surely(test.target, predicted, names, seed),
        dummy=measure(test.target, np.full(len(test), np.median(train.target)), names),
        interval=interval,
        coverage=_coverage(interval, test.target, predicted, seed),
        width=_mean_width(interval, predicted),
        slices=slices,
        worst=worst_slice(contract, slices, error),
        recent=recent_slice(contract, test, predicted, interval),
        robustness=check_robustness(contract, predict, test, train),
        importance=permutation_importance(contract, predict, test),
        explained=explain(contract, predict, test, some(train, BACKGROUND, seed).matrix, seed),
    )


def _coverage(interval: Interval, actual: Numbers, predicted: Numbers, seed: int) -> Estimate | None:
    """Return the share of rows in the interval; a prediction that is no number covers nothing."""
    with np.errstate(all="ignore"):
        inside = covered(interval, actual, predicted).astype(np.float64)
    return estimate(_mean, inside, seed=seed)


def _mean(values: Numbers, axis: int = -1) -> Any:
    return np.mean(values, axis=axis)


def _mean_width(interval: Interval, predicted: Numbers) -> float:
    finite = predicted[np.isfinite(predicted)]
    if not len(finite):
        raise TrainingError(f"none of the {len(predicted):,} predictions of test rows is a finite number")
    return float(np.mean(width(interval, finite)))
