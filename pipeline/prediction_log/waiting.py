"""What of the outbox waits to be copied, and how far the copy has come. The place is kept in the outbox itself."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.prediction_log.steps import PredictionLogError, transaction, upgrade

COPIED = ("id", "time", "model", "version", "features", "prediction", "low", "high", "latency_ms", "caller")

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Waiting:
    """The next rows of each kind, oldest first."""

    instance: str  # of the outbox: refusals are counted by it, since they have no id
    predictions: list[Row]  # seq, then COPIED
    actuals: list[Row]  # seq, prediction_id, actual, time
    refusals: list[Row]  # time, field, reason, count

    def __len__(self) -> int:
        return len(self.predictions) + len(self.actuals) + len(self.refusals)


@contextmanager
def shipping_from(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the outbox beside its writer, to read it and to keep the place.

    Raises:
        PredictionLogError: when it cannot be.
    """
    where = f"{path.resolve().as_uri()}?mode=rw"  # never made here
    try:
        with closing(sqlite3.connect(where, uri=True, timeout=10, isolation_level=None)) as connection:
            upgrade(connection, path)
            # A place that a power cut takes back only means that rows are copied again, which changes nothing; and
            # moving the write-ahead log into the file is left to the writer.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            yield connection
    except sqlite3.Error as error:
        raise PredictionLogError(f"{path}: the prediction log cannot be read for its copy: {error}") from error


def count_waiting(connection: sqlite3.Connection) -> int:
    """Return how many rows wait; where some of them were erased meanwhile, they are still counted."""
    (count,) = connection.execute(
        "SELECT MAX(0, (SELECT COALESCE(MAX(seq), 0) FROM predictions) - predictions)"
        " + MAX(0, (SELECT COALESCE(MAX(seq), 0) FROM actuals) - actuals)"
        " + (SELECT COUNT(*) FROM refusals WHERE shipped < count) FROM shipping"
    ).fetchone()
    return int(count)


def next_waiting(connection: sqlite3.Connection, limit: int) -> Waiting:
    """Return what waits, at most `limit` rows of each kind."""
    instance, predictions, actuals = connection.execute(
        "SELECT instance, predictions, actuals FROM shipping"
    ).fetchone()
    return Waiting(
        instance,
        connection.execute(
            f"SELECT seq, {', '.join(COPIED)} FROM predictions WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608 (own names)
            (predictions, limit),
        ).fetchall(),
        connection.execute(
            "SELECT seq, prediction_id, actual, time FROM actuals WHERE seq > ? ORDER BY seq LIMIT ?", (actuals, limit)
        ).fetchall(),
        connection.execute(
            "SELECT time, field, reason, count FROM refusals WHERE shipped < count ORDER BY time LIMIT ?", (limit,)
        ).fetchall(),
    )


def mark_shipped(connection: sqlite3.Connection, shipped: Waiting) -> None:
    """Keep the place behind what was copied."""
    with transaction(connection):
        for table, rows in (("predictions", shipped.predictions), ("actuals", shipped.actuals)):
            if rows:
                connection.execute(f"UPDATE shipping SET {table} = ?", (rows[-1][0],))  # noqa: S608 (own names)
        connection.executemany(
            "UPDATE refusals SET shipped = ? WHERE time = ? AND field = ? AND reason = ?",
            [(count, time, field, reason) for time, field, reason, count in shipped.refusals],
        )


def ship_to(connection: sqlite3.Connection, database: str, again: bool = False) -> None:
    """Say to which database is copied, by its id; to another one than before, or `again`, from the beginning."""
    with transaction(connection):
        moved = connection.execute("SELECT 1 FROM shipping WHERE database IS NOT ?", (database,)).fetchone()
        if moved or again:
            connection.execute("UPDATE shipping SET database = ?, predictions = 0, actuals = 0", (database,))
            connection.execute("UPDATE refusals SET shipped = 0")
