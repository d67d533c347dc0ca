"""What each feature adds to single predictions: Shapley values, sampled (Strumbelj & Kononenko 2014).

A feature's value is the mean change of the prediction when the feature comes to those that are already the row's own,
over random orders; what is not yet the row's own is a background row's. doi:10.1007/s10115-013-0679-x, algorithm 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.bundle.parity import Predict
from pipeline.contract import Contract
from pipeline.encode import Matrix
from training.data import Part
from training.evaluation.document import Contribution, Explained
from training.evaluation.probing import predict_all
from training.evaluation.readable import feature_value
from training.metrics import errors

Numbers = NDArray[np.float64]

BACKGROUND = 200  # rows that suffice: a feature's value is a mean over twice as many orders
_AT_ONCE = 100_000_000  # bytes of rows


@dataclass(frozen=True)
class Shapley:
    """A prediction taken apart: base + all effects = predicted, but for the rounding of a float."""

    predicted: float
    base: float  # mean prediction of the background
    effects: Numbers  # shape (features,)


@np.errstate(all="ignore")  # what is not finite is left out below
def explain(contract: Contract, predict: Predict, part: Part, background: Matrix, seed: int) -> list[Explained]:
    """Explain three rows: the median prediction, the largest error and the highest prediction.

    Args:
        contract: names the features, and what their values are called.
        predict: the model, from encoded rows to the target's unit.
        part: rows that the model was not fitted on.
        background: encoded training rows that the rows are compared with, shape (n, features).
        seed: of the orders.

    Returns:
        Those whose prediction and effects are finite.
    """
    predicted = predict_all(predict, part.matrix)
    explained = []
    for title, row in _choose(contract, part, predicted).items():
        found = shapley_values(predict, part.matrix[row], background, seed)
        if np.isfinite(found.effects).all():
            explained.append(_explained(contract, title, part, row, found))
    return explained


def shapley_values(predict: Predict, row: Matrix, background: Matrix, seed: int) -> Shapley:
    """Return the sampled Shapley values of one encoded row, shape (features,).

    Every background row is used once with a random order and once with its reverse, whose errors cancel in part.
    All steps from a background row to the row add up to the difference of their predictions, whatever the order.
    """
    predicted = float(predict(row[None])[0])
    base = predict_all(predict, background)
    ranks = np.random.default_rng(seed).permuted(np.tile(np.arange(len(row)), (len(background), 1)), axis=1)
    both = np.concatenate([ranks, len(row) - 1 - ranks])
    walks = np.empty((len(both), len(row) + 1))
    walks[:, 0], walks[:, -1] = np.tile(base, 2), predicted
    walks[:, 1:-1] = _walk(predict, row, np.tile(background, (2, 1)), both)
    effects = np.take_along_axis(np.diff(walks, axis=1), both, axis=1)
    return Shapley(predicted, float(np.mean(base)), np.mean(effects, axis=0))


def _walk(predict: Predict, row: Matrix, others: Matrix, ranks: NDArray[np.int64]) -> Numbers:
    """Return predictions between two rows, shape (n, features - 1): after k + 1 features have become the row's own."""
    steps = np.arange(1, len(row))
    together = max(_AT_ONCE // max(4 * len(row) * len(steps), 1), 1)
    found = []
    for start in range(0, len(others), together):
        own = ranks[start : start + together, None, :] < steps[None, :, None]
        mixed = np.where(own, row, others[start : start + together, None, :])
        found.append(predict_all(predict, mixed.reshape(-1, len(row))).reshape(len(mixed), len(steps)))
    return np.concatenate(found)


def _choose(contract: Contract, part: Part, predicted: Numbers) -> dict[str, int]:
    finite = np.flatnonzero(np.isfinite(predicted))
    if not len(finite):
        return {}
    order = finite[np.argsort(predicted[finite], kind="stable")]
    wrong = np.nan_to_num(errors(contract, part.target, predicted)[finite], nan=np.inf)
    return {
        "The median prediction": int(order[(len(order) - 1) // 2]),
        "The largest error": int(finite[np.argmax(wrong)]),
        "The highest prediction": int(order[-1]),
    }


def _explained(contract: Contract, title: str, part: Part, row: int, found: Shapley) -> Explained:
    record = part.frame.iloc[row]
    contributions = [
        Contribution(feature=name, value=feature_value(column, record[name]), effect=float(effect))
        for (name, column), effect in zip(contract.features.items(), found.effects, strict=True)
    ]
    return Explained(
        title=title,
        actual=float(part.target[row]),
        predicted=found.predicted,
        base=found.base,
        contributions=sorted(contributions, key=lambda one: -abs(one.effect)),
    )
