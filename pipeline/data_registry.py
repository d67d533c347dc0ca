"""The data registry of a contract: a git repository whose tags are data versions, and whose content DVC keeps.

    version.json                     what the version holds, with a note on each of its windows
    windows/<window>.parquet.dvc     which content the window has in DVC's remote
    windows/<window>.profile.json    what is in its columns
    windows/<window>.report.json     the report on its batch

Content is pushed before the tag is, and branch and tag in one push: no version is ever half there. The address of
DVC's remote comes from the settings each time, so that a registry can be moved without rewriting its history.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet

from pipeline.contract import SPLIT, Contract, Window
from pipeline.data_content import to_frame, to_parquet, to_table
from pipeline.data_diff import VersionDiff, diff_versions
from pipeline.data_errors import DataRegistryError, DataRemoteUnreachable
from pipeline.data_leftovers import Leftover, find_leftovers, remove_leftovers
from pipeline.data_publish import NOTE, Publication, pointer_file, profile_file, read_batch, report_file
from pipeline.data_store import DataStore, Pointer
from pipeline.data_versions import (
    Changes,
    DataVersion,
    VersionNote,
    WindowNote,
    in_version_order,
    parse_note,
    read_note,
    with_profiles,
)
from pipeline.git import GitError, ensure_repository, git
from pipeline.git_tree import commit_files, opened, read_objects, references
from pipeline.settings import Settings
from pipeline.work_folder import work_folder

__all__ = [
    "Changes",
    "DataRegistry",
    "DataRegistryError",
    "DataRemoteUnreachable",
    "DataVersion",
    "Leftover",
    "VersionNote",
    "WindowNote",
]

_BRANCH = "main"


class DataRegistry:
    """Publishes and reads the data versions of one contract."""

    def __init__(self, settings: Settings, contract: Contract, patience: float = 60) -> None:
        """Name the registry.

        Args:
            settings: where it is, and who publishes.
            contract: whose data it holds.
            patience: seconds that DVC's remote has to answer.
        """
        self._settings = settings
        self._contract = contract
        self._uri = settings.place("data_registry_uri", contract.name)
        self._store = DataStore(settings.place("data_remote_uri", contract.name), patience)

    def versions(self) -> list[str]:
        """Return all versions, ascending. Raises GitError when the registry cannot be reached."""
        return in_version_order(references(self._uri, _BRANCH)[1])

    def latest(self) -> str | None:
        """Return the newest version, or None before the first."""
        return next(reversed(self.versions()), None)

    def note(self, version: str) -> VersionNote:
        """Return what the version holds. Raises DataRegistryError for an unknown version."""
        self._check_known(version)
        with opened(self._uri, version) as repository:
            note = parse_note(read_objects(repository, [f"{version}:{NOTE}"])[0], version)
            names = [f"{version}:{profile_file(window)}" for window in note.windows]
            return with_profiles(note, dict(zip(note.windows, read_objects(repository, names), strict=True)))

    def notes(self) -> list[VersionNote]:
        """Return what all versions hold, ascending, without the profiles of single windows.

        Tags that somebody else made have no note and are left out.
        """
        versions = self.versions()
        if not versions:
            return []
        with opened(self._uri) as repository:
            contents = read_objects(repository, [f"{version}:{NOTE}" for version in versions])
        notes = [read_note(content) for content in contents]
        return [note for note, version in zip(notes, versions, strict=True) if note and note.version == version]

    def report(self, version: str, window_id: str) -> dict[str, Any] | None:
        """Return the report on a window's batch, or None where none was stored with it.

        Raises:
            DataRegistryError: for an unknown version.
        """
        self._check_known(version)
        with opened(self._uri, version, few=True) as repository:
            content = read_objects(repository, [f"{version}:{report_file(window_id)}"])[0]
        return None if content is None else dict(json.loads(content))

    def publish(self, frame: pd.DataFrame, window: Window, source: str, run: str = "") -> DataVersion:
        """Publish a window's validated rows; see `publish_file`.

        Args:
            frame: normalised rows with the contract's columns and the split column.
            window: which rows these are.
            source: where they came from, as people wrote it.
            run: identifies the run that publishes.
        """
        missing = [name for name in [*self._contract.batch_columns, SPLIT] if name not in frame.columns]
        if missing:
            raise DataRegistryError(f"rows to publish lack the columns {', '.join(missing)}: validate them first")
        with work_folder("mlops-data-") as folder:
            path = folder / "batch.parquet"
            path.write_bytes(to_parquet(to_table(self._contract, frame)))
            return self.publish_file(path, window, source, run)

    def publish_file(
        self,
        path: Path,
        window: Window,
        source: str,
        run: str = "",
        report: Mapping[str, Any] | None = None,
        refused: Mapping[str, Mapping[str, int]] | None = None,
    ) -> DataVersion:
        """Publish a Parquet file of a window's validated rows; the same content again is the same version.

        The file is streamed: memory does not grow with its rows, and what it costs not with the other windows.

        Args:
            path: rows with the contract's columns in its order, and the split column.
            window: which rows these are; it replaces what was published for the same window.
            source: where they came from, as people wrote it.
            run: identifies the run that publishes: one that was stopped just after it had published is told so again
                when it is repeated, so that what has to follow is not lost.
            report: on the batch, as JSON can hold it; it is stored with the window.
            refused: field -> reason -> rows that were kept out of the batch.

        Raises:
            DataRegistryError: when the file is not a batch, the window overlaps another one, or DVC's remote does not
                take it; DataRemoteUnreachable where trying again may help.
            GitError: when the registry refuses. Nothing of the version is visible in any case.
        """
        batch = read_batch(self._contract, path)
        new = WindowNote(
            window=window,
            source=source,
            rows=batch.rows,
            checksum=batch.checksum,
            run=run,
            contract_hash=self._contract.data_hash,
            code_commit=_code_commit(self._settings.project_dir),
            refused={field: dict(reasons) for field, reasons in (refused or {}).items()},
        )
        author = self._settings.git_author
        publication = Publication(self._contract, batch, new, report, self._store, self._uri, author)
        ensure_repository(self._uri, _BRANCH)
        commit = commit_files(self._uri, _BRANCH, author, publication.edit)
        note = publication.result
        mine = run != "" and note.windows[window.id].run == run
        return DataVersion(
            model=self._contract.name,
            version=note.version,
            rows=note.rows,
            window=window.id,
            created=commit is not None or publication.completed or mine,
        )

    def read(self, version: str) -> pd.DataFrame:
        """Return all rows of a version, window after window, with the split column.

        A version that was published under another contract comes with the columns that it had then.

        Raises:
            DataRegistryError: for an unknown version, or when its content is not what was published.
        """
        with self.files(version) as files:
            return to_frame(*map(pyarrow.parquet.read_table, files.values()))

    @contextmanager
    def files(self, version: str, windows: Collection[str] | None = None) -> Iterator[dict[str, Path]]:
        """Give a version's windows in order as local Parquet files, each checked; they go away afterwards.

        Args:
            version: such as `data-v1.0.0`.
            windows: only these of its windows; the others are not fetched.

        Raises:
            DataRegistryError: for an unknown version, or when its content is not what was published.
        """
        with work_folder("mlops-data-") as folder:
            files = {}
            for window, pointer in self._pointers(version).items():
                if windows is not None and window not in windows:
                    continue
                files[window] = folder / f"{window}.parquet"
                self._store.get(pointer, f"windows/{window}.parquet", files[window])
            yield files

    def diff(self, before: str, after: str, examples: int = 0) -> VersionDiff:
        """Return what changed from one version to another; `examples` rows of each kind and window are shown.

        Raises:
            DataRegistryError: for an unknown version, or when its content is not what was published.
        """
        return diff_versions(self._contract, self.note(before), self.note(after), self.files, examples)

    def leftovers(self, older_than: timedelta = timedelta(hours=1)) -> list[Leftover]:
        """Return what failed or killed publishers have left: see `pipeline.data_leftovers`.

        Args:
            older_than: what is younger may belong to a publisher that is on its way.

        Raises:
            DataRegistryError: when DVC's remote cannot be listed.
            GitError: when the registry cannot be reached.
        """
        return find_leftovers(self._uri, self._own_store(), older_than)

    def remove(self, leftovers: Iterable[Leftover]) -> list[Leftover]:
        """Take these away, as far as they are still leftovers, and return those that were.

        Raises:
            DataRegistryError: when one cannot be taken away.
        """
        return remove_leftovers(self._uri, self._own_store(), leftovers)

    def _own_store(self) -> DataStore | None:
        """Return the remote where it is this contract's alone: in a shared one, others' content would look left."""
        return self._store if "{model}" in self._settings.data_remote_uri else None

    def _pointers(self, version: str) -> dict[str, Pointer]:
        self._check_known(version)
        with opened(self._uri, version) as repository:
            note = parse_note(read_objects(repository, [f"{version}:{NOTE}"])[0], version)
            contents = read_objects(repository, [f"{version}:{pointer_file(window)}" for window in note.windows])
        found = zip(note.windows, contents, strict=True)
        return {window: Pointer.parse(content, f"windows/{window}.parquet") for window, content in found}

    def _check_known(self, version: str) -> None:
        versions = self.versions()
        if version not in versions:
            there = ", ".join(versions) or "none yet; publish a window first"
            raise DataRegistryError(f"{self._contract.name} has no data version {version!r}; there are: {there}")


def _code_commit(project: Path) -> str:
    try:
        return git("rev-parse", "HEAD", cwd=project)
    except GitError:
        return "unknown"  # an installed copy has no history
