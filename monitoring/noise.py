"""How far two samples of one population lie apart by chance: the least that a limit of drift has to allow.

A bootstrap test of equal distributions (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 16.2):
both sides are drawn again, at their own sizes, from the rows of both, and the distance is taken each time. So a limit
knows how many rows there are, which a fixed one does not: with a hundred rows and thirty categories, chance alone
brings the Jensen-Shannon distance to 0.2.
"""

import numpy as np
from numpy.typing import NDArray

REPEATS = 1000
_FALSE_ALARMS = 0.05  # of reports without any drift, the share that may name a column
_CELLS = 200  # numbers are rounded to so many quantiles while drawing

Floats = NDArray[np.float64]


def numeric_noise(reference: Floats, current: Floats, columns: int, seed: int) -> float:
    """Return what the normed Wasserstein distance of two samples, shapes (n,) and (m,), reaches by chance.

    Args:
        reference: values without missing ones; its standard deviation is the unit.
        current: values without missing ones.
        columns: how many columns are looked at together; the more, the higher the limit (Bonferroni).
        seed: makes the limit the same each time.
    """
    pooled = np.concatenate([reference, current])
    grid = np.unique(pooled)
    if len(grid) > _CELLS:
        grid = np.unique(np.quantile(pooled, np.linspace(0, 1, _CELLS + 1)))
    counts = np.bincount(np.searchsorted(grid, pooled), minlength=len(grid)).astype(np.float64)
    one, other = _draw(counts, len(reference), len(current), seed)
    apart = np.abs(np.cumsum(one - other, axis=1))[:, :-1] @ np.diff(grid)
    return _limit(apart / max(float(np.std(reference)), 0.001), columns)


def word_noise(counts: Floats, rows: int, other_rows: int, columns: int, seed: int) -> float:
    """Return what the Jensen-Shannon distance reaches by chance, given how often each word stands on both sides."""
    return _limit(jensen_shannon(*_draw(counts, rows, other_rows, seed)), columns)


def jensen_shannon(one: Floats, other: Floats) -> Floats:
    """Return the distance (natural logarithm) of rows of shares, shapes (..., words)."""
    middle = (one + other) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(side > 0, side * np.log(side / middle), 0.0).sum(axis=-1) for side in (one, other)]
    distance: Floats = np.sqrt(np.maximum(parts[0] + parts[1], 0) / 2)
    return distance


def _draw(counts: Floats, rows: int, other_rows: int, seed: int) -> tuple[Floats, Floats]:
    random = np.random.default_rng(seed)
    shares = counts / counts.sum()
    return (
        random.multinomial(rows, shares, size=REPEATS) / rows,
        random.multinomial(other_rows, shares, size=REPEATS) / other_rows,
    )


def _limit(distances: Floats, columns: int) -> float:
    return float(np.quantile(distances, 1 - _FALSE_ALARMS / columns))
