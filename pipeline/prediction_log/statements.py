"""What the writer does to the prediction log within its transactions."""

import math
import sqlite3
from pathlib import Path
from typing import Literal

from pipeline.prediction_log.schema import (
    COLUMNS,
    SCHEMA_VERSION,
    Answer,
    PredictionLogError,
    create_tables,
    from_row,
    known_schema,
    to_row,
)

Outcome = Literal["accepted", "repeated", "unknown", "contradiction", "not finite"]

_INSERT = (
    f"INSERT INTO predictions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 (own names)
    "ON CONFLICT (id) DO NOTHING"
)
_FIND = f"SELECT {', '.join(COLUMNS)} FROM predictions WHERE id = ?"  # noqa: S608 (own names)
_COUNT = (
    "INSERT INTO refusals (time, field, reason, count) VALUES (?, ?, ?, 1) "
    "ON CONFLICT (time, field, reason) DO UPDATE SET count = count + 1"
)


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """Open the log, making it and its folders where there is none.

    Raises:
        PredictionLogError: when it cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The writer's thread takes the connection over; transactions are begun and ended by hand.
        connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer, nor it for them
        connection.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut
        if not known_schema(connection, path):
            create_tables(connection)
    except (OSError, sqlite3.Error) as error:
        raise PredictionLogError(f"{path}: the prediction log cannot be opened: {error}") from error
    return connection


def add_answer(connection: sqlite3.Connection, answer: Answer) -> Answer:
    """Write an answer, and return what stands under its id: this answer, or an earlier one."""
    inserted = connection.execute(_INSERT, to_row(answer)).rowcount
    return answer if inserted else from_row(connection.execute(_FIND, (answer.id,)).fetchone())


def add_actual(connection: sqlite3.Connection, prediction_id: str, actual: float, now: str) -> Outcome:
    """Write the truth of a prediction; the first one told stays."""
    if not math.isfinite(actual):
        return "not finite"
    if not connection.execute("SELECT 1 FROM predictions WHERE id = ?", (prediction_id,)).fetchone():
        return "unknown"
    values = (prediction_id, actual, now)
    if connection.execute("INSERT INTO actuals VALUES (?, ?, ?) ON CONFLICT DO NOTHING", values).rowcount:
        return "accepted"
    known = connection.execute("SELECT actual FROM actuals WHERE prediction_id = ?", (prediction_id,)).fetchone()[0]
    return "repeated" if known == actual else "contradiction"


def count_refusal(connection: sqlite3.Connection, field: str, reason: str, second: str) -> None:
    """Count one refused value."""
    connection.execute(_COUNT, (second, field, reason))


def touch(connection: sqlite3.Connection) -> None:
    """Write the first page without changing anything: a full disk or a lost file shows."""
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
