"""Shares of rows that changed: of a category, of missing values, of words never seen, of refused requests."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, ndtri

from monitoring.drift.distances import Floats, cohens_h


def changed(
    before: Floats, now: Floats, rows_before: int, rows_now: int, least: float, chance: float
) -> tuple[Floats, float, NDArray[np.bool_]]:
    """Compare counts, shapes (k,), of the same kinds of rows on both sides.

    A share has changed where its effect reaches the limit and chance alone would not have split the rows so. The limit
    is of a normal distribution, which is wrong for rare kinds: for those the second condition decides.

    Args:
        before: rows of each kind in the reference.
        now: rows of each kind in the window.
        rows_before: all rows of the reference.
        rows_now: all rows of the window.
        least: effect (Cohen's h) below which a change matters to nobody.
        chance: of calling one share changed that has not, at most.

    Returns:
        The effect of each kind, the limit of its size, and whether each has changed.
    """
    effect = cohens_h(before / rows_before, now / rows_now)
    limit = max(least, -float(ndtri(chance / 2)) * float(np.sqrt(1 / rows_before + 1 / rows_now)))
    unlikely = by_chance(before, now, rows_before, rows_now) <= chance
    return effect, limit, (np.abs(effect) >= limit) & unlikely


def by_chance(before: Floats, now: Floats, rows_before: int, rows_now: int) -> Floats:
    """Return how likely chance alone splits the rows of each kind over both sides as unevenly (two-sided).

    Given how many there are on both sides, a rare kind's rows fall to each by the toss of a biased coin (the
    conditional test of two Poisson means, Przyborowski and Wilenski 1940, doi:10.1093/biomet/31.3-4.313). Of a
    frequent kind, the rows that are not of it are counted.
    """
    frequent = before + now > (rows_before + rows_now) / 2
    rare, here = np.where(frequent, rows_before - before, before), np.where(frequent, rows_now - now, now)
    total, coin = (rare + here).astype(np.int64), rows_now / (rows_before + rows_now)
    less = bdtr(here, total, coin)
    more = np.where(here > 0, bdtrc(np.maximum(here - 1, 0), total, coin), 1.0)
    likely: Floats = np.where(total > 0, np.minimum(2 * np.minimum(less, more), 1.0), 1.0)
    return likely
