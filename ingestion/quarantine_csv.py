"""The quarantine as CSV, for people who mend rows in a spreadsheet."""

from collections.abc import Iterator

import pyarrow.parquet
from upath import UPath

from pipeline.safe_csv import csv_lines


def quarantine_csv(file: UPath) -> Iterator[bytes]:
    """Give a quarantine file as CSV in UTF-8, part by part; a text that looks like a formula gets an apostrophe.

    Raises:
        OSError: when the file cannot be read.
    """
    with file.open("rb") as opened, pyarrow.parquet.ParquetFile(opened) as table:
        yield csv_lines([table.schema_arrow.names])
        for batch in table.iter_batches():
            yield csv_lines(zip(*(column.to_pylist() for column in batch.columns), strict=True))
