"""The data registry of a contract: a git repository whose tags are data versions, and whose content DVC keeps.

    windows/<window>.parquet.dvc    one for each ingested window of the head
    versions/<version>.json         what each version holds

Content is pushed before the tag is, and branch and tag in one push: no version is ever half there. The address of
DVC's remote comes from the settings each time, so that a registry can be moved without rewriting its history.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from pipeline.contract import SPLIT, Contract, Window
from pipeline.data_content import checksum, from_parquet, in_order, to_frame, to_parquet, to_table
from pipeline.data_store import fetch, keep_only, put
from pipeline.data_versions import (
    DataRegistryError,
    DataVersion,
    VersionNote,
    WindowNote,
    head_note,
    in_version_order,
    next_note,
    read_note,
    write_note,
)
from pipeline.git import Change, GitError, commit_and_push, ensure_repository, git, is_local, is_repository
from pipeline.settings import Settings

__all__ = ["DataRegistry", "DataRegistryError", "DataVersion", "VersionNote", "WindowNote"]

_BRANCH = "main"


class DataRegistry:
    """Publishes and reads the data versions of one contract."""

    def __init__(self, settings: Settings, contract: Contract) -> None:
        self._settings = settings
        self._contract = contract
        self._uri = settings.place("data_registry_uri", contract.name)
        self._remote = settings.place("data_remote_uri", contract.name)

    def versions(self) -> list[str]:
        """Return all versions, ascending. Raises GitError when the registry cannot be reached."""
        if is_local(self._uri) and not is_repository(self._uri):
            return []  # nothing was published yet
        lines = git("ls-remote", "--tags", "--refs", self._uri).splitlines()
        return in_version_order(line.rpartition("refs/tags/")[2] for line in lines)

    def latest(self) -> str | None:
        """Return the newest version, or None before the first."""
        return next(reversed(self.versions()), None)

    def note(self, version: str) -> VersionNote:
        """Return what the version holds. Raises DataRegistryError for an unknown version."""
        with self._checkout(version) as work:
            return read_note(work, version)

    def publish(self, frame: pd.DataFrame, window: Window, source: str, run: str = "") -> DataVersion:
        """Publish a window's validated rows; the same content again is the same version.

        Args:
            frame: normalised rows with the contract's columns and the split column.
            window: which rows these are; it replaces what was published for the same window.
            source: where they came from, as people wrote it.
            run: identifies the run that publishes: one that was stopped just after it had published is told so again
                when it is repeated, so that what has to follow is not lost.

        Raises:
            DataRegistryError: when the frame is not a batch, the window overlaps another one, or DVC fails.
            GitError: when the registry refuses. Nothing of the version is visible in either case.
        """
        self._check(frame)
        table = in_order(self._contract, to_table(self._contract, frame))
        new = WindowNote(window=window, source=source, rows=table.num_rows, checksum=checksum(table), run=run)
        content, code_commit = to_parquet(table), _code_commit(self._settings.project_dir)
        notes: list[VersionNote] = []

        def edit(work: Path) -> Change | None:
            head = head_note(work)
            notes.append(next_note(head, new, self._contract.data_hash, code_commit))
            if notes[-1] is head:
                return None
            self._write(work, notes[-1], content)
            return Change(f"Publish {self._contract.name} {notes[-1].summary}", tag=notes[-1].version)

        ensure_repository(self._uri, _BRANCH)
        commit = commit_and_push(self._uri, _BRANCH, self._settings.git_author, edit)
        note = notes[-1]
        return DataVersion(
            model=self._contract.name,
            version=note.version,
            rows=note.rows,
            window=window.id,
            created=commit is not None or (run != "" and note.windows[window.id].run == run),
        )

    def read(self, version: str) -> pd.DataFrame:
        """Return all rows of a version, window after window, with the split column.

        A version that was published under another contract comes with the columns that it had then.

        Raises:
            DataRegistryError: for an unknown version, or when its content is not what was published.
        """
        with self._checkout(version) as work:
            windows = read_note(work, version).windows
            return to_frame(*map(from_parquet, fetch(work, self._remote, windows)))

    def _write(self, work: Path, note: VersionNote, content: bytes) -> None:
        put(work, self._remote, note.window, content)
        keep_only(work, note.windows)
        write_note(work, note)

    @contextmanager
    def _checkout(self, version: str) -> Iterator[Path]:
        versions = self.versions()
        if version not in versions:
            there = ", ".join(versions) or "none yet; publish a window first"
            raise DataRegistryError(f"{self._contract.name} has no data version {version!r}; there are: {there}")
        address = Path(self._uri).resolve().as_uri() if is_local(self._uri) else self._uri
        with tempfile.TemporaryDirectory(prefix="mlops-data-") as folder:
            work = Path(folder).resolve() / "work"
            git("clone", "--quiet", "--depth=1", f"--branch={version}", address, str(work))
            yield work

    def _check(self, frame: pd.DataFrame) -> None:
        missing = [name for name in [*self._contract.batch_columns, SPLIT] if name not in frame.columns]
        if missing:
            raise DataRegistryError(f"rows to publish lack the columns {', '.join(missing)}: validate them first")
        if frame.empty:
            raise DataRegistryError("there are no rows to publish")


def _code_commit(project: Path) -> str:
    try:
        return git("rev-parse", "HEAD", cwd=project)
    except GitError:
        return "unknown"  # an installed copy has no history
