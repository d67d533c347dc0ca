"""The quarantine as CSV, for people who mend rows in a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet
from upath import UPath

# A spreadsheet takes a cell that begins with one of these for a formula: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def quarantine_csv(file: UPath) -> Iterator[bytes]:
    """Give a quarantine file as CSV in UTF-8, part by part; a text that looks like a formula gets an apostrophe.

    Raises:
        OSError: when the file cannot be read.
    """
    with file.open("rb") as opened, pyarrow.parquet.ParquetFile(opened) as table:
        yield _lines([table.schema_arrow.names])
        for batch in table.iter_batches():
            yield _lines(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _lines(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _safe(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
