"""Reading the prediction log, by own read-only connections that never hold up the service."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.prediction_log.schema import COLUMNS, Answer, from_row, utc_text
from pipeline.prediction_log.steps import PredictionLogError, version_of

_ANSWERED = tuple(name for name in COLUMNS if name not in ("sent", "digest"))


def read_predictions(
    path: Path,
    *,
    since: datetime,
    until: datetime,
    version: int | None = None,
    exclude_callers: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    """Return the predictions answered from `since` (included) to `until` (excluded), oldest first.

    Args:
        path: the log; one that is not there yet holds nothing.
        since: an aware time.
        until: an aware time.
        version: only those of this model version.
        exclude_callers: callers to leave out, such as `SMOKE_CALLER`.

    Returns:
        One dict per prediction: the fields of `Answer` but `sent` and `digest`, and `actual` (None while the truth is
        unknown).

    Raises:
        PredictionLogError: when the file is no prediction log.
    """
    conditions, values = ["p.time >= ?", "p.time < ?"], [utc_text(since), utc_text(until), *exclude_callers]
    if exclude_callers:
        conditions.append(f"p.caller NOT IN ({', '.join('?' * len(exclude_callers))})")
    if version is not None:
        conditions.append(f"p.version = {version:d}")
    query = (
        f"SELECT {', '.join(f'p.{name}' for name in _ANSWERED)}, a.actual FROM predictions p "  # noqa: S608 (own names)
        f"LEFT JOIN actuals a ON a.prediction_id = p.id WHERE {' AND '.join(conditions)} ORDER BY p.time, p.id"
    )
    rows = _select(path, query, values)
    listed = [dict(zip((*_ANSWERED, "actual"), row, strict=True)) for row in rows]
    return [{**row, "features": json.loads(row["features"])} for row in listed]


def read_refusals(path: Path, *, since: datetime, until: datetime) -> dict[str, dict[str, int]]:
    """Return how often requests were refused in the time, by field and reason. Arguments as of `read_predictions`."""
    query = "SELECT field, reason, SUM(count) FROM refusals WHERE time >= ? AND time < ? GROUP BY field, reason"
    counts: dict[str, dict[str, int]] = {}
    for field, reason, count in _select(path, query, [utc_text(since), utc_text(until)]):
        counts.setdefault(field, {})[reason] = count
    return counts


def find_answer(path: Path, prediction_id: str) -> Answer | None:
    """Return the answer with this id, or None."""
    query = f"SELECT {', '.join(COLUMNS)} FROM predictions WHERE id = ?"  # noqa: S608 (own names)
    rows = _select(path, query, [prediction_id])
    return from_row(rows[0]) if rows else None


def _select(path: Path, query: str, values: list[str]) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    with reading(path) as connection:
        if not version_of(connection, path):  # the service has made the file, but not its tables yet
            return []
        return connection.execute(query, values).fetchall()


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a log that is there, to read. Raises PredictionLogError when it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise PredictionLogError(f"{path}: the prediction log cannot be read: {error}") from error
