"""What runs of monitoring leave in the storage: gathered rows, which only the run itself needs, and reports.

monitoring/<model>/<run>/*.parquet, evidently-*.json                          needed until the run has reported
reports/<model>/<run>/report.html, report.json, evidently-*.html, rows-*.csv  what people come back for

Decisions and what is known of alerts are kept elsewhere and stay, as does the history in Evidently's UI.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from monitoring.errors import MonitoringError
from pipeline.run_files import RunFile, files_below, remove_files
from pipeline.settings import Settings
from pipeline.storage import storage

_ROWS, _REPORTS = "monitoring", "reports"
_WHY = {
    _ROWS: "rows that a run of monitoring gathered, which it needs until it has reported",
    _REPORTS: "the report of a run of monitoring that is long over",
}
_log = logging.getLogger(__name__)


def monitoring_leftovers(
    settings: Settings, model: str, older_than: timedelta, reports_older_than: timedelta
) -> list[RunFile]:
    """Return what a model's runs have left, the largest first: a run's files go together, by the youngest of them.

    Args:
        settings: where the storage is.
        model: the contract's name.
        older_than: for gathered rows; younger ones may belong to a run that is on its way.
        reports_older_than: for reports, with the rows behind their findings.
    """
    limits = {_ROWS: older_than, _REPORTS: reports_older_than}
    old = [file for kind, least in limits.items() for file in _old(settings, model, kind, least)]
    return sorted(old, key=lambda file: (-file.size, file.where))


def remove_leftovers(files: Iterable[RunFile]) -> list[RunFile]:
    """Take these away and return those that were still there.

    Raises:
        MonitoringError: when one cannot be taken away.
    """
    return remove_files(files, MonitoringError)


def forget(settings: Settings, model: str) -> list[RunFile]:
    """Take away what is older than the setting `reports_keep_days`, where that is not 0; return what went.

    A file that cannot be taken away is told to the log: it is no reason that a run fails.
    """
    if not settings.reports_keep_days:
        return []
    age = timedelta(days=settings.reports_keep_days)
    try:
        return remove_leftovers(monitoring_leftovers(settings, model, age, age))
    except MonitoringError as error:
        _log.warning("%s: old reports stay: %s", model, error)
        return []


def _old(settings: Settings, model: str, kind: str, least: timedelta) -> Iterator[RunFile]:
    runs: dict[str, list[RunFile]] = {}
    for parts, file in files_below(storage(settings, kind, model)):
        if len(parts) >= 2:  # what lies beside the runs' folders is none of ours
            runs.setdefault(parts[0], []).append(replace(file, why=_WHY[kind]))
    for files in runs.values():
        if min(file.age for file in files) >= least:
            yield from files
