"""How sure the live error is: bootstrap intervals whose cost does not grow with the rows."""

from typing import Literal

import numpy as np
from scipy import stats

from monitoring.live_errors import Errors, Floats
from monitoring.measured import Change, Ends
from pipeline.bootstrap import Statistic, intervals

SURE = 0.99  # of the intervals that decide; those that are only shown are of 95 %
_EQUAL = 1e-9  # relative: what differs less differs by rounding
_BLOCKS = 2_000
_NAMES = ("mae", "bias", "rmse", "r2", "coverage")


def ends_of(errors: Errors, seed: int) -> dict[str, Ends]:
    """Return the 95 % intervals of MAE, RMSE, bias, R2 and coverage; a number that is not defined has none."""
    if len(errors) < 2:
        return {}
    centred = errors.truth - errors.truth.mean()
    inside = [] if errors.inside is None else [errors.inside]
    columns = in_blocks(errors.absolute, errors.error, errors.error**2, centred, centred**2, *inside, seed=seed)
    low, high = intervals(_measures, *columns, seed=seed)
    found = dict(zip(_NAMES, np.stack([low, high], axis=1), strict=False))
    return {name: Ends(low=pair[0], high=pair[1]) for name, pair in found.items() if np.isfinite(pair).all()}


def ratio_of_means(one: Floats, other: Floats, seed: int) -> Change | None:
    """Return the mean of one array over that of another, of other rows; None where no interval is defined."""
    return _change(_ratio, one, other, "greater", seed)


def difference_of_means(one: Floats, other: Floats, seed: int) -> Change | None:
    """Return the mean of one array minus that of another, of other rows; None where no interval is defined."""
    return _change(_difference, one, other, "two-sided", seed)


def in_blocks(*columns: Floats, seed: int) -> list[Floats]:
    """Return how many rows each block has, then each column's sum by block; up to 2,000 rows, each is its own block.

    Rows are dealt out to blocks by lot, so that sums of blocks are as independent of each other as rows are, and a
    smooth function of means spreads over draws of blocks as it does over draws of rows.
    """
    rows = len(columns[0])
    if rows <= _BLOCKS:
        return [np.ones(rows), *columns]
    places = np.random.default_rng(seed).integers(0, _BLOCKS, rows)
    every = (np.ones(rows), *columns)
    return [np.bincount(places, weights=column, minlength=_BLOCKS).astype(np.float64) for column in every]


def welch(one: Floats, other: Floats, alternative: Literal["two-sided", "greater"]) -> float:
    """Return how likely so different means of two arrays are by luck (Welch 1947, doi:10.2307/2332510)."""
    means = float(one.mean()), float(other.mean())
    least = _EQUAL * max(abs(means[0]), abs(means[1]))
    if max(one.std(), other.std()) <= least:  # all values are equal: there is no luck in them
        same = abs(means[0] - means[1]) <= least
        return float(same or (alternative == "greater" and means[0] < means[1]))
    return float(stats.ttest_ind(one, other, equal_var=False, alternative=alternative).pvalue)


def _change(
    statistic: Statistic, one: Floats, other: Floats, alternative: Literal["two-sided", "greater"], seed: int
) -> Change | None:
    one, other = one[np.isfinite(one)], other[np.isfinite(other)]
    if min(len(one), len(other)) < 2:
        return None
    means = [_means(side, seed) for side in (one, other)]
    low, high = intervals(statistic, *means, paired=False, confidence=SURE, seed=seed)
    value = float(statistic(one, other, axis=-1))
    if not np.isfinite(np.array([value, float(low), float(high)])).all():
        return None
    return Change(value=value, low=float(low), high=float(high), chance=welch(one, other, alternative))


def _means(side: Floats, seed: int) -> Floats:
    rows, sums = in_blocks(side, seed=seed)
    return sums[rows > 0] / rows[rows > 0]


def _ratio(one: Floats, other: Floats, axis: int) -> Floats:
    return np.asarray(one.mean(axis=axis) / other.mean(axis=axis))


def _difference(one: Floats, other: Floats, axis: int) -> Floats:
    return np.asarray(one.mean(axis=axis) - other.mean(axis=axis))


def _measures(rows: Floats, *columns: Floats, axis: int) -> Floats:
    count = rows.sum(axis=axis)
    absolute, error, squared, truth, truth_squared, *inside = (column.sum(axis=axis) for column in columns)
    spread = truth_squared - truth**2 / count
    r2 = 1 - squared / np.where(spread > 0, spread, np.nan)
    return np.stack([absolute / count, error / count, np.sqrt(squared / count), r2, *(one / count for one in inside)])
