"""What the gate calls metrics, and how it writes their values."""

import math

from pipeline.contract import Contract
from training.metrics import error_name
from training.units import PERCENT, PLAIN, Unit

_TITLES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R2",
    "mean_abs_log_error": "mean |log error|",
    "rmsle": "RMSLE",
    "mape": "MAPE",
}
_IN_TARGET_UNITS = ("mae", "rmse")


def title_of(metric: str) -> str:
    """Return what people call a metric."""
    return _TITLES.get(metric, metric)


def unit_of(contract: Contract, metric: str) -> Unit:
    """Return how a metric is written."""
    unit = contract.target.unit if metric in _IN_TARGET_UNITS else None
    return Unit(f" {unit}") if unit else PLAIN


def error_title(contract: Contract) -> str:
    """Return what people call the error that models are compared by."""
    return title_of(error_name(contract))


def error_unit(contract: Contract) -> Unit:
    """Return how that error is written."""
    return unit_of(contract, error_name(contract))


def or_undefined(value: float | None, unit: Unit = PLAIN) -> str:
    """Return the number with its unit, or that it is not defined."""
    return "undefined" if value is None or not math.isfinite(value) else unit.value(value)


def moved(share: float | None) -> str:
    """Return how an error changes, after its name."""
    if share is None or not math.isfinite(share):
        return "changes by an undefined share"
    return f"{'grows' if share > 0 else 'falls'} by {PERCENT.value(abs(share))}"
