"""Gather what monitoring looks at: live traffic, the data of the served version, and what was ingested since."""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
from pydantic import AwareDatetime

from monitoring.errors import MonitoringError
from monitoring.frames import write_frame
from monitoring.sources import live_rows, new_rows, reference_rows
from pipeline.batch_log import read_batches
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_registry import DataRegistry
from pipeline.errors import NothingToDo
from pipeline.prediction_log import SMOKE_CALLER, read_predictions, read_refusals
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
    reference_uri: str | None = None
    reference_rows: int = 0
    new_data_uri: str | None = None
    new_data_rows: int = 0
    refusals: dict[str, dict[str, int]] = {}  # field -> reason -> refused values of requests
    batch_refusals: dict[
        str, dict[str, int]
    ] = {}  # field -> reason -> refused rows of batches that were ingested since


def gather(
    contract: Contract, settings: Settings, run: str, until: datetime, data_version: str | None = None
) -> Gathered:
    """Collect live traffic, the reference (the served version's data) and newer data, in one normal form.

    Args:
        contract: the model's contract.
        settings: where things are.
        run: names the files, so that a repeated run replaces its own.
        until: the end of the window of live traffic, with a time zone; never "now", so that a run can be repeated.
        data_version: what was published last; None asks the data registry.

    Raises:
        NothingToDo: when no data version is published yet.
        MonitoringError: when `until` has no time zone.
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
    frames = {
        "live": _live(contract, settings, looked_at, looked_at.served),
        **_data(contract, settings, looked_at, looked_at.served),
    }
    counts = {
        "refusals": _refusals(contract, settings, looked_at),
        "batch_refusals": _batch_refusals(contract, settings, looked_at.served),
    }
    return looked_at.model_copy(update=_store(contract, settings, run, frames) | counts)


def _live(contract: Contract, settings: Settings, at: Gathered, served: Release) -> pd.DataFrame:
    log = _log(contract, settings)
    window = {"since": at.since, "until": at.until}
    answers = read_predictions(log, **window, version=served.version, exclude_callers=(SMOKE_CALLER,))
    return live_rows(contract, answers)


def _data(contract: Contract, settings: Settings, at: Gathered, served: Release) -> dict[str, pd.DataFrame]:
    registry = DataRegistry(settings, contract)
    known = registry.read(served.data_version)
    frames = {"reference": reference_rows(contract, settings, served, known)}
    if at.data_version != served.data_version:
        frames["new_data"] = new_rows(contract, registry.read(at.data_version), known)
    return frames


def _refusals(contract: Contract, settings: Settings, at: Gathered) -> dict[str, dict[str, int]]:
    return read_refusals(_log(contract, settings), since=at.since, until=at.until)


def _batch_refusals(contract: Contract, settings: Settings, served: Release) -> dict[str, dict[str, int]]:
    """Count what was refused of the windows that the served version's data does not have, and of refused batches."""
    known = DataRegistry(settings, contract).note(served.data_version).windows
    total: dict[str, Counter[str]] = {}
    for batch in read_batches(settings, contract.name):
        if batch.window not in known or batch.published is False:
            for field, reasons in batch.refused.items():
                total.setdefault(field, Counter()).update(reasons)
    return {field: dict(reasons) for field, reasons in total.items()}


def _log(contract: Contract, settings: Settings) -> Path:
    return Path(settings.place("prediction_log", contract.name))


def _store(contract: Contract, settings: Settings, run: str, frames: dict[str, pd.DataFrame]) -> dict[str, str | int]:
    stored: dict[str, str | int] = {}
    for name, frame in frames.items():
        if not frame.empty:
            target = storage(settings, "monitoring", contract.name, run, f"{name}.parquet")
            stored |= {f"{name}_uri": write_frame(target, frame), f"{name}_rows": len(frame)}
    return stored
