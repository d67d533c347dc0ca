"""How numbers and metrics are written where people read them."""

import math
from collections.abc import Callable, Sequence

from pipeline.bootstrap import Estimate

NOT_DEFINED = "not defined"

# What a metric is called, and what it says.
METRICS = {
    "mae": ("Mean absolute error", "how far off a prediction is on average"),
    "rmse": ("Root mean squared error", "the same, with large errors weighing more"),
    "r2": ("R²", "share of the variance that is explained; 1 is perfect, 0 is no better than the mean"),
    "mean_abs_log_error": (
        "Mean absolute log error",
        "about the mean relative error, the same for too high and too low",
    ),
    "rmsle": ("Root mean squared log error", "of log(1 + value), with large errors weighing more"),
    "mape": ("Mean absolute percentage error", "the error as a share of the true value, on average"),
}


def metric(name: str) -> str:
    """Return what a metric is called; one that is not known here is called by its name."""
    return METRICS[name][0] if name in METRICS else name.replace("_", " ").capitalize()


def meaning(name: str) -> str:
    """Return what a metric says; empty for one that is not known here."""
    return METRICS[name][1] if name in METRICS else ""


def within(phrase: str) -> str:
    """Return a phrase as it stands in the middle of a sentence; an abbreviation such as R² stays as it is."""
    return phrase[0].lower() + phrase[1:] if phrase[1:2].islower() else phrase


def number(value: float | None, beside: float = 0.0) -> str:
    """Return a number with thousands separators and three digits that count; whole from 1,000 on.

    Args:
        value: not defined where it is None or not finite.
        beside: a number that it is compared with; both have the digits of the larger one.
    """
    if value is None or not math.isfinite(value):
        return NOT_DEFINED
    scale = max(abs(value), abs(beside))
    if scale and not 1e-6 <= scale < 1e15:
        return f"{value:.3g}"
    places = max(2 - math.floor(math.log10(scale)), 0) if scale else 0
    return f"{round(value, places) + 0.0:,.{places}f}"  # + 0.0: no -0


def signed(value: float) -> str:
    """Return a number with its sign."""
    return f"+{number(value)}" if value > 0 else number(value)


def percent(value: float | None, _beside: float = 0.0) -> str:
    """Return a share as measured, to a tenth of a percent, and never `100.0 %` for less than all."""
    if value is None or not math.isfinite(value):
        return NOT_DEFINED
    written = f"{100 * value:,.1f} %"
    return "over 99.9 %" if written == "100.0 %" and value < 1 else written


def change(value: float, _beside: float = 0.0) -> str:
    """Return a share by which something changes, in percent and with its sign."""
    return f"{100 * value:+,.1f} %"


def share(value: float) -> str:
    """Return a share of the contract in percent, as it is written there."""
    return f"{exactly(round(100 * value, 9))} %"


def span(low: float | None, high: float | None, write: Callable[[float, float], str] = number) -> str:
    """Return two ends, such as `12.0 to 15.5`; not defined where one is missing. `write` gets an end and the other."""
    return NOT_DEFINED if low is None or high is None else f"{write(low, high)} to {write(high, low)}"


def limits(minimum: float | None, maximum: float | None, write: Callable[[float], str]) -> str:
    """Return a range, either side of which may be open; empty where both are."""
    if minimum is not None and maximum is not None:
        return f"{write(minimum)} to {write(maximum)}"
    if minimum is not None:
        return f"at least {write(minimum)}"
    return "" if maximum is None else f"at most {write(maximum)}"


def exactly(value: float) -> str:
    """Return a number of the contract: whole ones with thousands separators, others as they are."""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.15g}"


def count(of: int, noun: str) -> str:
    """Return how many there are of something, such as `1 row` and `1,200 rows`."""
    return f"{of:,} {noun}" if of == 1 else f"{of:,} {noun}s"


def listed(names: Sequence[str], most: int = 12, between: str = ", ") -> str:
    """Return names one after the other; of many, the first ones and how many more there are."""
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return between.join(names[:most]) + rest


def below(coverage: float, level: float) -> bool:
    """Return whether a coverage is less than its nominal level, as both are written."""
    return round(coverage, 3) < level


def compared_with(found: Estimate, level: float) -> str:
    """Return how a coverage stands to its nominal level, as the end of a sentence."""
    if found.low is None or found.high is None:
        return "how sure that is, is not defined"
    if found.high < level:
        return "fewer than promised, and by more than chance explains"
    if found.low > level:
        return "more than promised: the intervals are wider than they need be"
    return "fewer than promised, by no more than chance may do" if below(found.value, level) else "as promised"
