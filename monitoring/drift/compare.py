"""Drift of each column against the reference, over all rows: effect sizes, and limits that know how many rows."""

import numpy as np
import pandas as pd

from monitoring.drift.chances import allowed, for_drift
from monitoring.drift.distances import Floats, jensen_shannon, stability_index, tenths, wasserstein
from monitoring.drift.noise import numeric_noise, word_noise
from monitoring.drift.profiles import Profile
from monitoring.drift.quality import quality
from monitoring.drift.shares import changed
from monitoring.findings import CategoryChange, ColumnDrift, Drift
from pipeline.contract import PREDICTION, CategoryColumn, Contract

_MOST_WORDS = 200  # of a column, by their frequency: the rest count as one
_LEAST_NUMBERS = 30  # on each side: fewer say little of a distribution, and chance is then no gamma distribution
_KINDS = 2  # of tests of a column of words: as a whole, and each of its words


def compare(contract: Contract, reference: dict[str, Profile], current: dict[str, Profile]) -> Drift:
    """Compare the features of two frames, of which one has the columns and rows that the other may lack."""
    found = quality(contract, reference, current)
    broken = {item.column for item in found if item.problem in ("empty", "constant")}
    names = [name for name in contract.features if name in reference and name in current and name not in broken]
    columns = [_column(contract, name, reference[name], current[name], for_drift(contract)) for name in names]
    return Drift(
        rows=_rows(current),
        reference_rows=_rows(reference),
        features=sum(name in contract.logged or name in current for name in contract.features),
        columns=[column for column in columns if column],
        quality=found,
    )


def compare_predictions(
    contract: Contract, reference: dict[str, Profile], current: dict[str, Profile]
) -> ColumnDrift | None:
    """Compare live predictions with those on the reference's held-out rows; None where a side has none."""
    if PREDICTION not in reference or PREDICTION not in current:
        return None
    return _column(contract, PREDICTION, reference[PREDICTION], current[PREDICTION], allowed(1))


def _rows(side: dict[str, Profile]) -> int:
    return max((column.rows for column in side.values()), default=0)


def _column(contract: Contract, name: str, reference: Profile, current: Profile, chance: float) -> ColumnDrift | None:
    if not reference.filled or not current.filled:
        return None  # no distance is defined; `quality` says so where it matters
    if reference.values is not None and current.values is not None:
        if reference.single is not None or min(reference.filled, current.filled) < _LEAST_NUMBERS:
            return None
        return _numbers(contract, name, reference.values, current.values, chance)
    return _words(contract, name, reference, current, chance / _KINDS)


def _numbers(contract: Contract, name: str, reference: Floats, current: Floats, chance: float) -> ColumnDrift:
    distance = wasserstein(reference, current)
    limit = max(contract.monitoring.column_drift, numeric_noise(reference, current, chance, contract.training.seed))
    return ColumnDrift(
        column=name,
        method="wasserstein",
        distance=distance,
        limit=limit,
        psi=stability_index(*tenths(reference, current)),
        moved=float(current.mean() - reference.mean()) / float(np.std(reference)),
        drifted=distance >= limit,
    )


def _words(contract: Contract, name: str, reference: Profile, current: Profile, chance: float) -> ColumnDrift:
    counts = _counts(reference, current)
    before, now = counts["before"].to_numpy(dtype="float64"), counts["now"].to_numpy(dtype="float64")
    distance = float(jensen_shannon(before / reference.filled, now / current.filled))
    sizes = reference.filled, current.filled
    limit = max(contract.monitoring.column_drift, word_noise(before + now, *sizes, chance, contract.training.seed))
    categories = _categories(contract, name, counts, sizes, chance)
    return ColumnDrift(
        column=name,
        method="jensenshannon",
        distance=distance,
        limit=limit,
        psi=stability_index(before, now),
        categories=categories,
        drifted=distance >= limit or bool(categories),
    )


def _counts(reference: Profile, current: Profile) -> pd.DataFrame:
    """Count each word on both sides, in the words' order; those beyond the most frequent count as one word."""
    both = pd.concat({"before": reference.words, "now": current.words}, axis=1).fillna(0).sort_index()
    if len(both) <= _MOST_WORDS:
        return both
    frequent = both.sum(axis=1).nlargest(_MOST_WORDS).index
    rest = both.drop(frequent).sum().to_frame("(other words)").T
    return pd.concat([both.loc[frequent].sort_index(), rest])


def _categories(
    contract: Contract, name: str, counts: pd.DataFrame, sizes: tuple[int, int], chance: float
) -> list[CategoryChange]:
    """Return the categories whose share changed, the most first; `quality` tells of words that were never seen."""
    column = contract.features[name]
    listed = column.categories if isinstance(column, CategoryColumn) else ()
    known = counts[(counts["before"] > 0) | counts.index.isin(listed)]
    before, now = known["before"].to_numpy(dtype="float64"), known["now"].to_numpy(dtype="float64")
    effect, limit, is_changed = changed(
        before, now, *sizes, contract.monitoring.column_drift, chance / max(len(known), 1)
    )
    order = sorted(np.flatnonzero(is_changed), key=lambda place: -abs(effect[place]))
    return [
        CategoryChange(
            category=str(known.index[int(place)]),
            before=before[place] / sizes[0],
            now=now[place] / sizes[1],
            effect=abs(effect[place]),
            limit=limit,
        )
        for place in order
    ]
