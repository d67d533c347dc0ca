"""Data versions: how they are numbered, and the note that says what each one holds."""

import hashlib
import re
from collections.abc import Container, Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import ValidationError

from pipeline.contract import Window
from pipeline.contract.base import Section
from pipeline.data_errors import DataRegistryError
from pipeline.data_profile import Move, Profile

Kind = Literal["major", "minor", "patch"]
_VERSION = re.compile(r"data-v(\d+)\.(\d+)\.(\d+)")


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
    contract_hash: str = ""  # of the contract's columns, as they were then
    code_commit: str = ""
    published: str = ""  # ISO 8601, UTC
    refused: dict[str, dict[str, int]] = {}  # field -> reason -> rows that were kept out
    profile: Profile | None = None  # in a file of its own, so that notes of many windows stay small


class Changes(Section):
    """What a version brings against the one before, in rows, and how each column moved."""

    added: int = 0
    corrected: int = 0
    gone: int = 0
    moves: tuple[Move, ...] = ()


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
    profile: Profile | None = None  # of all rows
    changes: Changes | None = None

    @property
    def summary(self) -> str:
        """What the version brings, for people."""
        what = {"major": "first window under this contract", "minor": "new window", "patch": "corrected window"}
        came = f"{self.window_rows} rows from {self.source}; {self.rows} rows in all"
        return f"{self.version}: {what[self.kind]} {self.window}\n\n{came}"


def in_version_order(versions: Iterable[str]) -> list[str]:
    """Return those that are data versions, ascending: 1.10.0 comes after 1.9.0."""
    return sorted((version for version in versions if _VERSION.fullmatch(version)), key=number_of)


def next_version(head: str | None, kind: Kind) -> str:
    """Return the version that follows `head`: the first is 1.0.0."""
    major, minor, patch = number_of(head) if head else (0, 0, 0)
    if kind == "major":
        return f"data-v{major + 1}.0.0"
    return f"data-v{major}.{minor + 1}.0" if kind == "minor" else f"data-v{major}.{minor}.{patch + 1}"


def next_note(head: VersionNote | None, new: WindowNote, taken: Container[str] = ()) -> VersionNote:
    """Return the note of the version that has the new window; the head itself where it has the very same already.

    Windows that were published under another contract are left out: their columns mean something else.

    Args:
        head: the version before.
        new: the window, with the contract's hash and the code's commit.
        taken: versions that cannot be the next one, because somebody made such a tag by hand.

    Raises:
        DataRegistryError: when the window overlaps another one, whose rows would stand twice.
    """
    same_meaning = head is not None and head.data_hash == new.contract_hash
    windows = dict(head.windows) if head and same_meaning else {}
    _refuse_overlap(new.window, windows)
    before = windows.get(new.window.id)
    if head and before and before.checksum == new.checksum:
        return head
    kind: Kind = "major" if not same_meaning else "patch" if before else "minor"
    version = next_version(head.version if head else None, kind)
    while version in taken:
        version = next_version(version, kind)
    # To the microsecond: two publishers in one second would else make the very same commit, and both win.
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    windows[new.window.id] = new.model_copy(update={"published": now})
    windows = dict(sorted(windows.items(), key=lambda item: _place(item[1].window)))
    return VersionNote(
        version=version,
        kind=kind,
        source=new.source,
        window=new.window.id,
        window_rows=new.rows,
        rows=sum(note.rows for note in windows.values()),
        checksum=hashlib.sha256("\n".join(note.checksum for note in windows.values()).encode()).hexdigest(),
        code_commit=new.code_commit,
        data_hash=new.contract_hash,
        published=now,
        windows=windows,
    )


def parse_note(content: bytes | None, version: str) -> VersionNote:
    """Return the note that stands in a version's `version.json`.

    Raises:
        DataRegistryError: when there is none, or it is none of this version.
    """
    note = read_note(content)
    if note is None or note.version != version:
        raise DataRegistryError(
            f"{version} holds no note of its own, so it was not published here: somebody else made this tag; take it "
            f"away with `git push --delete origin {version}` in a clone of the data registry, or use another version"
        )
    return note


def read_note(content: bytes | None) -> VersionNote | None:
    """Return the note in a `version.json`, or None where there is none that can be read."""
    try:
        return None if content is None else VersionNote.model_validate_json(content)
    except ValidationError:
        return None


def note_bytes(note: VersionNote) -> bytes:
    """Return a `version.json`. The profiles of single windows stay out of it: they have files of their own."""
    out = {"windows": {"__all__": {"profile"}}}
    return (note.model_dump_json(indent=1, exclude=out) + "\n").encode()


def with_profiles(note: VersionNote, profiles: Mapping[str, bytes | None]) -> VersionNote:
    """Return the note with the profiles of its windows, as far as there are any."""
    known = {name: Profile.model_validate_json(content) for name, content in profiles.items() if content is not None}
    windows = {name: window.model_copy(update={"profile": known.get(name)}) for name, window in note.windows.items()}
    return note.model_copy(update={"windows": windows})


def _refuse_overlap(window: Window, others: dict[str, WindowNote]) -> None:
    for name, note in others.items():
        if name != window.id and window.overlaps(note.window):
            raise DataRegistryError(
                f"window {window.id} overlaps the published window {name}: some rows would stand twice; "
                f"publish {name} again, or a window that begins where it ends"
            )


def number_of(version: str) -> tuple[int, int, int]:
    """Return a version's three numbers. Raises DataRegistryError for what is not one."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise DataRegistryError(f"{version!r} is not a data version; one looks like data-v1.0.0")
    return int(match[1]), int(match[2]), int(match[3])


def _place(window: Window) -> tuple[bool, str | int]:
    start = window.start
    return start is not None, "" if start is None else start if isinstance(start, int) else start.isoformat()
