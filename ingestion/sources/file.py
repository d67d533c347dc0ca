"""A source's file on this machine, and the formats that there are."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from ingestion.errors import SourceError, SourceUnreachable

Format = Literal["csv", "parquet"]
FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".csv.bz2": "csv",
    ".csv.zst": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_MAGIC = ("*", "?", "[")


@dataclass(frozen=True)
class SourceFile:
    """A file of a source: the source itself, or a temporary copy of what was fetched."""

    name: str  # what messages and notes call it; never holds a secret
    path: Path  # its suffix says how it is compressed
    format: Format
    first_row: int = 0  # the position in the source of the first row that it holds, from 0
    _seen: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_seen", self._look())

    def check_unchanged(self) -> None:
        """Raise SourceUnreachable when the file is not the one any more that was opened."""
        if self._look() != self._seen:
            raise SourceUnreachable(f"{self.name}: changed while it was read; ingest again when it is complete")

    def _look(self) -> tuple[int, ...]:
        try:
            found = self.path.stat()
        except OSError as error:
            raise SourceUnreachable(
                f"{self.name}: went away while it was read; ingest again when it is back"
            ) from error
        return found.st_size, found.st_mtime_ns, found.st_ino


def has_magic(path: str) -> bool:
    """Whether a path is a pattern for more than one file."""
    return any(sign in path for sign in _MAGIC)


def suffix_of(path: str) -> str | None:
    """Return the suffix that says a file's format and compression, such as `.csv.gz`, or None when it is not known."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), None)


def known_suffix(name: str, path: str) -> str:
    """Return the suffix of a path. Raises SourceError, in which the file is called `name`, when it is not known."""
    suffix = suffix_of(path)
    if suffix is None:
        raise SourceError(f"{name}: files of this kind are not supported; supported are {', '.join(FORMATS)} files")
    return suffix


def check_same_format(source: str, files: list[SourceFile]) -> None:
    """Raise SourceError when the files of one source are not of one format."""
    if len({file.format for file in files}) > 1:
        first = files[0]
        other = next(file for file in files if file.format != first.format)
        raise SourceError(
            f"{source}: mixes formats: {first.name} is {first.format} and {other.name} is {other.format}; "
            "choose a glob that matches one format only"
        )
