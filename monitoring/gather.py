"""Gather what monitoring looks at: live traffic, the data of the served version, and what was ingested since."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from pydantic import AwareDatetime

from monitoring.errors import MonitoringError
from monitoring.frames import write_frame
from monitoring.inputs.data_rows import new_rows, reference_rows
from monitoring.inputs.live import store_answers
from monitoring.inputs.service_metrics import ask_service
from monitoring.measured import Service
from pipeline.batch_log import BatchNote, read_batches
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_registry import DataRegistry
from pipeline.errors import NothingToDo
from pipeline.prediction_log import SMOKE_CALLER
from pipeline.prediction_log.blocks import Span, log_of
from pipeline.release_history import past_releases
from pipeline.release_log import Release, read_release
from pipeline.settings import Settings
from pipeline.storage import storage


class Gathered(Section):
    """What one run looks at: addresses of Parquet files and how many rows they hold; None where there are no rows."""

    since: AwareDatetime  # live traffic from here on ...
    until: AwareDatetime  # ... to here
    data_version: str  # the newest data that was looked at
    served: Release | None = None  # None: Git says that nothing is live
    live_uri: str | None = None
    live_rows: int = 0
    other_uri: str | None = None  # answers of other versions in the same time
    other_rows: int = 0
    other_mae: dict[int, float] = {}  # version -> held-out MAE, where a release of it is known
    clock_back_seconds: float = 0  # the furthest that the clock of the service went back
    reference_uri: str | None = None
    reference_rows: int = 0
    new_data_uri: str | None = None
    new_data_rows: int = 0
    refusals: dict[str, dict[str, int]] = {}  # field -> reason -> refused values of requests
    batch_refusals: dict[
        str, dict[str, int]
    ] = {}  # field -> reason -> refused rows of batches that were ingested since
    known_refusals: dict[str, dict[str, int]] = {}  # likewise, of the batches that the served version's data has
    known_rows: int = 0  # all rows of those batches; 0: nothing is known of them
    model_away: str = ""  # why the served version could not be asked about its held-out rows; empty: it was
    service: Service | None = None  # None: it was not asked


def gather(
    contract: Contract,
    settings: Settings,
    run: str,
    until: datetime,
    data_version: str | None = None,
    ask: bool = True,
) -> Gathered:
    """Collect live traffic, the reference (the served version's data) and newer data, in one normal form.

    Args:
        contract: the model's contract.
        settings: where things are.
        run: names the files, so that a repeated run replaces its own.
        until: the end of the window of live traffic, with a time zone; never "now", so that a run can be repeated.
        data_version: what was published last; None asks the data registry.
        ask: whether to ask the service how it does; its answer is of now, whatever the window.

    Raises:
        NothingToDo: when no data version is published yet.
        MonitoringError: when `until` has no time zone, or a row of the log cannot be read.
        PredictionLogError: when the prediction log, or its copy where one is set, cannot be read.
    """
    if until.tzinfo is None:
        raise MonitoringError(f"until={until.isoformat()} has no time zone: add one, such as +00:00")
    newest = data_version or DataRegistry(settings, contract).latest()
    if newest is None:
        raise NothingToDo(f"no data version is published yet for {contract.name}: ingest a window first")
    since = until - timedelta(days=contract.monitoring.window_days)
    looked_at = Gathered(since=since, until=until, data_version=newest, served=read_release(settings, contract.name))
    if looked_at.served is None:
        return looked_at
    gathered = {
        **_live(contract, settings, run, looked_at, looked_at.served),
        **_data(contract, settings, run, looked_at, looked_at.served),
        **_batch_refusals(contract, settings, looked_at.served),
        "service": ask_service(settings, contract.name) if ask else None,
    }
    return looked_at.model_copy(update=gathered)


def _live(contract: Contract, settings: Settings, run: str, at: Gathered, served: Release) -> dict[str, Any]:
    log, span = log_of(settings, contract.name), Span(at.since, at.until, (SMOKE_CALLER,))
    folder = storage(settings, "monitoring", contract.name, run)
    stored = store_answers(contract, folder, served.version, log.blocks(span))
    others = past_releases(settings, contract.name, stored.other_versions)
    return {
        "live_uri": stored.live_uri,
        "live_rows": stored.live_rows,
        "other_uri": stored.other_uri,
        "other_rows": sum(stored.other_versions.values()),
        "other_mae": {version: release.metrics["mae"] for version, release in others.items()},
        "clock_back_seconds": stored.clock_back_seconds,
        "refusals": log.refusals(span),
    }


def _data(contract: Contract, settings: Settings, run: str, at: Gathered, served: Release) -> dict[str, Any]:
    registry = DataRegistry(settings, contract)
    known = registry.read(served.data_version)
    reference = reference_rows(contract, settings, served, known)
    frames = {"reference": reference.rows}
    if at.data_version != served.data_version:
        frames["new_data"] = new_rows(contract, registry.read(at.data_version), known)
    return {"model_away": reference.away, **_store(contract, settings, run, frames)}


def _batch_refusals(contract: Contract, settings: Settings, served: Release) -> dict[str, Any]:
    """Count what was refused of the windows that the served version's data does not have, and of refused batches.

    What was refused of its own windows is counted apart: so much is usual.
    """
    windows = DataRegistry(settings, contract).note(served.data_version).windows
    batches = read_batches(settings, contract.name)
    usual = [batch for batch in batches if batch.window in windows and batch.published is not False]
    others = [batch for batch in batches if batch not in usual]
    return {
        "batch_refusals": _counted(others),
        "known_refusals": _counted(usual),
        "known_rows": sum(batch.rows for batch in usual),
    }


def _counted(batches: list[BatchNote]) -> dict[str, dict[str, int]]:
    total: dict[str, Counter[str]] = {}
    for batch in batches:
        for field, reasons in batch.refused.items():
            total.setdefault(field, Counter()).update(reasons)
    return {field: dict(reasons) for field, reasons in total.items()}


def _store(contract: Contract, settings: Settings, run: str, frames: dict[str, pd.DataFrame]) -> dict[str, str | int]:
    stored: dict[str, str | int] = {}
    for name, frame in frames.items():
        if not frame.empty:
            target = storage(settings, "monitoring", contract.name, run, f"{name}.parquet")
            stored |= {f"{name}_uri": write_frame(target, frame), f"{name}_rows": len(frame)}
    return stored
