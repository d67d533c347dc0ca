"""Copying the outbox of predictions to PostgreSQL: batch by batch, each row once."""

import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from pipeline.prediction_log.database import LOCK, Database, Session, identify
from pipeline.prediction_log.steps import PredictionLogError
from pipeline.prediction_log.waiting import Waiting, count_waiting, mark_shipped, next_waiting, ship_to, shipping_from

# Rows of a kind. Small: a thread of the service copies, and what it does in Python between two waits for the database
# (about 3 ms) holds up the answers.
_BATCH = 500
_STATEMENT_SECONDS = 30
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")  # an even number of backslashes before it are letters of their own

_INCOMING: tuple[LiteralString, ...] = (
    "CREATE TEMPORARY TABLE incoming_predictions (LIKE predictions) ON COMMIT DELETE ROWS",
    "CREATE TEMPORARY TABLE incoming_actuals (LIKE actuals) ON COMMIT DELETE ROWS",
    "CREATE TEMPORARY TABLE incoming_refusals (LIKE refusals) ON COMMIT DELETE ROWS",
)
_COPY_PREDICTIONS: LiteralString = (
    "COPY incoming_predictions (id, time, model, version, features, prediction, low, high, latency_ms, caller) "
    "FROM STDIN"
)
_COPY_ACTUALS: LiteralString = "COPY incoming_actuals (prediction_id, actual, time) FROM STDIN"
_COPY_REFUSALS: LiteralString = "COPY incoming_refusals (instance, model, time, field, reason, count) FROM STDIN"
_TAKE: tuple[LiteralString, ...] = (
    "INSERT INTO predictions SELECT * FROM incoming_predictions ON CONFLICT (id) DO NOTHING",
    "INSERT INTO actuals SELECT * FROM incoming_actuals ON CONFLICT (prediction_id) DO NOTHING",
    # Counts of a second grow, and are copied as they stand: repeating that changes nothing.
    (
        "INSERT INTO refusals SELECT * FROM incoming_refusals ON CONFLICT (instance, model, time, field, reason) "
        "DO UPDATE SET count = GREATEST(refusals.count, EXCLUDED.count)"
    ),
)


class Copier:
    """Copies one outbox, over one connection for as long as it holds. Belongs to one thread.

    Attributes:
        waiting: how many rows waited when the outbox was last looked at.
    """

    def __init__(self, path: Path, database: Database, model: str) -> None:
        self._path, self._database, self._model = path, database, model
        self._session: Session | None = None
        self.waiting = 0

    def copy(self, *, again: bool = False) -> int:
        """Copy what waits, and return how many rows that were.

        Args:
            again: copy what was copied before as well: for a database that was restored from a backup.

        Raises:
            PredictionLogError: when the database is away or refuses, or the outbox cannot be read; what was copied
                until then is not copied again.
        """
        with shipping_from(self._path) as outbox:
            self.waiting = count_waiting(outbox)
            if not (again or self.waiting):
                return 0
            try:
                return self._copy_all(outbox, self._connected(outbox, again))
            except psycopg.Error as error:
                told = self._database.told(error)
        self.close()
        raise PredictionLogError(told)  # out of the handler: the context of an error may hold credentials

    def close(self) -> None:
        """End the connection; the next copy makes another."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def _connected(self, outbox: sqlite3.Connection, again: bool) -> Session:
        session = self._session or self._database.connect()
        try:
            ship_to(outbox, identify(session), again)
            if session is not self._session:
                _prepare(session)
        except PredictionLogError:
            session.close()
            raise
        self._session = session
        return session

    def _copy_all(self, outbox: sqlite3.Connection, session: Session) -> int:
        copied = 0
        while batch := _copy_batch(outbox, session, self._model):
            copied += len(batch)
            self.waiting = count_waiting(outbox)
        return copied


def _prepare(session: Session) -> None:
    session.execute("SELECT set_config('statement_timeout', %s, false)", (f"{_STATEMENT_SECONDS}s",))
    for statement in _INCOMING:
        session.execute(statement)


def _copy_batch(outbox: sqlite3.Connection, session: Session, model: str) -> Waiting:
    with session.transaction():
        session.execute("SELECT pg_advisory_xact_lock_shared(%s)", (LOCK,))
        batch = next_waiting(outbox, _BATCH)  # within the lock: what is erased by then is not read
        _copy(session, _COPY_PREDICTIONS, [row[1:] for row in batch.predictions])
        _copy(session, _COPY_ACTUALS, [row[1:] for row in batch.actuals])
        _copy(session, _COPY_REFUSALS, [(batch.instance, model, *row) for row in batch.refusals])
        if batch:
            for statement in _TAKE:
                session.execute(statement)
    mark_shipped(outbox, batch)
    return batch


def _copy(session: Session, statement: LiteralString, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with session.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row([_storable(value) for value in row])


def _storable(value: Any) -> Any:
    r"""PostgreSQL knows no letter with the number 0, also not as \u0000 in JSON: U+FFFD stands for it."""
    if not isinstance(value, str) or ("\x00" not in value and "\\u0000" not in value):
        return value
    return _NUL.sub(r"\1\\ufffd", value).replace("\x00", "\ufffd")
