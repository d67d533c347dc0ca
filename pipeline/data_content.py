"""What a data version holds: rows in one table form, the same bytes and checksum for the same rows."""

import hashlib
import io
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from pipeline.contract import SPLIT, Contract

# Whole numbers are kept as float64 too: they may be missing, and the encoder makes float32 of them anyway.
_TYPES = {
    "number": pa.float64(),
    "integer": pa.float64(),
    "boolean": pa.bool_(),
    "category": pa.string(),
    "text": pa.string(),
    "date": pa.timestamp("us"),
}


def to_table(contract: Contract, frame: pd.DataFrame) -> Any:
    """Return the frame's normalised columns as a `pyarrow.Table`, in the contract's order and types.

    Columns that the contract does not name are left out; only the split column stays, where there is one. Without
    this, the type of a column would depend on whether this very window happens to have missing values in it.
    """
    fields = [(name, _TYPES[column.type]) for name, column in contract.batch_columns.items() if name in frame.columns]
    fields += [(SPLIT, pa.string())] if SPLIT in frame.columns else []
    table = pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False)
    return table.replace_schema_metadata(None)  # pandas would note its own version in it


def in_order(contract: Contract, table: Any) -> Any:
    """Return the rows by event time, key and the rest; without an event time the order of the source stands in."""
    if contract.event_time is None:
        return table
    first = [contract.event_time, *contract.key]
    names = first + [name for name in table.column_names if name not in first]
    return table.sort_by([(name, "ascending") for name in names])


def checksum(table: Any) -> str:
    """Return a SHA-256 over the rows as text: Parquet's bytes depend on the version of its writer."""
    text = io.BytesIO()
    pyarrow.csv.write_csv(table, text)
    return hashlib.sha256(text.getvalue()).hexdigest()


def to_parquet(table: Any) -> bytes:
    """Return the table as a Parquet file."""
    target = io.BytesIO()
    pyarrow.parquet.write_table(table, target, compression="zstd")
    return target.getvalue()


def from_parquet(content: bytes) -> Any:
    """Return the table of a Parquet file."""
    return pyarrow.parquet.read_table(io.BytesIO(content))


def to_frame(*tables: Any) -> pd.DataFrame:
    """Return the rows of all tables, one after the other, in one frame."""
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return frame
