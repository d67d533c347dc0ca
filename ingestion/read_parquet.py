"""Parquet files as batches of cells."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ingestion.errors import SourceError
from ingestion.read import Header, Plan, ReadAgain, first_line, placed, raw_type
from ingestion.sources import SourceFile
from pipeline.contract import Column, Contract


def names(contract: Contract, file: SourceFile) -> list[str]:  # noqa: ARG001 (the CSV reader needs the contract)
    """Return the names of the columns, without spaces around them."""
    with _understood(file), pyarrow.parquet.ParquetFile(file.path) as source:
        return [name.strip() for name in source.schema_arrow.names]


def batches(contract: Contract, file: SourceFile, header: Header, plan: Plan) -> Iterator[Any]:
    """Give the file's rows; see `ingestion.read.read_batches`."""
    next_row = 1
    with _understood(file), pyarrow.parquet.ParquetFile(file.path) as source:
        raw_names = {name.strip(): name for name in source.schema_arrow.names}
        wanted = [raw_names[name] for name in header.columns]
        for batch in source.iter_batches(batch_size=max(1, plan.block // 128), columns=wanted):
            columns = {
                name: _cells(file, name, contract.batch_columns[name], batch.column(raw_names[name]), plan)
                for name in header.columns
            }
            yield placed(columns, file, np.arange(next_row, next_row + batch.num_rows))
            next_row += batch.num_rows


@contextmanager
def _understood(file: SourceFile) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{file.name}: cannot be read as parquet: {first_line(error)}") from error


def _cells(file: SourceFile, name: str, column: Column, cells: Any, plan: Plan) -> Any:
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_nested(cells.type) or pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type):
        raise SourceError(f"{file.name}: column {name!r} holds {cells.type} in its cells, not single values")
    wanted = raw_type(name, column, plan)
    if column.type == "date" and pa.types.is_temporal(cells.type):
        return _times(cells)
    if pa.types.is_float64(wanted):
        return _numbers(name, cells, plan)
    return _texts(cells, wanted)


def _numbers(name: str, cells: Any, plan: Plan) -> Any:
    kind = cells.type
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    if not any(test(kind) for test in tests):
        raise ReadAgain(plan.careful(name))
    numbers = cells.cast(pa.float64(), safe=False)  # a whole number above 2**53 loses its last digits, as in any float
    return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)


def _times(cells: Any) -> Any:
    """Return times as UTC without a zone."""
    zoned = pa.types.is_timestamp(cells.type) and cells.type.tz
    times = cells.cast(pa.timestamp("us", tz="UTC" if zoned else None), safe=False)
    return times.cast(pa.timestamp("us"))


def _texts(cells: Any, wanted: Any) -> Any:
    """Return values as text; NaN is missing, and a whole number has no decimal point."""
    if pa.types.is_floating(cells.type):
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
    texts = cells.cast(pa.string())
    return texts.dictionary_encode() if pa.types.is_dictionary(wanted) else texts
