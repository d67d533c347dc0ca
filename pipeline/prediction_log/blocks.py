"""Reading much of the prediction log at once: blocks of JSON lines, made by the database, without a Python row each.

A line has `row` (its place in the outbox; null in the copy), `id`, `time`, `version`, `prediction`, `low`, `high`,
`latency_ms`, `actual` (null while the truth is unknown) and `features`, an object.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pipeline.prediction_log.reader import read_refusals, reading
from pipeline.prediction_log.schema import utc_text
from pipeline.prediction_log.steps import version_of
from pipeline.settings import Settings

_ROWS = 50_000  # of a block, at most

_BOUNDS = "SELECT MIN(rowid), MAX(rowid) FROM predictions WHERE time >= ? AND time < ?"  # an index alone answers it
# Seventeen digits bring a number back as it was. Rows come by rowid, which is what bounds them.
_LINE = """printf('{"row":%d,"id":%s,"time":"%s","version":%d,"prediction":%!.17g,"low":%!.17g,"high":%!.17g,'
  || '"latency_ms":%!.17g,"actual":%s,"features":%s}', p.rowid, json_quote(p.id), p.time, p.version, p.prediction,
  p.low, p.high, p.latency_ms, iif(a.actual IS NULL, 'null', printf('%!.17g', a.actual)), p.features)"""
_BLOCK = f"""SELECT CAST(group_concat({_LINE}, char(10)) AS BLOB)
  FROM predictions p LEFT JOIN actuals a ON a.prediction_id = p.id
  WHERE p.rowid BETWEEN ? AND ? AND p.time >= ? AND p.time < ?
  AND p.caller NOT IN (SELECT value FROM json_each(?))"""  # noqa: S608 (own names)


@dataclass(frozen=True)
class Span:
    """A stretch of time, half open, and whose answers are left out."""

    since: datetime  # aware; included
    until: datetime  # aware; excluded
    without: tuple[str, ...] = ()  # callers, such as `SMOKE_CALLER`; a client may give itself any name


class Log(Protocol):
    """A prediction log to read. Both methods raise PredictionLogError when it cannot be read."""

    def blocks(self, span: Span) -> Iterator[bytes]:
        """Give what was answered in the span, each row once, in a stable order."""

    def refusals(self, span: Span) -> dict[str, dict[str, int]]:
        """Return how often values were refused, by field and reason."""


@dataclass(frozen=True)
class OutboxLog:
    """The service's own file. One that is not there yet holds nothing."""

    path: Path

    def blocks(self, span: Span) -> Iterator[bytes]:
        """Give blocks in the order in which answers were written, whatever the clock said."""
        if not self.path.exists():
            return
        with reading(self.path) as connection:
            if not version_of(connection, self.path):  # the service has made the file, but not its tables yet
                return
            connection.execute("BEGIN")  # all blocks are of one moment
            times = (utc_text(span.since), utc_text(span.until))
            first, last = connection.execute(_BOUNDS, times).fetchone()
            for start in range(first, last + 1, _ROWS) if first is not None else ():
                values = (start, start + _ROWS - 1, *times, json.dumps(span.without))
                (block,) = connection.execute(_BLOCK, values).fetchone()
                if block:
                    yield block

    def refusals(self, span: Span) -> dict[str, dict[str, int]]:
        """Return how often values were refused, by field and reason."""
        return read_refusals(self.path, since=span.since, until=span.until)


def log_of(settings: Settings, model: str) -> Log:
    """Return the log to read: the copy where the settings name one, as the outbox is on the service's disk only."""
    if settings.predictions_uri:
        from pipeline.prediction_log.copied import CopiedLog  # psycopg is loaded only where it is used
        from pipeline.prediction_log.database import database_of

        database = database_of(settings, model)
        assert database is not None  # noqa: S101 (its address is set)
        return CopiedLog(database, model)
    return OutboxLog(Path(settings.place("prediction_log", model)))
