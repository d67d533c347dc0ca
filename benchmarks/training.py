"""Training on a hundred thousand rows and on a million: whether memory suffices, and how time grows with the rows."""

import tempfile
from pathlib import Path

from benchmarks.child import Measured, run
from benchmarks.ingestion import batch
from benchmarks.table import Bar, Figure

FEW, MANY = 100_000, 1_000_000
TITLE = "training"
_MEMORY = 6 * 1024


def measure(full: bool = False) -> list[Figure]:
    """Return seconds and peak memory of a whole training, all candidates in one process; only in a full run.

    Under Airflow two tasks run side by side: that takes less time, and memory twice at most.
    """
    return _figures(_train(FEW), _train(MANY)) if full else []


def _train(rows: int) -> Measured:
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        folder = Path(name)
        stock = folder / "stock"
        stock.mkdir()
        run("benchmarks.training_data", batch(folder, rows), stock)
        return run("benchmarks.training_ours", stock, folder)


def _figures(few: Measured, many: Measured) -> list[Figure]:
    growth = many.seconds / few.seconds / (many.rows / few.rows)
    return [
        *(Figure(TITLE, f"{one.rows:,} rows", one.seconds, "s") for one in (few, many)),
        Figure(TITLE, "growth of seconds, over that of rows", growth, bar=Bar("at most", 1.3)),
        *(Figure(TITLE, f"{one.rows:,} rows", one.mebibytes, "MiB", Bar("at most", _MEMORY)) for one in (few, many)),
    ]
