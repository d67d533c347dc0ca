"""How much the prediction log holds, here and in the copy: what `mlops predictions status` shows."""

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from pipeline.prediction_log.database import Database, identify
from pipeline.prediction_log.reader import reading
from pipeline.prediction_log.steps import SCHEMA_VERSION, PredictionLogError, version_of
from pipeline.prediction_log.waiting import count_waiting

_PREDICTIONS = "SELECT COUNT(*), MIN(time), MAX(time) FROM predictions"


def of_outbox(path: Path) -> dict[str, Any]:
    """Return its schema, rows, first and last time, size in bytes, and how many rows wait to be copied.

    Only `path` where there is no outbox. Raises PredictionLogError when it cannot be read.
    """
    held: dict[str, Any] = {"place": str(path), "schema": None, "predictions": 0, "actuals": 0, "refusals": 0}
    held |= {"first": None, "last": None, "bytes": 0, "waiting": 0}
    if not path.exists():
        return held
    with reading(path) as connection:
        held["schema"] = version_of(connection, path)
        if held["schema"]:
            held["predictions"], held["first"], held["last"] = connection.execute(_PREDICTIONS).fetchone()
            (held["actuals"],) = connection.execute("SELECT COUNT(*) FROM actuals").fetchone()
            (held["refusals"],) = connection.execute("SELECT COALESCE(SUM(count), 0) FROM refusals").fetchone()
        held["waiting"] = count_waiting(connection) if held["schema"] == SCHEMA_VERSION else held["predictions"]
    files = (path, path.with_name(f"{path.name}-wal"))
    return held | {"bytes": sum(file.stat().st_size for file in files if file.exists())}


def of_database(database: Database, model: str) -> dict[str, Any]:
    """Return the same of the copy, of one model; where it cannot be read, only its place and the `error`."""
    held = {"place": database.uri}
    try:
        with closing(database.connect()) as session:
            identify(session)
            predictions = session.execute(f"{_PREDICTIONS} WHERE model = %s".encode(), [model]).fetchone()
            actuals = session.execute(
                "SELECT COUNT(*) FROM actuals WHERE prediction_id IN (SELECT id FROM predictions WHERE model = %s)",
                [model],
            ).fetchone()
            counted = "SELECT COALESCE(SUM(count), 0)::bigint FROM refusals WHERE model = %s"
            refusals = session.execute(counted, [model]).fetchone()
    except PredictionLogError as error:
        return {**held, "error": str(error)}
    except psycopg.Error as error:
        return {**held, "error": database.told(error)}
    assert predictions and actuals and refusals  # noqa: S101, PT018 (an aggregate is one row)
    count, first, last = predictions
    times = {"first": first and first.isoformat(), "last": last and last.isoformat()}
    return {**held, "predictions": count, "actuals": actuals[0], "refusals": refusals[0], **times}
