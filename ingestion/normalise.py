"""Raw cells in their normal form: the one that training, the data registry and the service share.

What a value is called and whether it is one is for `pipeline.coders` to say; here each distinct value is asked once.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.coders import coder
from pipeline.contract import CategoryColumn, Column, Contract, DateColumn, IntegerColumn, NumberColumn, TextColumn
from pipeline.refusal import Reason

Mask = NDArray[np.bool_]

# Python would take 1_000, nan and digits of other scripts as well.
_NUMBER = re.compile(r"[+-]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|infinity)", re.IGNORECASE)
_FIRST, _LAST = ((edge - datetime(1970, 1, 1)) // timedelta(microseconds=1) for edge in (datetime.min, datetime.max))  # noqa: DTZ001, DTZ901 (all of these are UTC)


@dataclass(frozen=True)
class Failure:
    """Cells of one field that are refused for one reason; `mask` says which rows of the batch."""

    field: str
    reason: Reason
    mask: Mask


@dataclass(frozen=True)
class Normal:
    """A batch in its normal form, and the cells that have none: they are null in the batch."""

    batch: Any
    failures: list[Failure]


def normalise(contract: Contract, raw: Any, decimal: str = ".") -> Normal:
    """Return the columns of a raw record batch that the contract names in their normal form.

    Args:
        contract: says what each column is.
        raw: a `pyarrow.RecordBatch` as `ingestion.read` gives it. A column that is not there is not made up.
        decimal: what stands before a number's fraction, where a number is written as text.
    """
    columns: dict[str, Any] = {}
    failures = []
    for name, column in contract.batch_columns.items():
        if name not in raw.schema.names:
            continue
        cells = _without_missing(contract, raw.column(name))
        columns[name] = _normal(column, cells, decimal)
        failed = cells.is_valid().to_numpy(zero_copy_only=False) & ~columns[name].is_valid().to_numpy(
            zero_copy_only=False
        )
        if failed.any():
            failures.append(Failure(name, _reason(column), failed))
    return Normal(pa.record_batch(columns), failures)


def event_times(contract: Contract, raw: Any) -> Any:
    """Return when the rows of a raw batch were; see `parse_times`. The contract must have an event time."""
    name = contract.event_time or ""
    column = contract.columns[name]
    if not isinstance(column, DateColumn):
        raise TypeError(f"{contract.name} has no event time")
    return parse_times(column, _without_missing(contract, raw.column(name)))


def parse_times(column: DateColumn, cells: Any) -> Any:
    """Return times as timestamp[us] in UTC; null where a cell is missing or does not parse."""
    if pa.types.is_timestamp(cells.type):
        return _with_a_year(cells)
    return _look_up(cells, lambda words: _with_a_year(_parse_words(column, words)), pa.timestamp("us"))


def _with_a_year(times: Any) -> Any:
    """Return the times, null where no calendar of Python has the year: before 1 or after 9999."""
    microseconds = times.cast(pa.int64())
    inside = pc.and_(pc.greater_equal(microseconds, _FIRST), pc.less_equal(microseconds, _LAST))
    return pc.if_else(inside, times, pa.scalar(None, times.type))


def _without_missing(contract: Contract, cells: Any) -> Any:
    """Return the cells, null where a text is one of those that mean: no value. Spaces around texts go."""
    if pa.types.is_string(cells.type):
        return _trimmed(contract, cells)
    if not pa.types.is_dictionary(cells.type):
        return cells
    words = _trimmed(contract, cells.dictionary.cast(pa.string()))
    if words.null_count == 0 and words.equals(cells.dictionary):
        return cells
    return _take(words, cells.indices)


def _trimmed(contract: Contract, texts: Any) -> Any:
    texts = pc.utf8_trim_whitespace(texts)
    empty = pc.is_in(texts, value_set=pa.array(["", *contract.ingestion.missing], pa.string()))
    return pc.if_else(empty, pa.scalar(None, pa.string()), texts)


def _take(words: Any, indices: Any) -> Any:
    """Return a dictionary-encoded array of words that may repeat or be null: each distinct word stands once."""
    distinct = words.dictionary_encode()
    return pa.DictionaryArray.from_arrays(distinct.indices.take(indices), distinct.dictionary)


def _normal(column: Column, cells: Any, decimal: str) -> Any:
    if isinstance(column, DateColumn):
        return parse_times(column, cells)
    if isinstance(column, NumberColumn | IntegerColumn):
        if pa.types.is_float64(cells.type):
            return pc.add(cells, 0.0)  # -0 becomes 0
        return _look_up(cells, _each(lambda text: _number(text, decimal)), pa.float64())
    if isinstance(column, TextColumn):
        return pc.if_else(pc.starts_with(cells, "="), pa.scalar(None, pa.string()), cells)
    parse = coder(column).normalise
    if column.type == "boolean":
        return _look_up(cells, _each(parse), pa.bool_())
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    return _take(
        pa.array(_each(lambda word: _word(parse, word))(encoded.dictionary.to_pylist()), pa.string()), encoded.indices
    )


def _look_up(cells: Any, parse: Callable[[list[Any]], Iterable[Any]], kind: Any) -> Any:
    """Return what the distinct cells are parsed to, in the cells' places."""
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    return pa.array(parse(encoded.dictionary.to_pylist()), kind).take(encoded.indices)


def _each(parse: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    def parse_or_none(value: Any) -> Any:
        try:
            return None if value is None else parse(value)
        except (ValueError, TypeError, OverflowError):
            return None

    return lambda values: [parse_or_none(value) for value in values]


def _number(text: str, decimal: str) -> float:
    if decimal != ".":
        text = text.replace(".", " ").replace(decimal, ".")  # a point would separate thousands: no number to us
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return float(text) + 0.0


def _word(parse: Callable[[Any], Any], word: str) -> Any:
    if word.startswith("="):
        raise ValueError(f"{word!r} would be a formula to a spreadsheet")
    return parse(word)


def _parse_words(column: DateColumn, words: list[Any]) -> Any:
    times = pd.to_datetime(pd.Series(words, dtype=object), format=column.format, errors="coerce", utc=True)
    return pa.Array.from_pandas(times.dt.tz_localize(None).astype("datetime64[us]"), type=pa.timestamp("us"))


def _reason(column: Column) -> Reason:
    if not isinstance(column, CategoryColumn):
        return "type"
    return "type" if column.open else "category"
