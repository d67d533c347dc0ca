"""What runs of ingestion leave in the storage once they are over: raw and valid rows first, reports much later.

ingestion/<model>/<run>/raw.arrow, valid.parquet                            needed until the run has published
ingestion/<model>/<run>/report.json, report.html, quarantine.parquet        what people come back for
ingestion/<model>/<run>/.writing-*/...                                      a process was killed at it
"""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingestion.errors import IngestionError
from ingestion.files import QUARANTINE, RAW, REPORT, VALID
from pipeline.run_files import RunFile, files_below, remove_files
from pipeline.settings import Settings
from pipeline.storage import storage

_ROWS = frozenset({RAW, VALID})
_REPORTS = frozenset({REPORT, "report.html", QUARANTINE})
_KILLED = "a run was killed while it wrote this"
_COPIES = ("mlops-source-*", "mlops-storage-*")  # what was fetched, in this machine's temporary folder


def run_leftovers(
    settings: Settings, model: str, older_than: timedelta, reports_older_than: timedelta = timedelta(days=90)
) -> list[RunFile]:
    """Return what a model's runs have left, the largest first. What is no run's is not looked at.

    Args:
        settings: where the storage is.
        model: the contract's name.
        older_than: for rows and what was being written; younger ones may belong to a run that is on its way.
        reports_older_than: for reports and quarantined rows.
    """
    found = [*_files(settings, model), *_copies()]
    old = [file for file, is_report in found if file.age >= (reports_older_than if is_report else older_than)]
    return sorted(old, key=lambda file: (-file.size, file.where))


def remove_run_files(files: Iterable[RunFile]) -> list[RunFile]:
    """Take these away, and the folders that are empty then; return those that were still there.

    Raises:
        IngestionError: when one cannot be taken away.
    """
    return remove_files(files, IngestionError)


def _files(settings: Settings, model: str) -> Iterator[tuple[RunFile, bool]]:
    for parts, file in files_below(storage(settings, "ingestion", model)):
        why = _why(parts)
        if why:
            yield replace(file, why=why), parts[-1] in _REPORTS and len(parts) == 2


def _why(parts: list[str]) -> str:
    """Say why nobody needs a file at this place under the model's folder; nothing where it is none of ours."""
    if len(parts) == 3 and parts[1].startswith(".writing-"):
        return _KILLED
    if len(parts) != 2:
        return ""
    if parts[1] in _ROWS:
        return "rows of a run, which it needs until it has published"
    if parts[1] in _REPORTS:
        return "the report of a run that is long over"
    return _KILLED if any(parts[1].startswith(f".{name}.") for name in _ROWS | _REPORTS) else ""


def _copies() -> Iterator[tuple[RunFile, bool]]:
    temporary = Path(tempfile.gettempdir())
    for folder in (path for pattern in _COPIES for path in temporary.glob(pattern)):
        with contextlib.suppress(OSError):  # it goes away this moment, or is another user's
            stats = [one.lstat() for one in (folder, *folder.rglob("*"))]
            modified = datetime.fromtimestamp(max(one.st_mtime for one in stats), UTC)
            size = sum(one.st_size for one in stats[1:])
            yield RunFile(str(folder), size, modified, "copies that a killed process had fetched"), False
