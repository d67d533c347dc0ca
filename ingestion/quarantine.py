"""The quarantine: rows that break the contract, as they came, each with its place in the source and every reason."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from ingestion.normalise import Failure, Mask
from ingestion.read import FILE, LINE, ROW
from ingestion.tally import refusals_of
from pipeline.contract import Contract


class Quarantine:
    """Writes a Parquet file: `source_file`, `row` (from 1), `reasons`, then the contract's columns as text.

    The file is there only when there was a bad row.
    """

    def __init__(self, contract: Contract, path: Path) -> None:
        self._contract = contract
        self._path = path
        self._writer: Any = None
        self.rows = 0

    def __enter__(self) -> Self:
        """Return itself; leaving closes the file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()

    def add(self, raw: Any, bad: Mask, failures: Sequence[Failure]) -> None:
        """Write the bad rows of a raw batch."""
        rows = np.flatnonzero(bad)
        if not len(rows):
            return
        table = self._table(raw, rows, failures)
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table)
        self.rows += len(rows)

    def _table(self, raw: Any, rows: Any, failures: Sequence[Failure]) -> Any:
        reasons: dict[int, list[str]] = {int(row): [] for row in rows}
        for failure in failures:
            for row, refusal in zip(
                np.flatnonzero(failure.mask).tolist(), refusals_of(self._contract, raw, failure), strict=True
            ):
                reasons[row].append(refusal.message)
        taken = pa.Table.from_batches([raw]).take(rows)
        there = set(raw.schema.names)
        cells = {
            name: taken.column(name).cast(pa.string()) if name in there else pa.nulls(len(rows), pa.string())
            for name in self._contract.batch_columns
        }
        place = {
            "source_file": taken.column(FILE).cast(pa.string()),
            "row": taken.column(ROW),
            "reasons": pa.array(["; ".join(reasons[int(row)]) for row in rows], pa.string()),
            "line": taken.column(LINE),
        }
        return pa.table(place | {name: cell for name, cell in cells.items() if name not in place})
