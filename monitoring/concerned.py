"""Which rows are behind a finding: a mask over all rows, and of the masked ones the most telling first."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitoring.drift.quality import unseen
from monitoring.findings import LIVE, NEW_DATA, REFERENCE, ColumnDrift, ConcernedRows, Drift, Findings, Quality
from monitoring.performance.live_errors import judged
from monitoring.readable import number
from pipeline.contract import PREDICTION, Contract
from pipeline.slices import slice_codes

MOST_ROWS = 1000  # of a finding
_MOST_FINDINGS = 60  # of a run
_CENTRAL = 0.9  # of the reference: rows outside of it are behind a number's drift
_NAMED = 5  # words that are quoted
SLICE = "slice: "  # how the subject of a slice begins
ERROR = "error"

Floats = NDArray[np.float64]
Found = tuple[ConcernedRows, pd.DataFrame]


def concerned(contract: Contract, frames: Mapping[str, pd.DataFrame], findings: Findings) -> Iterator[Found]:
    """Give the rows behind each finding of a column, a slice or the error, at most `MOST_ROWS` of each.

    A column that is absent or new, or a share that only shrank, has no rows to show.

    Args:
        contract: names the columns and their limits.
        frames: in their normal form, by what they are.
        findings: of these frames.
    """
    if findings.asked < contract.monitoring.minimum_rows:
        return
    every = (*_errors(contract, frames, findings), *_columns(contract, frames, findings))
    for found, _ in zip(every, range(_MOST_FINDINGS), strict=False):
        yield found


def _columns(contract: Contract, frames: Mapping[str, pd.DataFrame], findings: Findings) -> Iterator[Found]:
    reference = frames.get(REFERENCE, pd.DataFrame())
    for of, drift in ((LIVE, findings.live), (NEW_DATA, findings.new_data)):
        if drift is not None and of in frames:
            yield from _of_side(contract, of, reference, frames[of], drift)
    drift_of_predictions = findings.prediction
    if drift_of_predictions is not None and drift_of_predictions.drifted and LIVE in frames:
        yield from _drifted(LIVE, reference, frames[LIVE], drift_of_predictions)


def _of_side(
    contract: Contract, of: str, reference: pd.DataFrame, current: pd.DataFrame, drift: Drift
) -> Iterator[Found]:
    for item in drift.quality:
        yield from _broken(contract, of, reference, current, item)
    shown = {item.column for item in drift.quality if not item.note}
    moved = (item for item in drift.columns if item.drifted and item.column not in shown)
    for column in sorted(moved, key=lambda item: -item.weight):
        yield from _drifted(of, reference, current, column)


def _drifted(of: str, reference: pd.DataFrame, current: pd.DataFrame, drift: ColumnDrift) -> Iterator[Found]:
    name = drift.column
    if drift.method == "wasserstein":
        edge = (1 - _CENTRAL) / 2
        low, high = (float(end) for end in reference[name].quantile([edge, 1 - edge]))
        values = current[name].to_numpy(dtype=np.float64)
        beyond = np.fmax(low - values, values - high)
        what = f"outside of {number(low)} to {number(high)}, where the middle {_CENTRAL:.0%} of the training data lie"
        yield from _chosen(of, name, f"{what}, the furthest first", current, beyond)
        return
    grown = [item.category for item in drift.categories if item.now > item.before] or _grown(reference, current, name)
    yield from _masked(of, name, f"where it is {_quoted(grown)}", current, current[name].isin(grown))


def _grown(reference: pd.DataFrame, current: pd.DataFrame, name: str) -> list[str]:
    """Return the word whose share grew the most, where no word's change alone was beyond chance."""
    shares = current[name].value_counts(normalize=True)
    growth = shares - reference[name].value_counts(normalize=True).reindex(shares.index).fillna(0)
    return [str(growth.idxmax())] if len(growth) else []


def _broken(
    contract: Contract, of: str, reference: pd.DataFrame, current: pd.DataFrame, item: Quality
) -> Iterator[Found]:
    if item.column not in current or item.problem in ("absent", "new"):
        return
    values = current[item.column]
    if item.problem == "unseen":
        known = reference[item.column].dropna().unique()
        words = unseen(contract.features[item.column], known, values.dropna().unique())
        yield from _masked(of, item.column, f"where it is {_quoted(words)}", current, values.isin(words))
    elif item.problem == "constant":
        yield from _masked(of, item.column, "all rows: it holds one value", current, values.notna())
    elif item.problem in ("filled", "varies"):
        others = values.notna() & ~values.isin(reference[item.column].dropna().unique())
        yield from _masked(of, item.column, "where it holds what the training data never do", current, others)
    else:
        yield from _masked(of, item.column, "where it is missing", current, values.isna())


def _errors(contract: Contract, frames: Mapping[str, pd.DataFrame], findings: Findings) -> Iterator[Found]:
    measured, limit = findings.performance, contract.monitoring.error_ratio
    if measured is None or LIVE not in frames or measured.truths < contract.monitoring.minimum_rows:
        return
    rows = judged(contract, frames[LIVE])
    errors = np.abs((rows[PREDICTION] - rows[contract.target.name]).to_numpy(dtype=np.float64))
    if (measured.ratio or 0) > limit:
        yield from _chosen(LIVE, ERROR, "the largest errors first", rows, np.where(errors > 0, errors, np.nan))
    groups = slice_codes(contract, rows)
    for one in sorted(measured.slices, key=lambda item: -(item.ratio or 0)):
        if one.chance is not None and (one.ratio or 0) > limit:
            codes, names = groups[one.column]
            inside = np.where(names[codes] == one.group, errors + np.finfo(float).tiny, np.nan)
            subject = f"{SLICE}{one.column}: {one.group}"
            yield from _chosen(LIVE, subject, "the largest errors first", rows, inside)


def _masked(of: str, subject: str, what: str, rows: pd.DataFrame, mask: "pd.Series[bool]") -> Iterator[Found]:
    """Give the first rows of a mask, in their order."""
    places = np.flatnonzero(mask.to_numpy())
    if len(places):
        yield _found(of, subject, what, rows, places[:MOST_ROWS], len(places))


def _chosen(of: str, subject: str, what: str, rows: pd.DataFrame, weight: Floats) -> Iterator[Found]:
    """Give the rows of the largest weight, where it is above zero; NaN is none."""
    places = np.flatnonzero(weight > 0)
    if not len(places):
        return
    most, total = weight[places], len(places)
    if total > MOST_ROWS:  # a partition is enough: a million weights need not be in order
        kept = np.argpartition(-most, MOST_ROWS)[:MOST_ROWS]
        places, most = places[kept], most[kept]
    order = np.lexsort((places, -most))
    yield _found(of, subject, what, rows, places[order], total)


def _found(of: str, subject: str, what: str, rows: pd.DataFrame, places: NDArray[np.intp], total: int) -> Found:
    return ConcernedRows(of=of, subject=subject, what=what, rows=len(places), total=total), rows.iloc[places]


def _quoted(words: list[str]) -> str:
    more = f" and {len(words) - _NAMED:,} more" if len(words) > _NAMED else ""
    return ", ".join(words[:_NAMED]) + more
