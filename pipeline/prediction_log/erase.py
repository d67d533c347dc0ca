"""Erasing predictions and what is told of them, in the outbox: gone from its tables, and from its bytes."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.prediction_log.choice import Choice
from pipeline.prediction_log.shadow_log import erase_shadows
from pipeline.prediction_log.statements import connect_for_writing
from pipeline.prediction_log.steps import PredictionLogError, transaction

_SLICE = 1000  # predictions of a transaction: the service writes between two
_PATIENCE = 10.0  # seconds that readers may hold up the emptying of the write-ahead log


@dataclass(frozen=True)
class Erased:
    """How many rows were (or would be) erased."""

    predictions: int = 0
    actuals: int = 0
    refusals: int = 0  # refused values, which have an age only


def count_in_outbox(path: Path, choice: Choice) -> Erased:
    """Return what `erase_in_outbox` would erase. Raises PredictionLogError when the outbox cannot be read."""
    if not path.exists():
        return Erased()
    where, values = choice.in_sqlite()
    with _opened(path) as connection:
        chosen = f"SELECT id FROM predictions WHERE {where}"  # noqa: S608 (own conditions, values are bound)
        joined = f"SELECT COUNT(*), COUNT(a.seq) FROM ({chosen}) LEFT JOIN actuals a ON a.prediction_id = id"  # noqa: S608
        predictions, actuals = connection.execute(joined, values).fetchone()
        actuals += sum(
            connection.execute(f"SELECT COUNT(*) {strays}", bound).fetchone()[0] for strays, bound in _strays(choice)
        )
        old = "SELECT COALESCE(SUM(count), 0) FROM refusals WHERE time < ?"
        refusals = connection.execute(old, (choice.before,)).fetchone()[0] if _by_age_only(choice) else 0
    return Erased(predictions, actuals, refusals)


def erase_in_outbox(path: Path, choice: Choice, patience: float = _PATIENCE) -> Erased:
    """Erase predictions, their actuals, and refusals of that age. A service may go on writing meanwhile.

    Their bytes are overwritten, by SQLite's secure_delete; `scrub` also takes away what earlier changes may have left.

    Raises:
        PredictionLogError: when the outbox cannot be written, or somebody reads old pages for more than `patience`
            seconds; what was erased until then stays erased.
    """
    erased = count_in_outbox(path, choice)
    if erased == Erased():
        return erased
    where, values = choice.in_sqlite()
    with _opened(path) as connection:
        found = f"SELECT id FROM predictions WHERE {where} ORDER BY seq"  # noqa: S608 (own conditions)
        ids = [row[0] for row in connection.execute(found, values)]
        for start in range(0, len(ids), _SLICE):
            some = json.dumps(ids[start : start + _SLICE])
            _erase_slice(connection, some)
            erase_shadows(path, some)
        for strays, bound in _strays(choice):
            connection.execute(f"DELETE {strays}", bound)
        if _by_age_only(choice):
            with transaction(connection):
                connection.execute("DELETE FROM refusals WHERE time < ?", (choice.before,))
        _empty_wal(connection, path, patience)
    return erased


def scrub(path: Path, patience: float = _PATIENCE) -> None:
    """Write the file anew without anything that was erased before. The service's writer waits as long as that takes.

    Raises:
        PredictionLogError: when it cannot be done, such as for want of room for a second copy of the file.
    """
    with _opened(path) as connection:
        connection.execute("VACUUM")
        _empty_wal(connection, path, patience)


def _erase_slice(connection: sqlite3.Connection, ids: str) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM actuals WHERE prediction_id IN (SELECT value FROM json_each(?))", (ids,))
        connection.execute("DELETE FROM predictions WHERE id IN (SELECT value FROM json_each(?))", (ids,))


def _strays(choice: Choice) -> Iterator[tuple[str, list[Any]]]:
    """Give which actuals belong to predictions that other outboxes hold: of these only id and age are known here."""
    strays = "FROM actuals WHERE prediction_id NOT IN (SELECT id FROM predictions)"
    if choice.ids and not choice.features and choice.before is None:
        chosen = f"{strays} AND prediction_id IN (SELECT value FROM json_each(?))"  # noqa: S608 (own conditions)
        yield chosen, [json.dumps(choice.ids)]
    if _by_age_only(choice):
        yield f"{strays} AND time < ?", [choice.before]


def _by_age_only(choice: Choice) -> bool:
    return choice.before is not None and not choice.ids and not choice.features


def _empty_wal(connection: sqlite3.Connection, path: Path, patience: float) -> None:
    """The write-ahead log holds pages as they were before: move what counts into the file, and cut it to nothing."""
    connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
    if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        raise PredictionLogError(f"{path}: erased, but traces stay in {path.name}-wal while somebody reads; try again")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect_for_writing(path)) as connection:
        try:
            connection.execute("PRAGMA secure_delete = ON")
            yield connection
        except sqlite3.Error as error:
            raise PredictionLogError(f"{path}: cannot be erased from: {error}") from error
