"""How far two samples lie apart: effect sizes, which say how much has changed and not how sure one is of it."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BINS = 10  # of the population stability index: tenths of the reference


def wasserstein(reference: Floats, current: Floats) -> float:
    """Return the Wasserstein distance of ascending values, shapes (n,) and (m,), over the reference's deviation.

    A shift of all values by half a standard deviation is 0.5, whatever the column's unit. The reference must vary.
    """
    both = np.sort(np.concatenate([reference, current]), kind="stable")  # two ascending runs: it merges them
    at = both[:-1]
    apart = np.searchsorted(reference, at, "right") / len(reference) - np.searchsorted(current, at, "right") / len(
        current
    )
    return float(np.abs(apart) @ np.diff(both) / np.std(reference))


def jensen_shannon(one: Floats, other: Floats) -> Floats:
    """Return the distance (natural logarithm) of rows of shares, shapes (..., words)."""
    middle = (one + other) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(side > 0, side * np.log(side / middle), 0.0).sum(axis=-1) for side in (one, other)]
    distance: Floats = np.sqrt(np.maximum(parts[0] + parts[1], 0) / 2)
    return distance


def stability_index(reference: Floats, current: Floats) -> float:
    """Return the population stability index of counts, shapes (cells,); an empty cell counts as half a row.

    Its source is credit scoring (Siddiqi, Credit Risk Scorecards, 2006), where 0.1 is said to be little and 0.25 much.
    """
    before, now = (np.maximum(counts, 0.5) / counts.sum() for counts in (reference, current))
    return float(((now - before) * np.log(now / before)).sum())


def tenths(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """Count ascending values in the tenths of the reference; heavy ties make fewer of them."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, _BINS + 1)[1:-1]))
    ends = [np.concatenate([[0], np.searchsorted(side, edges, "right"), [len(side)]]) for side in (reference, current)]
    counts = [np.diff(end).astype(np.float64) for end in ends]
    return counts[0], counts[1]


def cohens_h(before: Floats, now: Floats) -> Floats:
    """Return the effect size of two shares (Cohen, Statistical Power Analysis, 1988, chapter 6): above 0, it grew."""
    effect: Floats = 2 * (np.arcsin(np.sqrt(now)) - np.arcsin(np.sqrt(before)))
    return effect
