"""What the writer does to the prediction log within its transactions."""

import math
import sqlite3
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import Literal

from pipeline.prediction_log.schema import COLUMNS, Answer, from_row, to_row
from pipeline.prediction_log.steps import PredictionLogError, upgrade

Outcome = Literal["accepted", "repeated", "unknown", "contradiction", "not finite"]

_ROW = f"({', '.join('?' * len(COLUMNS))})"
# Rows of one statement. Few sizes: SQLite keeps every statement compiled, and one of 512 rows takes half a megabyte.
_SIZES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512)
_AT_ONCE = _SIZES[-1]
_NO_ROW = (None,) * len(COLUMNS)
_FIND = f"SELECT {', '.join(COLUMNS)} FROM predictions WHERE id = ?"  # noqa: S608 (own names)
_INSERT = f"INSERT INTO predictions ({', '.join(COLUMNS)})"
_INSERT_UNLESS_THERE = f"{_INSERT} VALUES {_ROW} ON CONFLICT (id) DO NOTHING"
_INSERT_ACTUAL = "INSERT INTO actuals (prediction_id, actual, time) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_COUNT = (
    "INSERT INTO refusals (time, field, reason, count) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (time, field, reason) DO UPDATE SET count = count + excluded.count"
)


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """Open the log, making it and its folders where there is none; one of an earlier schema is brought up to date.

    Raises:
        PredictionLogError: when it cannot be opened, or is of a later schema.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The writer's thread takes the connection over; transactions are begun and ended by hand.
        connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer, nor it for them
        connection.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut
        connection.execute("PRAGMA cache_size = -512")  # KiB: rows are added at the end, so little is read again
        upgrade(connection, path)
    except (OSError, sqlite3.Error) as error:
        raise PredictionLogError(f"{path}: the prediction log cannot be opened: {error}") from error
    return connection


def add_new(connection: sqlite3.Connection, answers: Sequence[Answer]) -> bool:
    """Write answers by one statement that is a transaction of its own, outside of any other.

    For each statement the writer gives the interpreter away and waits to get it back, and the event loop, which answers
    meanwhile, does not let go of it for milliseconds: so one statement, not a BEGIN, an INSERT for each and a COMMIT.

    Returns:
        False when nothing was written: there are too many, or an id is in the log already (a request was repeated).
    """
    if len(answers) > _AT_ONCE:
        return False
    size = _SIZES[bisect_left(_SIZES, len(answers))]
    rows = [*map(to_row, answers), *repeat(_NO_ROW, size - len(answers))]
    try:
        connection.execute(_insert_some(size), list(chain.from_iterable(rows)))
    except sqlite3.IntegrityError:
        return False
    return True


def add_answer(connection: sqlite3.Connection, answer: Answer) -> Answer:
    """Write an answer, and return what stands under its id: this answer, or an earlier one."""
    inserted = connection.execute(_INSERT_UNLESS_THERE, to_row(answer)).rowcount
    return answer if inserted else from_row(connection.execute(_FIND, (answer.id,)).fetchone())


def add_answers(connection: sqlite3.Connection, answers: Sequence[Answer]) -> list[Answer]:
    """Write answers within a transaction, all or none, and return for each what `add_answer` would."""
    written: list[Answer] = []
    for start in range(0, len(answers), _AT_ONCE):
        some = answers[start : start + _AT_ONCE]
        written += some if add_new(connection, some) else [add_answer(connection, answer) for answer in some]
    return written


@cache
def _insert_some(size: int) -> str:
    rows = ", ".join([_ROW] * size)
    return f"{_INSERT} SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL"  # noqa: S608 (own names)


def add_actual(
    connection: sqlite3.Connection, prediction_id: str, actual: float, now: str, *, elsewhere: bool = False
) -> Outcome:
    """Write the truth of a prediction, which another outbox may hold (`elsewhere`); the first one told stays."""
    if not math.isfinite(actual):
        return "not finite"
    here = connection.execute("SELECT 1 FROM predictions WHERE id = ?", (prediction_id,)).fetchone()
    if not (here or elsewhere):
        return "unknown"
    values = (prediction_id, actual, now)
    if connection.execute(_INSERT_ACTUAL, values).rowcount:
        return "accepted"
    known = connection.execute("SELECT actual FROM actuals WHERE prediction_id = ?", (prediction_id,)).fetchone()[0]
    return "repeated" if known == actual else "contradiction"


def count_refusals(connection: sqlite3.Connection, counts: Mapping[tuple[str, str], int], second: str) -> None:
    """Add to what was refused in a second, by field and reason."""
    connection.executemany(_COUNT, [(second, field, reason, count) for (field, reason), count in counts.items()])


def touch(connection: sqlite3.Connection) -> None:
    """Write the first page without changing anything: a full disk shows."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version:d}")
