"""Publishing one window: the checked file, what the version says of it, and the files of its commit."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from pipeline.contract import SPLIT, Contract
from pipeline.data_content import Checksum, batch_schema, read_batches
from pipeline.data_diff import diff_windows
from pipeline.data_errors import DataRegistryError
from pipeline.data_profile import Profile, Profiler, merge, moves
from pipeline.data_store import DVC_FILES, DataStore, Pointer
from pipeline.data_versions import (
    Changes,
    VersionNote,
    WindowNote,
    in_version_order,
    next_note,
    note_bytes,
    number_of,
    read_note,
)
from pipeline.git import check_writable
from pipeline.git_tree import Draft, TreeChange, push_tag
from pipeline.split import SplitName
from pipeline.work_folder import work_folder

NOTE = "version.json"


def pointer_file(window: str) -> str:
    """Return where a version keeps the pointer to a window's content."""
    return f"windows/{window}.parquet.dvc"


def report_file(window: str) -> str:
    """Return where a version keeps the report on a window's batch."""
    return f"windows/{window}.report.json"


def profile_file(window: str) -> str:
    """Return where a version keeps a window's profile."""
    return f"windows/{window}.profile.json"


@dataclass(frozen=True)
class Batch:
    """A Parquet file of valid rows, and what one reading of it gave."""

    path: Path
    pointer: Pointer
    rows: int
    checksum: str
    profile: Profile


def read_batch(contract: Contract, path: Path) -> Batch:
    """Read a Parquet file once, batch by batch.

    Raises:
        DataRegistryError: when it is not a valid batch of the contract, or cannot be read.
    """
    try:
        schema = pyarrow.parquet.read_schema(path)
        _check_schema(contract, schema)
        total, profiler, rows = Checksum(batch_schema(contract)), Profiler(contract), 0
        for batch in read_batches(path):
            _check_splits(path, batch)
            total.add(batch)
            profiler.add(batch)
            rows += batch.num_rows
        pointer = Pointer.of(path)
    except (OSError, pa.ArrowException) as error:
        raise DataRegistryError(f"{path} cannot be read as a Parquet file: {error}") from error
    if not rows:
        raise DataRegistryError("there are no rows to publish")
    return Batch(path, pointer, rows, total.result(), profiler.result())


def _check_schema(contract: Contract, found: Any) -> None:
    expected = batch_schema(contract)
    missing = [name for name in expected.names if name not in found.names]
    if missing:
        raise DataRegistryError(f"rows to publish lack the columns {', '.join(missing)}: validate them first")
    if found.names != expected.names:
        raise DataRegistryError(
            f"rows to publish have the columns {', '.join(found.names)}; they must be those of the contract, in its "
            f"order: {', '.join(expected.names)}"
        )
    wrong = [f"{name} is {found.field(name).type}, not {kind}" for name, kind in _types(expected, found).items()]
    if wrong:
        raise DataRegistryError(f"rows to publish have columns of other types: {'; '.join(wrong)}: validate them first")


def _types(expected: Any, found: Any) -> dict[str, Any]:
    """Return the right type of each column that has another one."""
    return {field.name: field.type for field in expected if not found.field(field.name).type.equals(field.type)}


def _check_splits(path: Path, batch: Any) -> None:
    found = pyarrow.compute.unique(batch.column(SPLIT).cast(pa.string())).to_pylist()
    if unknown := [name for name in found if name not in get_args(SplitName)]:
        splits = ", ".join(get_args(SplitName))
        raise DataRegistryError(f"{path}: {SPLIT} holds {unknown[0]!r}, which is none of {splits}")


