"""What one more window costs in the data registry, when it is the second and when it is the hundredth."""

import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from pipeline.contract import SPLIT, Contract, Window, load_contract
from pipeline.contract.contract import example_value
from pipeline.data_content import batch_schema
from pipeline.data_registry import DataRegistry
from pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
FIRST = date(2000, 1, 1)


@dataclass(frozen=True)
class Registry:
    """Seconds that publishing each of many equal windows took, and that reading the notes takes at the end."""

    rows: int
    seconds: tuple[float, ...]
    notes: float
    note: float
    report: float

    def around(self, number: int) -> float:
        """Return the median over the publishes next to this one (from 1): a single one is at the mercy of the disk."""
        return statistics.median(self.seconds[max(1, number - 4) : number + 3])

    @property
    def ratio(self) -> float:
        """What the last publishes take, as a multiple of the second and those after it."""
        return self.around(len(self.seconds)) / self.around(2)


def measure(windows: int = 100, rows: int = 20_000) -> Registry:
    """Publish equal windows into an empty registry, one after the other."""
    contract = load_contract(ROOT / "contracts" / "house_prices.yaml")
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        first, registry = (
            DataRegistry(Settings(project_dir=ROOT, state_dir=Path(folder, name)), contract) for name in ("a", "b")
        )
        _publish(first, contract, Path(folder), 0, rows)  # loads libraries, which is no part of it
        seconds = tuple(_publish(registry, contract, Path(folder), number, rows) for number in range(windows))
        last = str(registry.latest())
        window = next(iter(registry.note(last).windows))
        return Registry(
            rows=rows,
            seconds=seconds,
            notes=_seconds(registry.notes),
            note=_seconds(registry.note, last),
            report=_seconds(registry.report, last, window),
        )


def main() -> None:
    """Measure and print a table."""
    found = measure()
    print(f"{platform.machine()}, Python {platform.python_version()}; windows of {found.rows:,} rows")
    for number in (2, 10, 25, 50, 75, 100):
        print(f"publish window {number:4}     {found.around(number) * 1000:8.0f} ms")
    print(f"hundredth / second       {found.ratio:8.2f}   (the bar is 1.5)")
    print(f"one note                 {found.note * 1000:8.0f} ms")
    print(f"all notes                {found.notes * 1000:8.0f} ms")
    print(f"one report               {found.report * 1000:8.0f} ms")


def _publish(registry: DataRegistry, contract: Contract, folder: Path, number: int, rows: int) -> float:
    path, start = folder / "window.parquet", FIRST + timedelta(days=30 * number)
    pyarrow.parquet.write_table(_rows(contract, start, rows), path, compression="zstd", store_schema=False)
    window = Window(start=start, end=start + timedelta(days=30))
    return _seconds(registry.publish_file, path, window, "benchmark.csv", f"run-{number}", {"rows": rows})


def _rows(contract: Contract, start: date, rows: int) -> Any:
    rng = np.random.default_rng(start.toordinal())
    columns: dict[str, Any] = {}
    for name, column in contract.batch_columns.items():
        if column.type in ("number", "integer"):
            columns[name] = rng.uniform(0, 1000, rows).round(column.type == "number")
        elif column.type == "date":
            columns[name] = np.datetime64(start) + rng.integers(0, 30, rows).astype("timedelta64[D]")
        elif column.type == "text":
            columns[name] = [f"{start}-{row}" for row in range(rows)]
        elif column.type == "category":
            columns[name] = rng.choice(np.array(column.categories), rows)
        else:
            columns[name] = np.full(rows, example_value(column))
    columns[SPLIT] = rng.choice(np.array(["train", "validation", "test"]), rows)
    schema = batch_schema(contract)
    return pa.table([pa.array(columns[field.name]).cast(field.type) for field in schema], schema=schema)


def _seconds(call: Any, *arguments: Any) -> float:
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
