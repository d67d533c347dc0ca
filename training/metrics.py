"""Measures of predictions. A measure that is not defined is left out, never made up."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.bootstrap import Estimate, estimate
from pipeline.contract import Contract

Numbers = NDArray[np.float64]


def mae(actual: Numbers, predicted: Numbers, axis: int = -1) -> Any:
    """Mean absolute error, in the target's unit."""
    return np.mean(np.abs(predicted - actual), axis=axis)


def rmse(actual: Numbers, predicted: Numbers, axis: int = -1) -> Any:
    """Root of the mean squared error, in the target's unit."""
    return np.sqrt(np.mean((predicted - actual) ** 2, axis=axis))


def r2(actual: Numbers, predicted: Numbers, axis: int = -1) -> Any:
    """Share of the target's variance that is explained; not finite where all true values are equal."""
    left = np.sum((predicted - actual) ** 2, axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - left / np.sum((actual - np.mean(actual, axis=axis, keepdims=True)) ** 2, axis=axis)


def mean_abs_log_error(actual: Numbers, predicted: Numbers, axis: int = -1) -> Any:
    """Mean |log(predicted / actual)|: about the mean relative error, the same for too high and too low."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.mean(np.abs(np.log(predicted / actual)), axis=axis)


def rmsle(actual: Numbers, predicted: Numbers, axis: int = -1) -> Any:
    """Root mean squared error of log(1 + value)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(np.mean((np.log1p(predicted) - np.log1p(actual)) ** 2, axis=axis))


def mape(actual: Numbers, predicted: Numbers, axis: int = -1) -> Any:
    """Mean absolute error as a share of the true value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.mean(np.abs(predicted - actual) / np.abs(actual), axis=axis)


METRICS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (mae, rmse, r2, mean_abs_log_error, rmsle, mape)
}
_ABSOLUTE = ("mae", "rmse", "r2")


def names_of(contract: Contract) -> tuple[str, ...]:
    """Return the metrics that the target's range allows: relative ones need true values above zero."""
    least = contract.target.minimum
    relative = ("mean_abs_log_error", "mape") if least is not None and least > 0 else ()
    return (*_ABSOLUTE, *relative, *(("rmsle",) if least is not None and least >= 0 else ()))


def error_name(contract: Contract) -> str:
    """Return the metric by which models are chosen and compared: of logarithms, where the target allows it."""
    return "mean_abs_log_error" if "mean_abs_log_error" in names_of(contract) else "mae"


def errors(contract: Contract, actual: Numbers, predicted: Numbers) -> Numbers:
    """Return each row's error, shape (n,), whose mean is the metric called `error_name`."""
    if error_name(contract) == "mae":
        return np.abs(predicted - actual)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.abs(np.log(predicted / actual))


def measure(actual: Numbers, predicted: Numbers, names: Iterable[str] = _ABSOLUTE) -> dict[str, float]:
    """Return metrics by name.

    Args:
        actual: true values, shape (n,).
        predicted: predictions, shape (n,).
        names: which ones; see `names_of`.

    Returns:
        Those that are defined: none for no rows, no r2 when all true values are equal.
    """
    if not len(actual):
        return {}
    measured = {name: float(METRICS[name](actual, predicted)) for name in names}
    return {name: value for name, value in measured.items() if math.isfinite(value)}


def measure_surely(
    actual: Numbers, predicted: Numbers, names: Iterable[str] = _ABSOLUTE, seed: int = 0
) -> dict[str, Estimate]:
    """Return the same metrics as `measure`, each with its bootstrap interval over the rows."""
    found = {name: estimate(METRICS[name], actual, predicted, seed=seed) for name in names}
    return {name: one for name, one in found.items() if one is not None}
