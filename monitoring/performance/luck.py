"""How likely it is that a mean is so much higher by luck alone: Pitman's permutation test, by three moments.

Absolute errors are skewed, and held-out rows few: then the mean and the deviation of the few are too small together,
and Welch's test takes luck for certainty. Here both sides are shuffled (Pitman 1937, doi:10.2307/2984124). The moments
of the shuffled difference are exact; its tail is that of a Pearson type III distribution with these moments, which may
end no sooner than what is possible: numbers that are all on one side.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from monitoring.performance.live_errors import Floats

_EQUAL = 1e-9  # relative: what differs less differs by rounding


@dataclass(frozen=True)
class Moments:
    """Of numbers: how many, their mean, and sums of powers of what each lies off it."""

    rows: int
    mean: float
    squares: float
    cubes: float

    @property
    def deviation(self) -> float:
        """The standard deviation (n - 1); 0 of a single number."""
        return float(np.sqrt(self.squares / max(self.rows - 1, 1)))


def moments(values: Floats) -> Moments:
    """Return the moments of an array that is not empty."""
    mean = float(values.mean())
    off = values - mean
    squared = off**2
    return Moments(len(values), mean, float(squared.sum()), float(squared @ off))


def moments_by_group(codes: "np.ndarray[tuple[int], np.dtype[np.intp]]", values: Floats, groups: int) -> list[Moments]:
    """Return the moments of each group of an array, those of an empty group all zero; `codes` say whose a value is."""

    def total(column: Floats) -> Floats:
        return np.bincount(codes, weights=column, minlength=groups).astype(np.float64)

    rows = np.bincount(codes, minlength=groups)
    means = total(values) / np.maximum(rows, 1)
    off = values - means[codes]
    columns = (rows.tolist(), means.tolist(), total(off**2).tolist(), total(off**3).tolist())
    return [Moments(*one) for one in zip(*columns, strict=True)]


def higher_by_luck(one: Moments, other: Moments) -> float:
    """Return how likely shuffling makes the first mean so much higher; of numbers of at least 0, two on each side."""
    both = _together(one, other)
    if _equal(one, other, both):
        return 1.0
    deviation, skewness = _shuffled(one, other, both)
    least = -2 * deviation * one.rows / (both.mean * both.rows)  # then the tail ends where the other mean is 0
    return float(stats.pearson3.sf((one.mean - other.mean) / deviation, max(skewness, least)))


def apart_by_luck(one: Moments, other: Moments) -> float:
    """Return how likely shuffling moves the two means so far apart, either way; two numbers on each side."""
    both = _together(one, other)
    if _equal(one, other, both):
        return 1.0
    deviation, skewness = _shuffled(one, other, both)
    apart = (one.mean - other.mean) / deviation
    tails = stats.pearson3.sf(apart, skewness), stats.pearson3.cdf(apart, skewness)
    return float(min(2 * min(tails), 1.0))


def _equal(one: Moments, other: Moments, both: Moments) -> bool:
    return both.squares <= both.rows * (_EQUAL * max(abs(one.mean), abs(other.mean))) ** 2


def _shuffled(one: Moments, other: Moments, both: Moments) -> tuple[float, float]:
    """Return the deviation and the skewness of the shuffled means' difference, whose mean is 0."""
    rows, pairs = both.rows, one.rows * other.rows
    skewness = both.cubes / rows / (both.squares / rows) ** 1.5
    drawn = (rows - 2 * one.rows) / (rows - 2) * np.sqrt((rows - 1) / pairs)
    return float(np.sqrt(both.squares * rows / (pairs * (rows - 1)))), float(skewness * drawn)


def _together(one: Moments, other: Moments) -> Moments:
    """Return the moments of both sides together (Pebay 2008, Sandia report SAND2008-6212)."""
    rows, apart = one.rows + other.rows, other.mean - one.mean
    squares = one.squares + other.squares + apart**2 * one.rows * other.rows / rows
    cubes = one.cubes + other.cubes + apart**3 * one.rows * other.rows * (one.rows - other.rows) / rows**2
    cubes += 3 * apart * (one.rows * other.squares - other.rows * one.squares) / rows
    return Moments(rows, one.mean + apart * other.rows / rows, squares, cubes)
