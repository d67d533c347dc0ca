"""The form of the table of bad batches: how a file is made, and what must come of it."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from ingestion.errors import BatchRefused, SourceError
from pipeline.contract import Contract, parse_contract
from tests.conftest import SMALL, make_small_rows

ROWS = 40
WRONG = 7  # the row, from 1, that cases spoil
OTHER = 21  # and another, where two are needed


@dataclass(frozen=True)
class Accepted:
    """Every row is accepted."""

    rows: int = ROWS
    values: Mapping[str, Any] = field(default_factory=dict)  # of the row WRONG, in normal form
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quarantined:
    """These rows are kept apart, for these reasons by field; the others go on."""

    rows: Mapping[int, Mapping[str, str]]
    messages: tuple[str, ...] = ()  # patterns that the report's messages must have
    of: int = ROWS


@dataclass(frozen=True)
class Raises:
    """The batch is refused as a whole, in words that have these patterns."""

    error: type[Exception]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One bad batch; `contract` changes the small contract, `write` makes the source in a folder of the test's own."""

    name: str
    write: Callable[[Path], Path]
    outcome: Accepted | Quarantined | Raises
    contract: Mapping[str, Any] = field(default_factory=dict)


def unreadable(*words: str) -> Raises:
    """The source is no table that could be read."""
    return Raises(SourceError, words)


def refused(*words: str) -> Raises:
    """The rows were read, and too much is wrong with them."""
    return Raises(BatchRefused, words)


def contract_with(changes: Mapping[str, Any]) -> Contract:
    """Return the small contract with some of its keys changed."""
    return parse_contract(_merged(SMALL, changes))


def _merged(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    deeper = {
        key: _merged(whole[key], value) if isinstance(value, Mapping) and isinstance(whole.get(key), Mapping) else value
        for key, value in changes.items()
    }
    return {**whole, **deeper}


def texts(rows: int = ROWS) -> pd.DataFrame:
    """Return valid rows as the text of their cells; an empty one is missing."""
    frame = make_small_rows(rows, 5)
    return frame.astype(str).mask(frame.isna(), "")


def typed(rows: int = ROWS) -> pd.DataFrame:
    """Return the same rows with the types that a Parquet file would have."""
    return make_small_rows(rows, 5)


def with_cells(frame: pd.DataFrame, row: int = WRONG, **cells: Any) -> pd.DataFrame:
    """Return the frame with some cells of one row changed; `_` in a name stands for a space."""
    changed = frame.copy()
    for name, value in cells.items():
        changed.loc[row - 1, name.replace("_", " ")] = value
    return changed


def csv_text(frame: pd.DataFrame, **options: Any) -> str:
    """Return the frame as CSV."""
    text = io.StringIO()
    frame.to_csv(text, index=False, **options)
    return text.getvalue()


def file_of(content: bytes | str, name: str = "batch.csv") -> Callable[[Path], Path]:
    """Return what writes a file with this content."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / name

    return write


def csv_of(frame: pd.DataFrame, **options: Any) -> Callable[[Path], Path]:
    """Return what writes the frame as CSV."""
    return file_of(csv_text(frame, **options))


def parquet_bytes(frame: pd.DataFrame, **columns: Any) -> bytes:
    """Return the frame as Parquet, some of its columns replaced by Arrow arrays; `_` stands for a space."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for name, values in columns.items():
        place = table.column_names.index(name.replace("_", " "))
        table = table.set_column(place, name.replace("_", " "), values)
    target = io.BytesIO()
    pyarrow.parquet.write_table(table, target)
    return target.getvalue()


def parquet_of(frame: pd.DataFrame, **columns: Any) -> Callable[[Path], Path]:
    """Return what writes the frame as Parquet."""
    return file_of(parquet_bytes(frame, **columns), "batch.parquet")
