"""Tuning: which parameters a candidate gets, by cross-validation within the training rows."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.contract import Contract
from training.combinations import combinations
from training.data import Part
from training.errors import TrainingError
from training.estimator import build_estimator
from training.metrics import Numbers, errors
from training.proof import one_thread, predictor


@dataclass(frozen=True)
class Trial:
    """One set of parameters, and the mean error of the rows that were held out in turn."""

    parameters: dict[str, Any]
    error: float
    predicted: Numbers  # for each row by a model that was fitted without its fold, shape (n,)
    seconds: float


def tune(
    contract: Contract, name: str, part: Part, folds: NDArray[np.int64], trials: int | None = None
) -> tuple[Trial, list[Trial]]:
    """Return the best trial of a candidate, and all of them in order.

    Args:
        contract: whose candidate it is, and whose budget holds.
        name: of the candidate.
        part: training rows.
        folds: the fold of each row, shape (n,).
        trials: how many to make, whatever the time; None makes as many as the budget allows.

    Raises:
        TrainingError: when the rows are too few, or the candidate cannot be fitted to them.
    """
    budget, candidate = contract.training.tuning, contract.training.candidates[name]
    start = time.perf_counter()
    done: list[Trial] = []
    for parameters in combinations(candidate, trials or budget.trials, contract.training.seed):
        if done and trials is None and time.perf_counter() - start > budget.seconds:
            break
        done.append(_try(contract, name, parameters, part, folds))
    best = min(done, key=lambda trial: (not np.isfinite(trial.error), trial.error))  # the earlier one of equals
    return best, done


def learning_curve(
    contract: Contract, name: str, parameters: dict[str, Any], part: Part, folds: NDArray[np.int64]
) -> dict[int, float]:
    """Return the mean error on one fold by how many rows of the others were fitted: would more data help?"""
    held_out, others = part.take(folds == folds[0]), part.take(folds != folds[0])
    curve = {}
    for share in (0.25, 0.5, 0.75, 1.0):
        rows = others.take(np.arange(round(len(others) * share)))
        predicted = fit(contract, name, parameters, rows)(held_out.matrix)
        curve[len(rows)] = float(np.mean(errors(contract, held_out.target, predicted)))
    return curve


def fit(contract: Contract, name: str, parameters: dict[str, Any], rows: Part) -> Any:
    """Fit a candidate to rows and return its `predict`.

    Raises:
        TrainingError: when it cannot be fitted to them.
    """
    return predictor(fit_model(contract, name, parameters, rows))


def fit_model(contract: Contract, name: str, parameters: dict[str, Any], rows: Part) -> Any:
    """Fit a candidate to rows and return the scikit-learn model; see `fit`."""
    model = build_estimator(contract, name, parameters, rows.target)
    try:
        with one_thread():
            return model.fit(rows.matrix, rows.target)
    except ValueError as error:  # scikit-learn's word for a parameter's wrong value
        raise TrainingError(f"candidate {name!r} cannot be fitted: {error}") from error


def _try(contract: Contract, name: str, parameters: dict[str, Any], part: Part, folds: NDArray[np.int64]) -> Trial:
    start = time.perf_counter()
    predicted = np.full(len(part), np.nan)
    for fold in np.unique(folds):
        left, right = folds != fold, folds == fold
        if not left.any():
            raise TrainingError(f"{len(part)} training rows are too few for cross-validation: publish more data")
        predicted[right] = fit(contract, name, parameters, part.take(left))(part.matrix[right])
    error = float(np.mean(errors(contract, part.target, predicted)))
    return Trial(parameters, error, predicted, time.perf_counter() - start)
