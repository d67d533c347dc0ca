"""What the prediction log holds: one answer per prediction, truths that came later, and counted refusals."""

import json
import sqlite3
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError

SMOKE_CALLER = "mlops-smoke"  # who compares smoke rows after a release: no live traffic, monitoring leaves it out
SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS predictions (
  id TEXT PRIMARY KEY, time TEXT NOT NULL, model TEXT NOT NULL, version INTEGER NOT NULL, features TEXT NOT NULL,
  prediction REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL, latency_ms REAL NOT NULL, caller TEXT NOT NULL,
  sent TEXT);
CREATE INDEX IF NOT EXISTS predictions_by_time ON predictions (time);
CREATE TABLE IF NOT EXISTS actuals (prediction_id TEXT PRIMARY KEY, actual REAL NOT NULL, time TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refusals (
  time TEXT NOT NULL, field TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (time, field, reason)) WITHOUT ROWID;
"""


class PredictionLogError(PipelineError):
    """A prediction log that cannot be opened, written or read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered prediction. The numbers are in the target's unit."""

    id: str
    time: str  # as `utc_text` writes it
    model: str
    version: int
    features: dict[str, Any]  # the record in its normal form, by the contract's names
    prediction: float
    low: float
    high: float
    latency_ms: float  # from the request's arrival until the answer was handed to the log
    caller: str
    sent: str | None = None  # the body as it was sent, kept only where the client may repeat the request (by a key)


COLUMNS = tuple(field.name for field in fields(Answer))


def utc_text(moment: datetime) -> str:
    """Write an aware time so that texts sort as times do, such as 2026-01-31T09:00:00.000000+00:00."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def known_schema(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file has its tables already. Raises PredictionLogError when they are of another version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, SCHEMA_VERSION):
        raise PredictionLogError(f"{path}: has schema {version}, this code reads {SCHEMA_VERSION}; move the file away")
    return bool(version)


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none, all in one transaction: a reader sees all of them or none."""
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def to_row(answer: Answer) -> tuple[Any, ...]:
    """Return the answer's values in the order of `COLUMNS`."""
    values = (getattr(answer, name) for name in COLUMNS)
    return tuple(_json(value) if isinstance(value, dict) else value for value in values)


def from_row(row: tuple[Any, ...]) -> Answer:
    """Return the answer of a row in the order of `COLUMNS`."""
    values = dict(zip(COLUMNS, row, strict=True))
    return Answer(**{**values, "features": json.loads(values["features"])})


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
