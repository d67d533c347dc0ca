"""What a data version holds: rows in one table form, and one checksum for the same rows in any order."""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

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
_BATCH_ROWS = 65_536
_MISSING = np.uint64(0x6D697373696E6721)
_ODD = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))  # the multipliers of SplitMix64


def to_table(contract: Contract, frame: pd.DataFrame) -> Any:
    """Return the frame's normalised columns as a `pyarrow.Table`, in the contract's order and types.

    Columns that the contract does not name are left out; only the split column stays, where there is one. Without
    this, the type of a column would depend on whether this very window happens to have missing values in it.
    """
    schema = batch_schema(contract)
    fields = [field for field in schema if field.name in frame.columns]
    table = pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False)
    return table.replace_schema_metadata(None)  # pandas would note its own version in it


def batch_schema(contract: Contract) -> Any:
    """Return the `pyarrow.Schema` of a valid batch: the contract's columns in order, then the split."""
    fields = [(name, _TYPES[column.type]) for name, column in contract.batch_columns.items()]
    return pa.schema([*fields, (SPLIT, pa.string())])


def to_parquet(table: Any) -> bytes:
    """Return the table as a Parquet file."""
    target = io.BytesIO()
    pyarrow.parquet.write_table(table, target, compression="zstd", store_schema=False)
    return target.getvalue()


def from_parquet(content: bytes) -> Any:
    """Return the table of a Parquet file."""
    return pyarrow.parquet.read_table(io.BytesIO(content))


def to_frame(*tables: Any) -> pd.DataFrame:
    """Return the rows of all tables, one after the other, in one frame."""
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return frame


def read_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """Give a Parquet file's rows as record batches of at most 65,536 rows; words come as dictionaries."""
    with pyarrow.parquet.ParquetFile(path) as file:
        words = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
    with pyarrow.parquet.ParquetFile(path, read_dictionary=words) as file:
        yield from file.iter_batches(batch_size=_BATCH_ROWS, columns=None if columns is None else list(columns))


class Checksum:
    """The checksum of rows that come in batches; the same rows in another order have the same one.

    It is a SHA-256 over how many rows there are, the sum and the exclusive or of their hashes, and the columns: the
    bytes of a Parquet file would depend on the version of its writer.
    """

    def __init__(self, schema: Any) -> None:
        self._names = schema.names
        self._columns = [[field.name, str(_plain_type(field.type))] for field in schema]
        self._rows, self._sum, self._xor = 0, 0, 0

    def add(self, batch: Any) -> None:
        """Count in the rows of a `pyarrow.RecordBatch`."""
        hashes = row_hashes(batch, self._names)
        self._rows += len(hashes)
        self._sum = (self._sum + int(np.add.reduce(hashes, dtype=np.uint64))) % 2**64
        self._xor ^= int(np.bitwise_xor.reduce(hashes))

    def result(self) -> str:
        """Return the checksum of all rows so far, 64 hexadecimal digits."""
        content = json.dumps([self._rows, self._sum, self._xor, self._columns], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def checksum(table: Any) -> str:
    """Return the checksum of a table or record batch."""
    total = Checksum(table.schema)
    for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
        total.add(batch)
    return total.result()


def row_hashes(batch: Any, names: Sequence[str]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row's values in these columns, shape (rows,).

    It does not depend on the order of the rows, on where batches end, or on whether words come as a dictionary.
    Missing equals missing (null or NaN), and -0.0 equals 0.0.
    """
    total = np.zeros(batch.num_rows, np.uint64)
    for name in names:
        salt = np.frombuffer(hashlib.blake2b(name.encode(), digest_size=8).digest(), np.uint64)[0]
        total += _mixed(_bits(batch.column(batch.schema.get_field_index(name))) ^ salt)
    return _mixed(total)  # without it, values that change places between rows would leave the sum of all rows as it is


def _bits(column: Any) -> NDArray[np.uint64]:
    kind = _plain_type(column.type)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _word_bits(column)
    if pa.types.is_floating(kind):
        values = column.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0  # makes 0.0 of -0.0
        return np.where(np.isnan(values), _MISSING, values.view(np.uint64))
    if pa.types.is_boolean(kind):
        return _filled(column.cast(pa.uint8()), column.is_null())
    numbers = column.view(pa.int64()) if pa.types.is_timestamp(kind) else column.cast(pa.int64())
    return _filled(numbers, column.is_null())


def _filled(column: Any, missing: Any) -> NDArray[np.uint64]:
    values = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    return np.where(missing.to_numpy(zero_copy_only=False), _MISSING, values)


def _word_bits(column: Any) -> NDArray[np.uint64]:
    if pa.types.is_dictionary(column.type) and len(column.dictionary) > len(column):
        column = column.cast(column.type.value_type)  # Parquet gives each batch the words of a whole row group
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words = coded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    hashes = np.where(pd.isna(words), _MISSING, pd.util.hash_array(words, categorize=False))
    hashes = np.append(hashes, _MISSING)  # which -1, the last one, stands for
    codes: NDArray[np.int64] = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return hashes[codes]


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the values with every bit depending on all of theirs."""
    values = (values ^ (values >> np.uint64(30))) * _ODD[0]
    values = (values ^ (values >> np.uint64(27))) * _ODD[1]
    return values ^ (values >> np.uint64(31))


def _plain_type(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
