"""Data versions: how they are numbered, and the note that says what each one holds."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from pipeline.contract import Window
from pipeline.contract.base import Section
from pipeline.errors import PipelineError

Kind = Literal["major", "minor", "patch"]
_VERSION = re.compile(r"data-v(\d+)\.(\d+)\.(\d+)")


class DataRegistryError(PipelineError):
    """A data version that cannot be published or read."""


class DataVersion(Section):
    """What publishing gave. `created` is False when the same content was there already, from another run."""

    model: str
    version: str
    rows: int  # of the whole version
    window: str
    created: bool


class WindowNote(Section):
    """One window of a version: where its rows came from, and what identifies them."""

    window: Window
    source: str
    rows: int
    checksum: str  # of the normalised rows
    run: str = ""  # which run published it


class VersionNote(Section):
    """What a version holds and how it came about. Windows are listed in the order of their rows."""

    version: str
    kind: Kind
    source: str
    window: str  # the one that was published last
    window_rows: int
    rows: int
    checksum: str  # over the checksums of all windows
    code_commit: str
    data_hash: str  # of the contract
    published: str  # ISO 8601, UTC
    windows: dict[str, WindowNote]

    @property
    def summary(self) -> str:
        """What the version brings, for people."""
        what = {"major": "first window under this contract", "minor": "new window", "patch": "corrected window"}
        came = f"{self.window_rows} rows from {self.source}; {self.rows} rows in all"
        return f"{self.version}: {what[self.kind]} {self.window}\n\n{came}"


def in_version_order(versions: Iterable[str]) -> list[str]:
    """Return those that are data versions, ascending: 1.10.0 comes after 1.9.0."""
    return sorted((version for version in versions if _VERSION.fullmatch(version)), key=_numbers)


def next_version(head: str | None, kind: Kind) -> str:
    """Return the version that follows `head`: the first is 1.0.0."""
    major, minor, patch = _numbers(head) if head else (0, 0, 0)
    if kind == "major":
        return f"data-v{major + 1}.0.0"
    return f"data-v{major}.{minor + 1}.0" if kind == "minor" else f"data-v{major}.{minor}.{patch + 1}"


def next_note(head: VersionNote | None, new: WindowNote, data_hash: str, code_commit: str) -> VersionNote:
    """Return the note of the version that has the new window; the head itself where it has the very same already.

    Windows that were published under another contract are left out: their columns mean something else.

    Raises:
        DataRegistryError: when the window overlaps another one, whose rows would stand twice.
    """
    same_meaning = head is not None and head.data_hash == data_hash
    windows = dict(head.windows) if head and same_meaning else {}
    _refuse_overlap(new.window, windows)
    before = windows.get(new.window.id)
    if head and before and before.checksum == new.checksum:
        return head
    kind: Kind = "major" if not same_meaning else "patch" if before else "minor"
    windows[new.window.id] = new
    windows = dict(sorted(windows.items(), key=lambda item: _place(item[1].window)))
    return VersionNote(
        version=next_version(head.version if head else None, kind),
        kind=kind,
        source=new.source,
        window=new.window.id,
        window_rows=new.rows,
        rows=sum(note.rows for note in windows.values()),
        checksum=hashlib.sha256("\n".join(note.checksum for note in windows.values()).encode()).hexdigest(),
        code_commit=code_commit,
        data_hash=data_hash,
        # To the microsecond: two publishers in one second would else make the very same commit, and both win.
        published=datetime.now(UTC).isoformat(timespec="microseconds"),
        windows=windows,
    )


def head_note(work: Path) -> VersionNote | None:
    """Return the note of the newest version in a work tree of the registry, or None before the first."""
    versions = in_version_order(path.stem for path in (work / "versions").glob("*.json"))
    return read_note(work, versions[-1]) if versions else None


def read_note(work: Path, version: str) -> VersionNote:
    """Return a version's note. Raises DataRegistryError when it cannot be read."""
    try:
        return VersionNote.model_validate_json(_file(work, version).read_bytes())
    except (OSError, ValidationError) as error:
        raise DataRegistryError(f"the note of {version} cannot be read: {error}") from error


def write_note(work: Path, note: VersionNote) -> None:
    """Add a version's note to a work tree of the registry."""
    target = _file(work, note.version)
    target.parent.mkdir(exist_ok=True)
    target.write_text(note.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _file(work: Path, version: str) -> Path:
    return work / "versions" / f"{version}.json"


def _refuse_overlap(window: Window, others: dict[str, WindowNote]) -> None:
    for name, note in others.items():
        if name != window.id and window.overlaps(note.window):
            raise DataRegistryError(
                f"window {window.id} overlaps the published window {name}: some rows would stand twice; "
                f"publish {name} again, or a window that begins where it ends"
            )


def _numbers(version: str) -> tuple[int, int, int]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise DataRegistryError(f"{version!r} is not a data version; one looks like data-v1.0.0")
    return int(match[1]), int(match[2]), int(match[3])


def _place(window: Window) -> tuple[bool, str | int]:
    start = window.start
    return start is not None, "" if start is None else start if isinstance(start, int) else start.isoformat()