class Publication:
    """A window on its way into the registry. It can be tried again and again on top of others' versions."""

    def __init__(
        self,
        contract: Contract,
        batch: Batch,
        window: WindowNote,
        report: Mapping[str, Any] | None,
        store: DataStore,
        uri: str,
        author: str,
    ) -> None:
        self._contract, self._batch, self._window, self._report = contract, batch, window, report
        self._store, self._uri, self._author = store, uri, author
        self._stored = False
        self._note: VersionNote | None = None
        self.completed = False

    @property
    def result(self) -> VersionNote:
        """The version that has the window, once `edit` has run."""
        if self._note is None:
            raise RuntimeError("nothing was published yet")
        return self._note

    def edit(self, draft: Draft) -> TreeChange | None:
        """Return the commit to make; None where the registry has the very same window already.

        Raises:
            DataRegistryError: when the window overlaps another one, or the remote does not take the content.
        """
        head, revision, has_config = self._head(draft)
        note = next_note(head, self._window, taken=draft.tags)
        self._note = note
        if note is head:
            return None
        changes = self._changes(draft, head, note, revision)
        note = note.model_copy(update=changes)
        self._note = note
        check_writable(self._uri)
        if not self._stored:
            self._store.put(self._batch.path, self._batch.pointer)
            self._stored = True
        files = {**({} if has_config else DVC_FILES), **self._files(note, head)}
        folders = {} if revision in (None, draft.head) else {"windows": f"{revision}:windows"}
        return TreeChange(f"Publish {self._contract.name} {note.summary}", note.version, files, folders)

    def _head(self, draft: Draft) -> tuple[VersionNote | None, str | None, bool]:
        """Return the newest version's note, the revision that has its files, and whether DVC is set up."""
        content, config = draft.read(draft.head, NOTE, ".dvc/config") if draft.head else (None, None)
        head, revision = read_note(content), draft.head
        for version in reversed(in_version_order(draft.tags)):
            if head and number_of(version) <= number_of(head.version):
                break
            # The branch has lost its note, or was set back: nothing of what was published may get lost.
            found = read_note(draft.read(draft.tags[version], NOTE)[0])
            if found is not None and found.version == version:
                head, revision = found, draft.tags[version]
        if head and head.version not in draft.tags:
            # A publisher's git was killed between the branch and the tag. Its content was stored before.
            push_tag(draft, self._uri, self._author, head.version, f"Publish {self._contract.name} {head.summary}")
            self.completed = True
        return head, revision, config is not None

    def _changes(
        self, draft: Draft, head: VersionNote | None, note: VersionNote, revision: str | None
    ) -> dict[str, Any]:
        batch = self._batch
        if head is None or revision is None:
            return {"profile": batch.profile, "changes": Changes(added=batch.rows)}
        if note.kind == "major":
            return {"profile": batch.profile, "changes": Changes(added=batch.rows, gone=head.rows)}
        if note.kind == "minor":
            known = [head.profile]
            counts: dict[str, int] | None = {"added": batch.rows}
        else:
            others = [profile_file(name) for name in note.windows if name != note.window]
            known = [parse_profile(content) for content in draft.read(revision, *others)]
            counts = self._corrections(draft, revision)
        known_all = [profile for profile in known if profile is not None]
        profile = merge([*known_all, batch.profile]) if len(known_all) == len(known) else None
        moved = tuple(moves(head.profile, profile)) if head.profile and profile else ()
        return {"profile": profile, "changes": None if counts is None else Changes(**counts, moves=moved)}

    def _corrections(self, draft: Draft, revision: str) -> dict[str, int] | None:
        """Return how many rows are added, corrected and gone; None where the content before is lost."""
        name = self._window.window.id
        with work_folder("mlops-data-") as folder:
            before = folder / "before.parquet"
            try:
                pointer = Pointer.parse(draft.read(revision, pointer_file(name))[0], name)
                self._store.get(pointer, name, before)
            except DataRegistryError as error:
                if error.transient:
                    raise
                return None  # publishing it again is what repairs it
            return diff_windows(self._contract, before, self._batch.path)

    def _files(self, note: VersionNote, head: VersionNote | None) -> dict[str, bytes | None]:
        gone = [name for name in (head.windows if head else ()) if name not in note.windows]
        files: dict[str, bytes | None] = dict.fromkeys(_files_of(gone))
        window = note.window
        report = None if self._report is None else _json(self._report)
        return {
            **files,
            NOTE: note_bytes(note),
            pointer_file(window): self._batch.pointer.dvc_file(f"{window}.parquet"),
            profile_file(window): (self._batch.profile.model_dump_json() + "\n").encode(),
            report_file(window): report,
        }


def _files_of(windows: Iterable[str]) -> list[str]:
    return [name(window) for window in windows for name in (pointer_file, profile_file, report_file)]


def parse_profile(content: bytes | None) -> Profile | None:
    """Return the profile in a file of the registry, or None where there is none."""
    return None if content is None else Profile.model_validate_json(content)


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False, default=str) + "\n").encode()
