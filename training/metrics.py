"""Measures of predictions, in the target's unit. A measure that is not defined is left out, never made up."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.bundle.format import Interval, Scale
from training.errors import TrainingError

Numbers = NDArray[np.float64]


def measure(actual: Numbers, predicted: Numbers) -> dict[str, float]:
    """Return mae and rmse in the target's unit, r2, and mean_abs_log_error where all values are positive.

    Args:
        actual: true values, shape (n,).
        predicted: predictions, shape (n,).

    Returns:
        The measures that are defined: none for no rows, no r2 when all true values are equal.
    """
    if not len(actual):
        return {}
    error = predicted - actual
    spread = float(np.sum((actual - actual.mean()) ** 2))
    measures = {"mae": float(np.mean(np.abs(error))), "rmse": float(np.sqrt(np.mean(error**2)))}
    if spread > 0:
        measures["r2"] = 1 - float(np.sum(error**2)) / spread
    if np.all(actual > 0) and np.all(predicted > 0):
        measures["mean_abs_log_error"] = float(np.mean(np.abs(np.log(predicted / actual))))
    return {name: value for name, value in measures.items() if math.isfinite(value)}


def conformal_interval(
    actual: Numbers, predicted: Numbers, level: float, transform: Literal["none", "log"]
) -> Interval:
    """Return the split-conformal interval: a new row is inside with a chance of at least `level`.

    The half width is the ceil((n + 1) * level)-th smallest absolute residual (of logarithms for a log target) of rows
    that the model was not fitted on: Lei et al. (2018), Distribution-Free Predictive Inference for Regression,
    doi:10.1080/01621459.2017.1307116.

    Raises:
        TrainingError: when there are too few rows for the level.
    """
    scale: Scale = "log" if transform == "log" else "identity"
    residuals = np.sort(np.abs(_on(scale, predicted) - _on(scale, actual)))
    rank = _ceil((len(residuals) + 1) * level)
    if rank > len(residuals):
        needed = _ceil(level / (1 - level))
        raise TrainingError(
            f"{len(residuals)} validation rows are too few for an interval of {level:.0%}, which needs {needed}: "
            "publish more data, or lower training.interval"
        )
    return Interval(level=level, scale=scale, half_width=float(residuals[rank - 1]))


def coverage(interval: Interval, actual: Numbers, predicted: Numbers) -> float:
    """Return the share of rows whose true value lies in the interval around its prediction."""
    residuals = np.abs(_on(interval.scale, predicted) - _on(interval.scale, actual))
    return float(np.mean(residuals <= interval.half_width))


def _ceil(value: float) -> int:
    return math.ceil(round(value, 9))  # 10 * 0.7 is 7, whatever binary fractions make of it


def _on(scale: Scale, values: Numbers) -> Numbers:
    return np.log(values) if scale == "log" else values
