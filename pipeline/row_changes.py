"""Which rows of a window were added, corrected or are gone, between two Parquet files of it.

Rows are known by 64-bit hashes, 16 bytes a row and file; the rows themselves pass by in batches. Between
files of ten million rows each, the chance that any two different rows share a hash is under one in 100,000.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from pipeline.contract.base import Section
from pipeline.data_content import read_batches, row_hashes

Change = Literal["added", "corrected", "gone"]
_Hashes = NDArray[np.uint64]


class RowChanges(Section):
    """How many rows changed. Without a key a correction cannot be told: it is one row gone and one added."""

    added: int = 0
    corrected: int = 0
    gone: int = 0


class RowExample(Section):
    """A row that changed: its key (all of it, where there is no key), and what a correction changed."""

    change: Change
    row: dict[str, Any]
    corrections: dict[str, tuple[Any, Any]] = {}  # column -> value before, value after


@dataclass(frozen=True)
class _Rows:
    """The hashes of a file's rows in ascending order, by the key or by the whole row; each of shape (rows,)."""

    ids: _Hashes
    contents: _Hashes

    @classmethod
    def of(cls, path: Path, key: Sequence[str]) -> Self:
        rows = pyarrow.parquet.read_metadata(path).num_rows
        ids, contents, done = np.empty(rows, np.uint64), np.empty(rows, np.uint64), 0
        for batch in read_batches(path):
            part = slice(done, done := done + batch.num_rows)
            contents[part] = row_hashes(batch, batch.schema.names)
            ids[part] = row_hashes(batch, key) if key else contents[part]
        order = np.argsort(ids)
        return cls(ids[order], contents[order])

    def places_in(self, other: "_Rows") -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return where each row would be in another file, and whether it is there; a second one beside a second."""
        nth = np.arange(len(self.ids)) - np.searchsorted(self.ids, self.ids)
        places = np.searchsorted(other.ids, self.ids) + nth
        there = places < len(other.ids)
        there[there] = other.ids[places[there]] == self.ids[there]
        return places, there


@dataclass(frozen=True)
class _Changed:
    """The hashes by which the changed rows of two files are known."""

    added: _Hashes
    corrected: _Hashes
    gone: _Hashes


def row_changes(before: Path, after: Path, key: Sequence[str]) -> RowChanges:
    """Count the rows that changed between two files of a window.

    Args:
        before: a Parquet file of rows in the normal form.
        after: another one with the same columns.
        key: the columns that identify a row in a window; without any, whole rows are compared, as often as each stands.

    Raises:
        OSError: when a file cannot be read.
    """
    changed = _changed(before, after, key)
    return RowChanges(added=len(changed.added), corrected=len(changed.corrected), gone=len(changed.gone))


def row_examples(before: Path, after: Path, key: Sequence[str], most: int = 5) -> list[RowExample]:
    """Return at most so many changed rows of each kind, for people; which ones does not depend on their order.

    Values are those of `pyarrow`'s `to_pylist`: numbers, truths, words, times, or None. Raises OSError.
    """
    changed = _changed(before, after, key)
    old = _find(before, key, np.concatenate([changed.gone[:most], changed.corrected[:most]]))
    new = _find(after, key, np.concatenate([changed.added[:most], changed.corrected[:most]]))
    return [
        *(_example("added", new[one], key) for one in changed.added[:most].tolist()),
        *(_example("corrected", new[one], key, old[one]) for one in changed.corrected[:most].tolist()),
        *(_example("gone", old[one], key) for one in changed.gone[:most].tolist()),
    ]


def _changed(before: Path, after: Path, key: Sequence[str]) -> _Changed:
    old, new = _Rows.of(before, key), _Rows.of(after, key)
    places, there = old.places_in(new)
    other = old.contents[there] != new.contents[places[there]]
    added = np.ones(len(new.ids), bool)
    added[places[there]] = False
    return _Changed(added=new.ids[added], corrected=old.ids[there][other], gone=old.ids[~there])


def _find(path: Path, key: Sequence[str], wanted: _Hashes) -> dict[int, dict[str, Any]]:
    return dict(_found(path, key, wanted)) if len(wanted) else {}


def _found(path: Path, key: Sequence[str], wanted: _Hashes) -> Iterator[tuple[int, dict[str, Any]]]:
    for batch in read_batches(path):
        ids = row_hashes(batch, key or batch.schema.names)
        places = np.flatnonzero(np.isin(ids, wanted))
        yield from zip(ids[places].tolist(), batch.take(pa.array(places)).to_pylist(), strict=True)


def _example(
    change: Change, row: dict[str, Any], key: Sequence[str], before: dict[str, Any] | None = None
) -> RowExample:
    known = {name: value for name, value in row.items() if not key or name in key}
    corrections = {
        name: (before[name], value) for name, value in row.items() if before is not None and before[name] != value
    }
    return RowExample(change=change, row=known, corrections=corrections)
