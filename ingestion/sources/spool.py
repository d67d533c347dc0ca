"""Rows of a database, gathered in a Parquet file whose types are settled by the values."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_TIME = pa.timestamp("us")
_TIME_UTC = pa.timestamp("us", tz="UTC")
_LARGEST = 2**63


class Spool:
    """Takes rows and gives a file.

    A column's type is that of its values so far: whole numbers and others together are float64, anything else together
    is text. Each time a type changes a new part is begun; in the end all parts have the types of the last.
    """

    def __init__(self, names: Sequence[str], target: Path) -> None:
        self.names, self.target = names, target
        self.types: list[Any] = [pa.null()] * len(names)
        self.mixed: dict[str, str] = {}  # columns that became text, and what stood in them
        self._parts: list[Path] = []
        self._writer: Any = None

    def add(self, rows: Sequence[Sequence[Any]]) -> int:
        """Add rows, one or more, and return their size in bytes."""
        columns = [_plain(values) for values in zip(*rows, strict=True)]
        before, self.types = self.types, [self._settle(at, values) for at, values in enumerate(columns)]
        if self._writer is None or self.types != before:
            self._begin_part()
        arrays = [_array(values, kind) for values, kind in zip(columns, self._schema().types, strict=True)]
        table = pa.table(arrays, schema=self._schema())
        self._writer.write_table(table)
        return int(table.nbytes)

    def close(self) -> Path:
        """Return the file with all rows."""
        if self._writer is None:
            self._begin_part()
        self._writer.close()
        if len(self._parts) == 1:
            return self._parts[0].rename(self.target)
        with pq.ParquetWriter(self.target, self._schema()) as writer:
            for part in self._parts:
                for batch in pq.ParquetFile(part).iter_batches():
                    writer.write_table(_cast(pa.table(batch), self._schema()))
                part.unlink()
        return self.target

    def _settle(self, at: int, values: Sequence[Any]) -> Any:
        kind = self.types[at]
        for found in _types_of(values):
            common = _common(kind, found)
            if pa.types.is_string(common) and not {kind, found} <= {common, pa.null()}:
                self.mixed.setdefault(self.names[at], f"{kind} and {found}")
            kind = common
        return kind

    def _schema(self) -> Any:
        types = (pa.string() if pa.types.is_null(kind) else kind for kind in self.types)
        return pa.schema(list(zip(self.names, types, strict=True)))

    def _begin_part(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._parts.append(self.target.with_name(f"{self.target.stem}-{len(self._parts)}.part"))
        self._writer = pq.ParquetWriter(self._parts[-1], self._schema())


def _plain(values: Sequence[Any]) -> list[Any]:
    """Return a chunk of one column as numbers, texts, truths and times."""
    if {type(value) for value in values} <= {int, float, str, bool, type(None)}:
        return list(values)
    return [_plain_value(value) for value in values]


def _plain_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        whole = value.is_finite() and value.as_tuple().exponent == 0
        return int(value) if whole else float(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 (a day has no time zone)
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC)  # once pandera is imported, pyarrow 25 drops the offset of any other zone
    if value is None or isinstance(value, bool | int | float | str | dt.datetime):
        return value
    return str(value)


def _types_of(values: Sequence[Any]) -> set[Any]:
    known = {type(None): pa.null(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    kinds = {type(value) for value in values}
    found = {known.get(kind, pa.string()) for kind in kinds - {dt.datetime}}
    if int in kinds and not all(-_LARGEST <= value < _LARGEST for value in values if type(value) is int):
        found.add(pa.string())
    if dt.datetime in kinds:
        found |= {_TIME if value.tzinfo is None else _TIME_UTC for value in values if type(value) is dt.datetime}
    return found


def _common(one: Any, other: Any) -> Any:
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    return pa.float64() if {one, other} == {pa.int64(), pa.float64()} else pa.string()


def _array(values: Sequence[Any], kind: Any) -> Any:
    kinds = {type(value) for value in values} - {type(None)}
    if pa.types.is_string(kind) and not kinds <= {str}:
        return pa.array([None if value is None else _text(value) for value in values], kind)
    if pa.types.is_float64(kind) and int in kinds:
        return pa.array([None if value is None else float(value) for value in values], kind)
    return pa.array(values, kind)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cast(table: Any, schema: Any) -> Any:
    """Return the rows in the types of the schema; a cast of pyarrow's own would write numbers in another way."""
    pairs = zip(table.columns, schema.types, strict=True)
    columns = [column if column.type == kind else _array(column.to_pylist(), kind) for column, kind in pairs]
    return pa.table(columns, schema=schema)
