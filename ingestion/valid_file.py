"""The file of valid rows: normal form and split, one row group for each batch."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet


class ValidFile:
    """Writes in a thread of its own, one batch behind: compressing is a good part of the work of validation.

    The file is there only when there was a row.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._pending: Future[None] | None = None
        self.rows = 0

    def __enter__(self) -> Self:
        """Return itself; leaving closes the file."""
        return self

    def add(self, batch: Any) -> None:
        """Write a batch. Raises what writing the batch before it has raised."""
        self._wait()
        if batch.num_rows:
            self.rows += batch.num_rows
            self._pending = self._thread.submit(self._write, batch)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, when all is written."""
        try:
            self._wait()
        finally:
            self._thread.shutdown()
            if self._writer is not None:
                self._writer.close()

    def _write(self, batch: Any) -> None:
        if self._writer is None:
            # Without Arrow's own schema in it, words that were written from a dictionary read back as plain texts.
            # Texts of a key hardly ever stand twice, and nobody asks for a column's least value: both only cost time.
            repeating = [field.name for field in batch.schema if not pa.types.is_string(field.type)]
            options = {"compression": "zstd", "compression_level": 1, "write_statistics": False, "store_schema": False}
            self._writer = pyarrow.parquet.ParquetWriter(self._path, batch.schema, use_dictionary=repeating, **options)
        self._writer.write_batch(batch)

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None
