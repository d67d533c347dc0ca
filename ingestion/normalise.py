"""Raw cells in their normal form: the one that training, the data registry and the service share.

What a value is called and whether it is one is for `pipeline.coders` to say; here each distinct value is asked once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingestion.parse import Parse, parser, with_a_year
from pipeline.contract import CategoryColumn, Column, Contract, DateColumn, IntegerColumn, NumberColumn, TextColumn
from pipeline.refusal import Reason

Mask = NDArray[np.bool_]


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
        if columns[name].null_count != cells.null_count:
            failed = _mask(pc.and_(cells.is_valid(), columns[name].is_null()))
            failures.append(Failure(name, _reason(column), failed))
    return Normal(pa.record_batch(columns), failures)


def _mask(flags: Any) -> Mask:
    return np.asarray(flags.to_numpy(zero_copy_only=False), dtype=bool)


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
        return with_a_year(cells)
    return _look_up(cells, parser(column, "."), pa.timestamp("us"))


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
    if isinstance(column, TextColumn):
        return pc.if_else(pc.starts_with(cells, "="), pa.scalar(None, pa.string()), cells)
    if isinstance(column, NumberColumn | IntegerColumn):
        is_parsed = pa.types.is_float64(cells.type)
        return cells if is_parsed else _look_up(cells, parser(column, decimal), pa.float64())
    if column.type == "boolean":
        return _look_up(cells, parser(column, decimal), pa.bool_())
    encoded = _encoded(cells)
    return _take(pa.array(parser(column, decimal)(encoded.dictionary.to_pylist()), pa.string()), encoded.indices)


def _look_up(cells: Any, parse: Parse, kind: Any) -> Any:
    """Return what the distinct cells are parsed to, in the cells' places."""
    encoded = _encoded(cells)
    return pa.array(parse(encoded.dictionary.to_pylist()), kind).take(encoded.indices)


def _encoded(cells: Any) -> Any:
    return cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()


def _reason(column: Column) -> Reason:
    if not isinstance(column, CategoryColumn):
        return "type"
    return "type" if column.open else "category"
