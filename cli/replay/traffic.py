"""A period's rows as live traffic: the released bundle answers in process, and the real prediction log keeps it."""

import tempfile
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from cli.replay.periods import Period
from ingestion.collect import collect
from ingestion.files import load_table
from ingestion.validate import Validated, validate
from pipeline.bundle.load import Bundle, Numbers, load_bundle
from pipeline.contract import Contract
from pipeline.data_content import to_frame
from pipeline.model_registry import BUNDLE, fetch_bundle
from pipeline.prediction_log import Answer, Loggable, utc_text
from pipeline.prediction_log.statements import add_actual, add_answers, connect_for_writing
from pipeline.records import to_record
from pipeline.release_log import Release
from pipeline.settings import Settings

CALLER = "mlops-replay"


def incoming(contract: Contract, settings: Settings, world: str, period: Period) -> Validated:
    """Collect a period's rows from the world and validate them, as the first tasks of ingestion do."""
    run = f"period-{period.number}"
    return validate(contract, settings, run, collect(contract, settings, run, period.window, world))


def rows_of(validated: Validated) -> pd.DataFrame:
    """Return the rows of a valid batch."""
    return to_frame(load_table(validated.uri))


def answer(contract: Contract, settings: Settings, live: Release, period: Period, rows: pd.DataFrame) -> Numbers:
    """Predict rows, log the answers at their times, and return the predictions, shape (rows,), in the target's unit.

    The ids are made of period and place: what is repeated after a kill writes nothing twice.
    """
    bundle = bundle_of(settings, live)
    predicted = bundle.predict(bundle.encoder.columns({name: rows[name].to_numpy() for name in bundle.encoder.names}))
    low, high = bundle.interval(predicted)
    loggable, times = Loggable(contract), times_of(contract, period, rows)
    records = (
        to_record(contract, {str(name): value for name, value in row.items()}) for row in rows.to_dict("records")
    )
    answers = [
        Answer(
            id=prediction_id(period, place),
            time=utc_text(times[place]),
            model=contract.name,
            version=live.version,
            features=loggable.features(record),
            prediction=float(predicted[place]),
            low=float(low[place]),
            high=float(high[place]),
            latency_ms=0.0,  # nobody waited; a measured time would make two runs differ
            caller=CALLER,
        )
        for place, record in enumerate(records)
    ]
    _write(contract, settings, answers, [])
    return predicted


def tell_truths(contract: Contract, settings: Settings, period: Period, rows: pd.DataFrame, delay: timedelta) -> None:
    """Log the true values of a period's predictions, each as long after its answer as the delay is."""
    times = times_of(contract, period, rows)
    actual = rows[contract.target.name].to_numpy(dtype=float)
    truths = [
        (prediction_id(period, place), float(value), utc_text(times[place] + delay))
        for place, value in enumerate(actual)
    ]
    _write(contract, settings, [], truths)


def times_of(contract: Contract, period: Period, rows: pd.DataFrame) -> list[datetime]:
    """Return when each row comes: its event time, or evenly over the period where rows have none."""
    if contract.event_time:
        return [moment.tz_localize("UTC").to_pydatetime() for moment in rows[contract.event_time]]
    step = (period.until - period.since) / max(len(rows), 1)
    return [period.since + place * step for place in range(len(rows))]


def prediction_id(period: Period, place: int) -> str:
    """Return the id of the prediction of a period's row."""
    return f"period-{period.number}-{place}"


def bundle_of(settings: Settings, live: Release) -> Bundle:
    """Fetch what a release names from the model registry, and open it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / BUNDLE
        fetch_bundle(settings, live.run_id, live.bundle_digest, folder)
        return load_bundle(folder)


def mean_error(contract: Contract, rows: pd.DataFrame, predicted: Numbers) -> float | None:
    """Return the mean absolute error in the target's unit; None without rows."""
    actual = rows[contract.target.name].to_numpy(dtype=float)
    return float(np.mean(np.abs(predicted - actual))) if len(actual) else None


def _write(contract: Contract, settings: Settings, answers: list[Answer], truths: list[tuple[str, float, str]]) -> None:
    """Write in one transaction. Not by the service's `Outbox`, which takes the time of a truth from the clock."""
    path = Path(settings.place("prediction_log", contract.name))
    with closing(connect_for_writing(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        add_answers(connection, answers)
        for told in truths:
            add_actual(connection, *told)
        connection.execute("COMMIT")
