"""The outbox's tables, as the steps that lead from one schema to the next.

The service takes the steps itself when it opens the file; the Alembic migrations of the outbox take the same ones.
`PRAGMA user_version` counts how many were taken.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PipelineError


class PredictionLogError(PipelineError):
    """A prediction log that cannot be opened, written, read or copied."""


_STEP_1 = """
CREATE TABLE predictions (
  id TEXT PRIMARY KEY, time TEXT NOT NULL, model TEXT NOT NULL, version INTEGER NOT NULL, features TEXT NOT NULL,
  prediction REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL, latency_ms REAL NOT NULL, caller TEXT NOT NULL,
  sent TEXT);
CREATE INDEX predictions_by_time ON predictions (time);
CREATE TABLE actuals (prediction_id TEXT PRIMARY KEY, actual REAL NOT NULL, time TEXT NOT NULL);
CREATE TABLE refusals (
  time TEXT NOT NULL, field TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (time, field, reason)) WITHOUT ROWID;
"""

# What shipping needs: a number per row that is never given twice, not even after the last row was erased (which is
# what AUTOINCREMENT adds) and that VACUUM leaves alone; what has been shipped, and to which database.
_STEP_2 = """
DROP INDEX predictions_by_time;
ALTER TABLE predictions RENAME TO predictions_1;
CREATE TABLE predictions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, time TEXT NOT NULL, model TEXT NOT NULL,
  version INTEGER NOT NULL, features TEXT NOT NULL, prediction REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL,
  latency_ms REAL NOT NULL, caller TEXT NOT NULL, sent TEXT, digest TEXT);
INSERT INTO predictions (id, time, model, version, features, prediction, low, high, latency_ms, caller, sent)
  SELECT id, time, model, version, features, prediction, low, high, latency_ms, caller, sent
  FROM predictions_1 ORDER BY rowid;
DROP TABLE predictions_1;
CREATE INDEX predictions_by_time ON predictions (time);
ALTER TABLE actuals RENAME TO actuals_1;
CREATE TABLE actuals (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, prediction_id TEXT NOT NULL UNIQUE, actual REAL NOT NULL, time TEXT NOT NULL);
INSERT INTO actuals (prediction_id, actual, time) SELECT prediction_id, actual, time FROM actuals_1 ORDER BY rowid;
DROP TABLE actuals_1;
ALTER TABLE refusals ADD COLUMN shipped INTEGER NOT NULL DEFAULT 0;
CREATE INDEX refusals_to_ship ON refusals (time) WHERE shipped < count;
CREATE TABLE shipping (
  instance TEXT NOT NULL, database TEXT, predictions INTEGER NOT NULL, actuals INTEGER NOT NULL);
INSERT INTO shipping SELECT lower(hex(randomblob(16))), NULL, 0, 0;
"""

STEPS = tuple(
    tuple(statement.strip() for statement in script.split(";") if statement.strip()) for script in (_STEP_1, _STEP_2)
)
SCHEMA_VERSION = len(STEPS)


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the file's schema; 0 before it has tables. Raises PredictionLogError for one of later code."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise PredictionLogError(
            f"{path}: has schema {version}, this code knows those up to {SCHEMA_VERSION}; "
            "run the release that wrote it, or move the file away"
        )
    return version


def upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Take the steps that are missing, all in one transaction: whoever reads sees the old tables or the new ones.

    The connection is one whose transactions are begun by hand. Raises PredictionLogError as `version_of` does.
    """
    if version_of(connection, path) == SCHEMA_VERSION:
        return
    connection.execute("PRAGMA secure_delete = ON")  # the old tables leave no copy of their rows behind
    with transaction(connection):
        for statement in (line for step in STEPS[version_of(connection, path) :] for line in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Begin a transaction that writes; commit it, or take it back with what is raised."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
