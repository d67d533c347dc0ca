"""The copy of prediction logs in PostgreSQL, read as `blocks` reads an outbox, without the service's disk."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg

from pipeline.prediction_log.blocks import Span
from pipeline.prediction_log.database import Database, Session, identify
from pipeline.prediction_log.schema import Answer, utc_text
from pipeline.prediction_log.steps import PredictionLogError

_BYTES = 16 * 2**20  # of a block, about

# One column of text: what COPY escapes of it are backslashes alone, as JSON holds no bare control character.
_LINES = """COPY (
  SELECT row_to_json(line)::text FROM (
    SELECT p.id, p.time, p.version, p.prediction, p.low, p.high, p.latency_ms, a.actual, p.features
    FROM predictions p LEFT JOIN actuals a ON a.prediction_id = p.id
    WHERE p.model = %s AND p.time >= %s AND p.time < %s AND p.caller <> ALL(%s)
    ORDER BY p.time, p.id) line
) TO STDOUT"""
_REFUSALS = """SELECT field, reason, SUM(count)::bigint FROM refusals
  WHERE model = %s AND time >= %s AND time < %s GROUP BY field, reason ORDER BY field, reason"""
_SOON = "SET statement_timeout = '5s'"  # a client waits for it: a table that is locked is as good as away
_FIND = """SELECT id, time, model, version, features, prediction, low, high, latency_ms, caller FROM predictions
  WHERE model = %s AND id = %s"""
_TRUTHS = """SELECT p.id, a.actual FROM predictions p LEFT JOIN actuals a ON a.prediction_id = p.id
  WHERE p.model = %s AND p.id = ANY(%s)"""


@dataclass(frozen=True)
class CopiedLog:
    """What all outboxes of a model have copied so far."""

    database: Database
    model: str

    def blocks(self, span: Span) -> Iterator[bytes]:
        """Give blocks in the order of time, then id."""
        values = [self.model, span.since, span.until, list(span.without)]
        with self._session() as session, session.cursor().copy(_LINES, values) as rows:
            lines: list[bytes] = []
            size = 0
            for line in rows:
                lines.append(bytes(line))
                size += len(line)
                if size > _BYTES:
                    yield _joined(lines)
                    lines, size = [], 0
            if lines:
                yield _joined(lines)

    def refusals(self, span: Span) -> dict[str, dict[str, int]]:
        """Return how often values were refused, by field and reason."""
        counts: dict[str, dict[str, int]] = {}
        with self._session() as session:
            for field, reason, count in session.execute(_REFUSALS, [self.model, span.since, span.until]).fetchall():
                counts.setdefault(field, {})[reason] = count
        return counts

    def find(self, prediction_id: str) -> Answer | None:
        """Return the answer with this id, whichever outbox it came from, or None."""
        if not _askable(prediction_id):
            return None
        with self._session() as session:
            session.execute(_SOON)
            row = session.execute(_FIND, [self.model, prediction_id]).fetchone()
        return None if row is None else Answer(row[0], utc_text(row[1]), *row[2:])

    def truths(self, ids: Sequence[str]) -> dict[str, float | None]:
        """Return those ids that are predictions, each with its truth, None while that is unknown."""
        with self._session() as session:
            session.execute(_SOON)
            rows = session.execute(_TRUTHS, [self.model, [one for one in ids if _askable(one)]]).fetchall()
        return {row[0]: row[1] for row in rows}

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with closing(self.database.connect()) as session:
                identify(session)
                session.execute("SET TIME ZONE 'UTC'")
                yield session
        except psycopg.Error as error:
            told = self.database.told(error)
        else:
            return
        raise PredictionLogError(told)  # out of the handler: the context of an error may hold credentials


def _askable(prediction_id: str) -> bool:
    return prediction_id.isascii() and "\x00" not in prediction_id  # PostgreSQL takes no other, and no id is one


def _joined(lines: list[bytes]) -> bytes:
    return b"".join(lines).replace(b"\\\\", b"\\")
