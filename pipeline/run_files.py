"""Files that runs have left in the storage: how old they are, and taking them away with folders that are empty then."""

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from upath import UPath

from pipeline.errors import PipelineError


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


def files_below(folder: UPath) -> Iterator[tuple[list[str], RunFile]]:
    """Give every file below a folder: the parts of its place there, and the file, with no reason yet."""
    root = folder.path.rstrip("/")
    for path, told in folder.fs.find(folder.path, detail=True).items() if folder.exists() else ():
        parts = path.removeprefix(root).strip("/").split("/")
        with contextlib.suppress(FileNotFoundError):  # somebody takes it away this moment
            modified = folder.fs.modified(path).astimezone(UTC)
            yield parts, RunFile(str(folder.joinpath(*parts)), int(told["size"] or 0), modified, "")


def remove_files(files: Iterable[RunFile], failed: type[PipelineError]) -> list[RunFile]:
    """Take files away, and the folders that are empty then; return those that were still there.

    Raises:
        PipelineError: of the kind `failed`, when one cannot be taken away.
    """
    return [file for file in files if _remove(UPath(file.where), failed)]


def _remove(path: UPath, failed: type[PipelineError]) -> bool:
    try:
        if path.is_dir():
            shutil.rmtree(path.path)
            return True
        path.unlink()
    except FileNotFoundError:
        return False  # somebody else took it away
    except OSError as error:
        raise failed(f"{path} cannot be taken away: {error}") from error
    if path.protocol in ("", "file", "local"):  # an object store has no folders
        _remove_empty(Path(path.path).parent)
    return True


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something else is in it
        folder.rmdir()
        if folder.name.startswith(".writing-"):
            folder.parent.rmdir()
