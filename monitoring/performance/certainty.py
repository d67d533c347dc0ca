"""How sure the live error is: bootstrap intervals whose cost does not grow with the rows."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from monitoring.measured import Change, Ends
from monitoring.performance.live_errors import Errors, Floats
from monitoring.performance.luck import apart_by_luck, higher_by_luck, moments
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
    """Say how sure it is that one mean is above another, of other rows, and how many times; None of too few rows."""
    return _change(_ratio, one, other, _higher, seed)


def difference_of_means(one: Floats, other: Floats, seed: int) -> Change | None:
    """Say how sure it is that one mean is not another, of other rows, and how far off; None of too few rows."""
    return _change(_difference, one, other, _apart, seed)


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


def _higher(one: Floats, other: Floats) -> float:
    return higher_by_luck(moments(one), moments(other))


def _apart(one: Floats, other: Floats) -> float:
    """Take Welch's test as well: errors that spread wider than before need not be more off on the whole."""
    shuffled = apart_by_luck(moments(one), moments(other))
    if max(one.std(), other.std()) <= _EQUAL * max(abs(one.mean()), abs(other.mean())):
        return shuffled  # each side's values are all equal: Welch's test is not defined
    return max(shuffled, float(stats.ttest_ind(one, other, equal_var=False).pvalue))


def _change(
    statistic: Statistic, one: Floats, other: Floats, chance: Callable[[Floats, Floats], float], seed: int
) -> Change | None:
    one, other = one[np.isfinite(one)], other[np.isfinite(other)]
    if min(len(one), len(other)) < 2:
        return None
    means = [_means(side, seed) for side in (one, other)]
    ends = [float(end) for end in intervals(statistic, *means, paired=False, confidence=SURE, seed=seed)]
    between = Ends(low=ends[0], high=ends[1]) if np.isfinite(ends).all() else None
    return Change(ends=between, chance=chance(one, other))


def _means(side: Floats, seed: int) -> Floats:
    rows, sums = in_blocks(side, seed=seed)
    return sums[rows > 0] / rows[rows > 0]


def _ratio(one: Floats, other: Floats, axis: int) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):  # nearly all errors may be zero
        return np.asarray(one.mean(axis=axis) / other.mean(axis=axis))


def _difference(one: Floats, other: Floats, axis: int) -> Floats:
    return np.asarray(one.mean(axis=axis) - other.mean(axis=axis))


def _measures(rows: Floats, *columns: Floats, axis: int) -> Floats:
    count = rows.sum(axis=axis)
    absolute, error, squared, truth, truth_squared, *inside = (column.sum(axis=axis) for column in columns)
    spread = truth_squared - truth**2 / count
    r2 = 1 - squared / np.where(spread > 0, spread, np.nan)
    return np.stack([absolute / count, error / count, np.sqrt(squared / count), r2, *(one / count for one in inside)])
