"""Drift of each column against the reference."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from monitoring.findings import ColumnDrift, Drift, Quality
from monitoring.limits import Limit, column_limits
from monitoring.quality import absent, missing_share, stuck, unseen
from monitoring.snapshot import Snapshot, distances, take
from pipeline.contract import PREDICTION, Contract

MOST_ROWS = 20_000  # of each side: more make Evidently's pages heavy, and its numbers no better


@dataclass(frozen=True)
class Comparison:
    """One set of rows against the reference."""

    drift: Drift
    prediction: ColumnDrift | None  # None where there are no predictions
    snapshot: Snapshot | None  # Evidently's result; None when no column could be compared


@dataclass(frozen=True)
class Occasion:
    """What a comparison is for: it labels Evidently's result, and gives the live error its limit."""

    run: str
    what: str  # what is compared, in a word or two
    until: datetime
    held_out_mae: float  # of the served version, in the target's unit


def compare(contract: Contract, reference: pd.DataFrame, current: pd.DataFrame, occasion: Occasion) -> Comparison:
    """Compare rows, shape (n, columns), with the reference, shape (m, columns), both in their normal form."""
    known, now = (_sampled(frame, contract.training.seed) for frame in (reference, current))
    quality = _quality(contract, known, now)
    broken = {item.column for item in quality if item.problem in ("empty", "constant")}
    limits = {name: limit for name, limit in column_limits(contract, known, now).items() if name not in broken}
    labels = {"timestamp": occasion.until, "tags": [occasion.what], "metadata": {"run": occasion.run}}
    snapshot = take(contract, limits, known, now, occasion.held_out_mae, labels) if limits else None
    columns = _columns(limits, snapshot)
    prediction = columns.pop(PREDICTION, None)
    drift = Drift(
        rows=len(current),
        reference_rows=len(reference),
        features=len(contract.features),
        columns=list(columns.values()),
        quality=quality,
    )
    return Comparison(drift, prediction, snapshot)


def _sampled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    return frame if len(frame) <= MOST_ROWS else frame.sample(MOST_ROWS, random_state=seed).sort_index()


def _columns(limits: dict[str, Limit], snapshot: Snapshot | None) -> dict[str, ColumnDrift]:
    found = distances(snapshot) if snapshot else {}
    return {
        name: ColumnDrift(
            column=name,
            method=limits[name].method,
            distance=distance,
            limit=limits[name].distance,
            drifted=distance >= limits[name].distance,
        )
        for name, distance in found.items()
    }


def _quality(contract: Contract, reference: pd.DataFrame, current: pd.DataFrame) -> list[Quality]:
    found = [
        *absent([name for name in contract.features if name not in reference], "the reference"),
        *absent([name for name in contract.logged if name not in current], "the rows that are compared with it"),
    ]
    for name, column in contract.features.items():
        if name in reference and name in current:
            sides = reference[name], current[name]
            kept = [stuck(name, *sides) or missing_share(name, *sides, contract), unseen(name, column, *sides)]
            found += [item for item in kept if item]
    return found
