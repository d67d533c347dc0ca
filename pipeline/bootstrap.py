"""How sure a number is: bootstrap intervals over rows, by percentiles (Efron & Tibshirani 1993, chapter 13)."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipeline.contract.base import Section

Numbers = NDArray[np.float64]
# Takes the columns and the axis that rows lie on, and gives one number for each draw.
Statistic = Callable[..., Numbers]

CONFIDENCE = 0.95
_DRAWS = 2_000
_TAIL = 20  # draws that lie beyond a bound, at least: what is estimated by fewer is noise itself
_NUMBERS = 20_000_000  # that are drawn in all: many rows need fewer draws for the same certainty
_AT_ONCE = 4_000_000


class Estimate(Section):
    """A number and the ends of its 95 % bootstrap interval, both None where they are not defined."""

    value: float
    low: float | None
    high: float | None


def estimate(statistic: Statistic, *columns: Numbers, seed: int = 0) -> Estimate | None:
    """Return a statistic of rows with its interval; None where the statistic is not finite.

    Args:
        statistic: vectorised, `statistic(*columns, axis)`.
        columns: arrays of shape (n,) that belong together row by row.
        seed: of the draws; the same rows and seed give the same interval.
    """
    value = float(statistic(*columns, axis=-1)) if len(columns[0]) else math.nan
    if not math.isfinite(value):
        return None
    low, high = _bounds(statistic, columns, CONFIDENCE, "two-sided", seed)
    return Estimate(value=value, low=low, high=high)


def lower_bound(statistic: Statistic, *columns: Numbers, confidence: float, seed: int = 0) -> float | None:
    """Return the one-sided lower bound of a statistic of rows; None where it is not defined."""
    return _bounds(statistic, columns, confidence, "greater", seed)[0]


def intervals(
    statistic: Statistic, *columns: Numbers, paired: bool = True, confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[Numbers, Numbers]:
    """Return the two ends of each of the numbers that a statistic gives, NaN where one is not defined.

    Args:
        statistic: vectorised, `statistic(*columns, axis)`, of shape (numbers, draws).
        columns: arrays of shape (n,), n at least 2; with `paired` they belong together row by row.
        paired: else each column is drawn for itself, at its own length.
        confidence: of the two-sided interval.
        seed: of the draws.
    """
    found = _draw(statistic, columns, confidence, "two-sided", seed, paired)
    return np.asarray(found.low), np.asarray(found.high)


def _bounds(
    statistic: Statistic, columns: tuple[Numbers, ...], confidence: float, side: str, seed: int
) -> tuple[float | None, float | None]:
    if len(columns[0]) < 2:
        return None, None
    found = _draw(statistic, columns, confidence, side, seed)
    low, high = (float(end) if math.isfinite(end) else None for end in (found.low, found.high))
    return low, high


def _draw(
    statistic: Statistic, columns: tuple[Numbers, ...], confidence: float, side: str, seed: int, paired: bool = True
) -> Any:
    rows = max(len(column) for column in columns)
    wanted = max(_DRAWS, math.ceil(_TAIL / (1 - confidence)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # draws whose statistic is not defined are seen below
        return stats.bootstrap(
            columns,
            statistic,
            n_resamples=max(min(wanted, _NUMBERS // rows), 200),
            batch=max(_AT_ONCE // rows, 1),
            paired=paired,
            vectorized=True,
            confidence_level=confidence,
            alternative=side,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
