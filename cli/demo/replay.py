"""Replaying rows as traffic: real HTTP requests to the prediction service, and the truth posted with their ids."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track

from cli.console import console
from ingestion.collect import collect
from ingestion.files import load_table
from ingestion.validate import validate
from pipeline.contract import Contract, Window
from pipeline.data_content import to_frame
from pipeline.records import to_record
from pipeline.settings import Settings
from pipeline.split import identity_columns, row_hash
from serving.client import ServiceClient

CALLER = "mlops-demo"
_CLIENTS = 4
_TRUTHS_AT_ONCE = 200


@dataclass(frozen=True)
class Replayed:
    """What was sent, and how well it was answered; errors are in the target's unit."""

    rows: int
    mae: float
    r2: float
    coverage: float
    versions: tuple[int, ...]


def replay(contract: Contract, settings: Settings, window: Window) -> Replayed:
    """Send a window's rows one by one, then their true values.

    Each request carries an idempotency key made of its row: a replay that is repeated, or that was stopped half way,
    leaves one prediction per row in the log.
    """
    rows = _rows(contract, settings, window)
    actual = rows[contract.target.name].to_numpy(dtype=float)
    with ServiceClient(settings.place("service_uri", contract.name), key=settings.service_key) as service:
        answers = list(_predict(service, contract, rows))
        for start in range(0, len(answers), _TRUTHS_AT_ONCE):
            part = slice(start, start + _TRUTHS_AT_ONCE)
            ids = [answer["id"] for answer in answers[part]]
            service.actuals(
                [{"prediction_id": id_, "actual": value} for id_, value in zip(ids, actual[part], strict=True)]
            )
    return _summary(answers, actual)


def _rows(contract: Contract, settings: Settings, window: Window) -> pd.DataFrame:
    run = f"replay-{window.id}"
    return to_frame(load_table(validate(contract, settings, run, collect(contract, settings, run, window)).uri))


def _predict(service: ServiceClient, contract: Contract, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    identity = list(identity_columns(contract))
    keys = [
        f"{row_hash(values)}-{place}" for place, values in enumerate(rows[identity].itertuples(index=False, name=None))
    ]
    records = [
        to_record(contract, {str(name): value for name, value in row.items()}) for row in rows.to_dict("records")
    ]

    def ask(place: int) -> dict[str, Any]:
        return service.predict(records[place], caller=CALLER, idempotency_key=keys[place])

    with ThreadPoolExecutor(_CLIENTS) as pool:
        yield from track(
            pool.map(ask, range(len(rows))), "  sending requests", len(rows), console=console, transient=True
        )


def _summary(answers: list[dict[str, Any]], actual: Any) -> Replayed:
    predicted = np.array([answer["prediction"] for answer in answers])
    low = np.array([answer["interval"]["low"] for answer in answers])
    high = np.array([answer["interval"]["high"] for answer in answers])
    error = predicted - actual
    return Replayed(
        rows=len(answers),
        mae=float(np.abs(error).mean()),
        r2=1 - float((error**2).sum() / ((actual - actual.mean()) ** 2).sum()),
        coverage=float(((low <= actual) & (actual <= high)).mean()),
        versions=tuple(sorted({answer["model_version"] for answer in answers})),
    )
