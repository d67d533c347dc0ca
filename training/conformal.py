"""The prediction interval, by split conformal prediction: calibrated on rows that neither fit nor choice has seen."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.bundle.format import Interval, Scale
from training.errors import TrainingError

Numbers = NDArray[np.float64]


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
    return float(np.mean(covered(interval, actual, predicted)))


def covered(interval: Interval, actual: Numbers, predicted: Numbers) -> NDArray[np.bool_]:
    """Return whether each row's true value lies in the interval around its prediction, shape (n,)."""
    return np.abs(_on(interval.scale, predicted) - _on(interval.scale, actual)) <= interval.half_width


def width(interval: Interval, predicted: Numbers) -> Numbers:
    """Return how wide the interval around each prediction is, in the target's unit, shape (n,)."""
    if interval.scale == "identity":
        return np.full(len(predicted), 2 * interval.half_width)
    return predicted * float(2 * np.sinh(interval.half_width))


def _ceil(value: float) -> int:
    return math.ceil(round(value, 9))  # 10 * 0.7 is 7, whatever binary fractions make of it


def _on(scale: Scale, values: Numbers) -> Numbers:
    return np.log(values) if scale == "log" else values
