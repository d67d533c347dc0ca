"""How far two samples of one population lie apart by chance: the least that a limit of drift has to allow.

A bootstrap test of equal distributions (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 16.2):
both sides are drawn again, at their own sizes, from the rows of both, and the distance is taken each time. So a limit
knows how many rows there are, which a fixed one does not: with a hundred rows and thirty categories, chance alone
brings the Jensen-Shannon distance to 0.2.

With many columns, the chance that is allowed to each is far below what a thousand draws can show. Under equal
distributions, squared distances are close to weighted sums of chi-square variables. So their tail is taken from a
shifted gamma distribution with the mean, variance and skewness of those that were drawn (Hall, Buckley and Eagleson:
doi:10.1017/S0305004100066597). One without the shift, as Satterthwaite's, ends too early.
"""

import numpy as np
from scipy.special import gammainccinv

from monitoring.drift.distances import Floats, jensen_shannon

REPEATS = 1000
_CELLS = 40  # quantiles to which numbers are rounded while drawing ...
_EXTREMES = 10  # ... beside so many of the least and of the largest values, which move a distance most


def numeric_noise(reference: Floats, current: Floats, chance: float, seed: int) -> float:
    """Return what the normed Wasserstein distance of two samples of one population exceeds with the given chance.

    Args:
        reference: ascending values, shape (n,); their standard deviation is the unit and not zero.
        current: ascending values, shape (m,).
        chance: between 0 and 1.
        seed: makes the limit the same each time.
    """
    values, counts = _cells(np.sort(np.concatenate([reference, current]), kind="stable"))
    one, other = _draw(counts, len(reference), len(current), seed)
    apart = np.abs(np.cumsum(one - other, axis=1))[:, :-1] @ np.diff(values)
    return _limit(apart / np.std(reference), chance)


def word_noise(counts: Floats, rows: int, other_rows: int, chance: float, seed: int) -> float:
    """Return what the Jensen-Shannon distance exceeds with the given chance; `counts` are of both sides together."""
    return _limit(jensen_shannon(*_draw(counts, rows, other_rows, seed)), chance)


def _cells(pooled: Floats) -> tuple[Floats, Floats]:
    """Return values, ascending, and how many rows stand for each: the means of cells that end at quantiles."""
    ends = np.linspace(0, len(pooled) - 1, _CELLS + 1).astype(np.int64)
    extremes = np.arange(min(_EXTREMES, len(pooled)))
    edges = np.unique(pooled[np.unique(np.concatenate([ends, extremes, len(pooled) - 1 - extremes]))])
    stops = np.searchsorted(pooled, edges, "right")
    counts = np.diff(stops, prepend=0).astype(np.float64)
    sums = np.add.reduceat(pooled, np.concatenate([[0], stops[:-1]]))
    return sums / counts, counts


def _draw(counts: Floats, rows: int, other_rows: int, seed: int) -> tuple[Floats, Floats]:
    random = np.random.default_rng(seed)
    shares = counts / counts.sum()
    return (
        random.multinomial(rows, shares, size=REPEATS) / rows,
        random.multinomial(other_rows, shares, size=REPEATS) / other_rows,
    )


def _limit(distances: Floats, chance: float) -> float:
    squared = distances**2
    mean, deviation = float(squared.mean()), float(squared.std())
    if deviation == 0:
        return float(distances.max())
    drawn = float((((squared - mean) / deviation) ** 3).mean())
    skewness = max(drawn, 2 * deviation / mean)  # that of an unshifted gamma distribution: the draws may miss the tail
    shape = 4 / skewness**2
    standard = (gammainccinv(shape, chance) - shape) / np.sqrt(shape)
    return float(np.sqrt(mean + deviation * standard))
