"""What changed from one data version to another: rows added, corrected and gone, by window, and how columns moved.

    registry.diff(before, after, examples=0) -> VersionDiff
        is diff_versions(contract, registry.note(before), registry.note(after), registry.files, examples)

`registry.files(version, windows)` gives the named windows of a version as local files; a window that both versions
hold with the same checksum is neither fetched nor read.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_profile import Move, moves
from pipeline.data_versions import VersionNote
from pipeline.row_changes import RowChanges, RowExample, row_changes, row_examples

__all__ = ["RowChanges", "RowExample", "VersionDiff", "WindowDiff", "diff_versions", "diff_windows"]

Files = Callable[[str, Collection[str]], AbstractContextManager[Mapping[str, Path]]]


class WindowDiff(Section):
    """What changed in one window. A window that only one version has was added or is gone as a whole."""

    window: str
    rows_before: int | None  # None: the version before does not have the window
    rows_after: int | None
    changes: RowChanges
    examples: tuple[RowExample, ...] = ()


class VersionDiff(Section):
    """What changed from one version to another. `windows` are those that changed, in the order of their rows."""

    before: str
    after: str
    same_contract: bool  # False: columns mean something else, so no row is compared: all are gone, and all are added
    by_key: bool  # False: whole rows are compared, so that a correction is a row gone and a row added
    rows_before: int
    rows_after: int
    added: int
    corrected: int
    gone: int
    windows: tuple[WindowDiff, ...]
    moves: tuple[Move, ...] | None  # None: a version has no profile


def diff_windows(contract: Contract, before: Path, after: Path) -> dict[str, int]:
    """Return how many rows of a window were added, corrected and are gone, by these names.

    Args:
        contract: which both files were published under.
        before: a Parquet file of the window's rows.
        after: another one.

    Raises:
        OSError: when a file cannot be read.
    """
    return row_changes(before, after, contract.key).model_dump()


def diff_versions(
    contract: Contract, before: VersionNote, after: VersionNote, files: Files, examples: int = 0
) -> VersionDiff:
    """Return what changed from one version to another, in either direction.

    Args:
        contract: the model's contract; its key is used where the versions were published under it.
        before: a version's note.
        after: the other one's.
        files: gives named windows of a version as local Parquet files, as `DataRegistry.files` does.
        examples: at most so many changed rows of each kind and window are shown.

    Raises:
        DataRegistryError: when the content of a window that changed cannot be read.
    """
    same_contract = before.data_hash == after.data_hash
    key = contract.key if same_contract and before.data_hash == contract.data_hash else ()
    windows = _windows(before, after, files, key, examples) if same_contract else _all(before, after)
    return VersionDiff(
        before=before.version,
        after=after.version,
        same_contract=same_contract,
        by_key=bool(key),
        rows_before=before.rows,
        rows_after=after.rows,
        added=sum(one.changes.added for one in windows),
        corrected=sum(one.changes.corrected for one in windows),
        gone=sum(one.changes.gone for one in windows),
        windows=tuple(windows),
        moves=tuple(moves(before.profile, after.profile)) if before.profile and after.profile else None,
    )


def _all(before: VersionNote, after: VersionNote) -> list[WindowDiff]:
    return [
        *(_one_sided(name, gone=note.rows) for name, note in before.windows.items()),
        *(_one_sided(name, added=note.rows) for name, note in after.windows.items()),
    ]


def _one_sided(window: str, added: int | None = None, gone: int | None = None) -> WindowDiff:
    changes = RowChanges(added=added or 0, gone=gone or 0)
    return WindowDiff(window=window, rows_before=gone, rows_after=added, changes=changes)


def _windows(
    before: VersionNote, after: VersionNote, files: Files, key: Sequence[str], examples: int
) -> list[WindowDiff]:
    old, new = before.windows, after.windows
    changed = [name for name in new if name in old and old[name].checksum != new[name].checksum]
    found = {name: _one_sided(name, gone=old[name].rows) for name in old if name not in new}
    found |= {name: _one_sided(name, added=new[name].rows) for name in new if name not in old}
    for name in changed:  # one after the other: only two files of a window are on the disk at a time
        with files(before.version, [name]) as olds, files(after.version, [name]) as news:
            found[name] = WindowDiff(
                window=name,
                rows_before=old[name].rows,
                rows_after=new[name].rows,
                changes=row_changes(olds[name], news[name], key),
                examples=tuple(row_examples(olds[name], news[name], key, examples)) if examples else (),
            )
    places = {name: str(note.window.start or "").zfill(20) for name, note in {**old, **new}.items()}
    return [found[name] for name in sorted(found, key=lambda name: places[name])]
