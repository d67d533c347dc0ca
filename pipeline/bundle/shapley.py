"""What each feature adds to a single prediction: Shapley values, sampled (Strumbelj & Kononenko 2014).

A feature's value is the mean change of the prediction when the feature comes to those that are already the row's own,
over random orders; what is not yet the row's own is a background row's. doi:10.1007/s10115-013-0679-x, algorithm 1.
NumPy only: training evaluates with it, and the service explains its answers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.bundle.parity import Predict
from pipeline.encode import Matrix

Numbers = NDArray[np.float64]

_BYTES = 100_000_000  # of rows in one call of the model
_ROWS = 50_000


@dataclass(frozen=True)
class Shapley:
    """A prediction taken apart: base + all effects = predicted, but for the rounding of a float."""

    predicted: float
    base: float  # mean prediction of the background
    effects: Numbers  # shape (features,)


def shapley_values(predict: Predict, row: Matrix, background: Matrix, seed: int) -> Shapley:
    """Return the sampled Shapley values of one encoded row, shape (features,).

    Every background row is used once with a random order and once with its reverse, whose errors cancel in part.
    All steps from a background row to the row add up to the difference of their predictions, whatever the order.

    Args:
        predict: the model, from encoded rows to the target's unit.
        row: shape (features,).
        background: encoded rows that the row is compared with, shape (n, features).
        seed: of the orders.
    """
    predicted, base = float(predict(row[None])[0]), predict(background)
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
    if not len(steps):  # a single feature has nothing in between
        return np.empty((len(others), 0))
    together = max(min(_BYTES // (4 * len(row)), _ROWS) // len(steps), 1)
    found = []
    for start in range(0, len(others), together):
        own = ranks[start : start + together, None, :] < steps[None, :, None]
        mixed = np.where(own, row, others[start : start + together, None, :])
        found.append(predict(mixed.reshape(-1, len(row))).reshape(len(mixed), len(steps)))
    return np.concatenate(found)
