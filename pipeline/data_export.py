"""Rows of a data version as one file for people and other programs: window after window, never the whole in memory."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from upath import UPath

from pipeline.contract import SPLIT, Contract, DateColumn
from pipeline.data_content import read_batches
from pipeline.errors import PipelineError
from pipeline.storage import staged

FORMATS = (".csv", ".csv.gz", ".parquet")
# What a spreadsheet takes for the beginning of a formula (OWASP, "CSV injection").
_FORMULA = r"^[=+\-@\t\r]"


class ExportError(PipelineError):
    """Rows that cannot be written to a file."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    rows: int
    guarded: int  # cells that got an apostrophe, because a spreadsheet would have taken them for a formula


class _Writer(Protocol):
    def write_batch(self, batch: Any) -> None: ...


def check_target(target: Path, overwrite: bool) -> str:
    """Return the format of a file to write, one of `FORMATS`.

    Raises:
        ExportError: when its name tells no format, its folder is not there, or it exists and may not be replaced.
    """
    suffix = next((one for one in sorted(FORMATS, key=len, reverse=True) if target.name.endswith(one)), None)
    if suffix is None:
        raise ExportError(f"{target.name} tells no format; its name must end in {', '.join(FORMATS)}")
    if not target.parent.is_dir():
        raise ExportError(f"{target}: there is no folder {target.parent}; make it first")
    if target.is_dir():
        raise ExportError(f"{target} is a folder; give the name of a file")
    if target.exists() and not overwrite:
        raise ExportError(f"{target} is there already; add --force to replace it, or give another name")
    return suffix


def export(contract: Contract, files: Sequence[Path], target: Path, split: str | None, overwrite: bool) -> Exported:
    """Write the rows of Parquet files, one after the other, to one file; it is there when it is whole.

    In CSV, times are written in the contract's format, so that the file can be ingested again.

    Args:
        contract: says how its event time is written.
        files: rows in the normal form with the split, of the same columns.
        target: the file; the end of its name says which format.
        split: only rows of this one.
        overwrite: whether a file that is there is replaced.

    Raises:
        ExportError: when the file cannot be written.
    """
    suffix, rows, guarded = check_target(target, overwrite), 0, 0
    batches = _batches(files, split)
    try:
        with staged(UPath(target.absolute())) as part, ExitStack() as stack:
            writer: _Writer | None = None
            for batch in batches:
                rows += batch.num_rows
                if suffix != ".parquet":
                    batch, cells = _for_spreadsheets(contract, batch)
                    guarded += cells
                writer = writer or stack.enter_context(_writer(part, suffix, batch.schema))
                writer.write_batch(batch)
            stack.close()
    except OSError as error:
        raise ExportError(f"{target} cannot be written: {error}") from error
    return Exported(rows, guarded)


def _batches(files: Sequence[Path], split: str | None) -> Iterator[Any]:
    for path in files:
        for batch in read_batches(path):
            plain = [
                column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
                for column in batch.columns
            ]
            rows = pa.RecordBatch.from_arrays(plain, names=batch.schema.names)
            yield rows if split is None else rows.filter(pc.equal(rows.column(SPLIT), split))


@contextmanager
def _writer(path: Path, suffix: str, schema: Any) -> Iterator[_Writer]:
    if suffix == ".parquet":
        with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd", store_schema=False) as writer:
            yield writer
        return
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    with _stream(path, suffix) as stream, pyarrow.csv.CSVWriter(stream, schema, write_options=options) as writer:
        yield writer


def _stream(path: Path, suffix: str) -> AbstractContextManager[Any]:
    if suffix == ".csv":
        return pa.OSFile(str(path), "wb")  # type: ignore[no-any-return]
    # pyarrow's own gzip is of the highest level, which takes four times as long.
    return gzip.open(path, "wb", compresslevel=5)


def _for_spreadsheets(contract: Contract, batch: Any) -> tuple[Any, int]:
    """Return the batch as CSV holds it, and how many of its cells were kept from being taken for a formula."""
    columns, guarded = [], 0
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            columns.append(_written(contract, name, column))
        elif pa.types.is_string(column.type) and (risky := pc.match_substring_regex(column, _FORMULA)).true_count:
            guarded += risky.true_count
            columns.append(pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column))
        else:
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names), guarded


def _written(contract: Contract, name: str, times: Any) -> Any:
    column = contract.columns.get(name)
    if not isinstance(column, DateColumn) or "%f" in column.format:
        return times
    return pc.strftime(times.cast(pa.timestamp("s"), safe=False), column.format)
