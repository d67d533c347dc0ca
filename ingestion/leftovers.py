"""What runs of ingestion leave in the storage once they are over: raw and valid rows first, reports much later.

ingestion/<model>/<run>/raw.arrow, valid.parquet                            needed until the run has published
ingestion/<model>/<run>/report.json, report.html, quarantine.parquet        what people come back for
ingestion/<model>/<run>/.writing-*/...                                      a process was killed at it
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from upath import UPath

from ingestion.errors import IngestionError
from ingestion.files import QUARANTINE, RAW, REPORT, VALID
from pipeline.settings import Settings
from pipeline.storage import storage

_ROWS = frozenset({RAW, VALID})
_REPORTS = frozenset({REPORT, "report.html", QUARANTINE})
_KILLED = "a run was killed while it wrote this"
_COPIES = ("mlops-source-*", "mlops-storage-*")  # what was fetched, in this machine's temporary folder


@dataclass(frozen=True)
class RunFile:
    """A file of a run that is over (or a folder with copies): where, its size in bytes, and why nobody needs it."""

    where: str
    size: int
    modified: datetime
    why: str

    @property
    def age(self) -> timedelta:
        """How long nobody has written to it."""
        return datetime.now(UTC) - self.modified


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
    return [file for file in files if _remove(UPath(file.where))]


def _files(settings: Settings, model: str) -> Iterator[tuple[RunFile, bool]]:
    folder = storage(settings, "ingestion", model)
    root = folder.path.rstrip("/")
    for path, told in folder.fs.find(folder.path, detail=True).items() if folder.exists() else ():
        parts = path.removeprefix(root).strip("/").split("/")
        why = _why(parts)
        if why:
            where = str(folder.joinpath(*parts))
            modified = folder.fs.modified(path).astimezone(UTC)
            yield RunFile(where, int(told["size"] or 0), modified, why), parts[-1] in _REPORTS and len(parts) == 2


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


def _remove(path: UPath) -> bool:
    try:
        if path.is_dir():
            shutil.rmtree(path.path)
            return True
        path.unlink()
    except FileNotFoundError:
        return False  # somebody else took it away
    except OSError as error:
        raise IngestionError(f"{path} cannot be taken away: {error}") from error
    if path.protocol in ("", "file", "local"):  # an object store has no folders
        _remove_empty(Path(path.path).parent)
    return True


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something else is in it
        folder.rmdir()
        if folder.name.startswith(".writing-"):
            folder.parent.rmdir()
