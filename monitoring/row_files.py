"""The rows behind findings as CSV files beside the report, for people."""

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd
from upath import UPath

from monitoring.findings import ConcernedRows
from monitoring.frames import HIGH, ID, LATENCY_MS, LOW, TIME, VERSION
from pipeline.contract import PREDICTION
from pipeline.safe_csv import csv_lines
from pipeline.storage import write_bytes

_PREFIX = "rows-"
_NAMES = {
    ID: "prediction_id",
    TIME: "time",
    VERSION: "version",
    PREDICTION: "prediction",
    LOW: "low",
    HIGH: "high",
    LATENCY_MS: "latency_ms",
}


def store_rows(folder: UPath, found: Iterable[tuple[ConcernedRows, pd.DataFrame]]) -> list[ConcernedRows]:
    """Write each finding's rows and return what was written; files of an earlier attempt go."""
    old = [file for file in folder.iterdir() if is_rows(file.name)] if folder.exists() else []
    for file in old:
        file.unlink()
    return [_store(folder, number, *one) for number, one in enumerate(found, 1)]


def is_rows(name: str) -> bool:
    """Whether a file beside a report holds a finding's rows."""
    return re.fullmatch(rf"{_PREFIX}\d+-[a-z0-9-]*\.csv", name) is not None


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """Put what tells an answer apart first, then what was said, then the features and the truth."""
    first = [name for name in _NAMES if name in rows.columns]
    return rows[[*first, *(name for name in rows.columns if name not in first)]]


def _store(folder: UPath, number: int, told: ConcernedRows, rows: pd.DataFrame) -> ConcernedRows:
    words = re.sub(r"[^a-z0-9]+", "-", f"{told.of} {told.subject}".lower()).strip("-")[:60]
    rows = _ordered(rows)
    name = f"{_PREFIX}{number:02}-{words}.csv"
    write_bytes(folder / name, csv_lines([_head(rows), *_lines(rows)]))
    return told.model_copy(update={"name": name})


def _head(rows: pd.DataFrame) -> list[str]:
    """Return names that people read; one that a feature has already stays as it is."""
    return [_NAMES[name] if name in _NAMES and _NAMES[name] not in rows.columns else str(name) for name in rows.columns]


def _lines(rows: pd.DataFrame) -> Iterable[tuple[Any, ...]]:
    shown = rows.astype(object).where(rows.notna(), "")
    if TIME in rows:
        shown[TIME] = [time.isoformat() if time else "" for time in shown[TIME]]  # with its zone
    return shown.itertuples(index=False, name=None)
