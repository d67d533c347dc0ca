"""What a version on trial would have answered: a file of its own beside the outbox, so that no answer waits for it."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from pipeline.prediction_log.steps import PredictionLogError

_TABLE = """CREATE TABLE IF NOT EXISTS shadows (
  prediction_id TEXT NOT NULL, version INTEGER NOT NULL, prediction REAL NOT NULL, low REAL NOT NULL,
  high REAL NOT NULL, time TEXT NOT NULL, PRIMARY KEY (prediction_id, version)) WITHOUT ROWID"""


class ShadowAnswer(NamedTuple):
    """What a version would have answered to a logged prediction's record; numbers in the target's unit."""

    prediction_id: str
    version: int
    prediction: float
    low: float
    high: float
    time: str  # of the prediction, as `utc_text` writes it


def shadow_path(outbox: Path) -> Path:
    """Return the file that goes with an outbox."""
    return outbox.with_name(f"{outbox.stem}.shadows.db")


class ShadowLog:
    """Writes one file. Belongs to one thread.

    Raises:
        PredictionLogError: when it cannot be opened.
    """

    def __init__(self, outbox: Path) -> None:
        self._path = shadow_path(outbox)
        self._connection: sqlite3.Connection | None = None

    def add(self, answers: Sequence[ShadowAnswer]) -> None:
        """Write answers; one that stands there already stays.

        Raises:
            PredictionLogError: when the file cannot be written; none is stored then.
        """
        row = f"({', '.join('?' * len(ShadowAnswer._fields))})"
        statement = f"INSERT INTO shadows VALUES {', '.join([row] * len(answers))} ON CONFLICT DO NOTHING"  # noqa: S608 (marks)
        try:
            if answers:
                self._opened().execute(statement, [value for answer in answers for value in answer])
        except (OSError, sqlite3.Error) as error:
            raise PredictionLogError(f"{self._path}: cannot be written: {error}") from error

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may take the last second of a trial
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute(_TABLE)
        return self._connection


def read_shadows(outbox: Path, version: int) -> list[ShadowAnswer]:
    """Return what a version would have answered, oldest first. Raises PredictionLogError."""
    path = shadow_path(outbox)
    if not path.exists():
        return []
    query = "SELECT * FROM shadows WHERE version = ? ORDER BY time, prediction_id"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'shadows'").fetchone():
                return []  # it is being made
            return [ShadowAnswer(*row) for row in connection.execute(query, (version,))]
    except sqlite3.Error as error:
        raise PredictionLogError(f"{path}: cannot be read: {error}") from error


def erase_shadows(outbox: Path, ids: str | None = None, before: str | None = None) -> None:
    """Erase what belongs to predictions, given by a JSON list of their ids, or what is older than a time."""
    path = shadow_path(outbox)
    if not path.exists():
        return
    where, value = ("time < ?", before) if ids is None else ("prediction_id IN (SELECT value FROM json_each(?))", ids)
    try:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"DELETE FROM shadows WHERE {where}", (value,))  # noqa: S608 (own conditions)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise PredictionLogError(f"{path}: cannot be erased from: {error}") from error
