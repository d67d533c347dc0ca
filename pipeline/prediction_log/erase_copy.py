"""Erasing predictions and what is told of them, in the PostgreSQL that outboxes are copied to."""

from typing import Any

import psycopg

from pipeline.prediction_log.choice import Choice
from pipeline.prediction_log.database import LOCK, Database, Session, identify
from pipeline.prediction_log.erase import Erased
from pipeline.prediction_log.steps import PredictionLogError


def erase_in_database(database: Database, model: str, choice: Choice, *, dry: bool = False) -> Erased:
    """Erase in one transaction; where `dry`, only count. After the outbox, so that nothing is copied anew.

    PostgreSQL frees the rows' bytes when it vacuums, and its backups are out of reach from here.

    Raises:
        PredictionLogError: when the database is away, or refuses.
    """
    with database.connect() as session:
        identify(session)
        try:
            with session.transaction(force_rollback=dry):
                session.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                return _erase(session, model, choice)
        except psycopg.Error as error:
            told = database.told(error)
    raise PredictionLogError(told)  # out of the handler: the context of an error may hold credentials


def _erase(session: Session, model: str, choice: Choice) -> Erased:
    where, values = choice.in_postgresql()
    chosen = f"model = %s AND {where}"
    actuals = f"DELETE FROM actuals WHERE prediction_id IN (SELECT id FROM predictions WHERE {chosen})"  # noqa: S608 (own)
    told = _changed(session, actuals, [model, *values])
    answered = _changed(session, f"DELETE FROM predictions WHERE {chosen}", [model, *values])  # noqa: S608 (own)
    if choice.before is None or choice.ids or choice.features:
        return Erased(answered, told)
    old = "DELETE FROM refusals WHERE model = %s AND time < %s::timestamptz RETURNING count"
    return Erased(answered, told, sum(row[0] for row in session.execute(old, [model, choice.before])))


def _changed(session: Session, statement: str, values: list[Any]) -> int:
    return session.execute(statement.encode(), values).rowcount  # names are own, values are bound
