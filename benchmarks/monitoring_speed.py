"""A report on a million answers of twenty columns, against a reference as large: start-up, analysis, verdict, page.

The rival is Evidently's own drift preset on the same rows, all of them, in a process of its own as well. Both begin
with the Parquet files that gathering leaves.
"""

import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import child
from benchmarks.table import Bar, Figure
from monitoring.frames import HIGH, LATENCY_MS, LOW
from pipeline.contract import PREDICTION, Contract, parse_contract

TITLE = "monitoring_speed"
ROWS = 1_000_000
LIVE, REFERENCE = "live.parquet", "reference.parquet"
_WORDS = 8  # of twenty columns
_HELD_OUT = 0.15


def measure(full: bool = False) -> list[Figure]:  # noqa: ARG001
    """Return seconds, start-up included, and memory of the report, and of Evidently's preset on the same rows."""
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        folder = Path(name)
        write_rows(folder)
        ours, seconds = _timed("benchmarks.monitoring_speed_ours", folder)
        figures = [
            Figure(TITLE, "report on a million answers", seconds, "s", Bar("at most", 12)),
            Figure(TITLE, "memory of the report", ours.mebibytes, "MiB", Bar("at most", 2048)),
        ]
        rival, rivals_seconds = _timed("benchmarks.monitoring_speed_rival", folder)
        return [
            *figures,
            Figure(TITLE, "Evidently's drift preset on all rows", rivals_seconds, "s"),
            Figure(TITLE, "memory of Evidently's preset", rival.mebibytes, "MiB"),
        ]


def contract() -> Contract:
    """Return a contract of twenty columns, of which eight hold words."""
    words = [f"word {place}" for place in range(12)]
    columns: dict[str, object] = {f"word_{place}": {"type": "category", "categories": words} for place in range(_WORDS)}
    columns |= {f"number_{place}": {"type": "number", "required": False} for place in range(20 - _WORDS)}
    return parse_contract(
        {
            "name": "million",
            "columns": columns,
            "target": {"name": "value", "minimum": 0.001, "transform": "log"},
            "ingestion": {"source": "nowhere.csv"},
            "training": {"seed": 5, "candidates": {"dummy": {"kind": "dummy"}}},
        }
    )


def write_rows(folder: Path, rows: int = ROWS) -> None:
    """Write live rows and a reference of one population, as gathering leaves them."""
    for seed, name in enumerate((LIVE, REFERENCE)):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({name: _column(rng, column.type, rows) for name, column in contract().features.items()})
        truth = rng.lognormal(5, 0.5, rows)
        predicted = truth * rng.lognormal(0, 0.1, rows)
        judged = rng.random(rows) < (_HELD_OUT if name == REFERENCE else 1)
        frame[PREDICTION], frame["value"] = np.where(judged, predicted, np.nan), np.where(judged, truth, np.nan)
        if name == LIVE:
            ends = {LOW: predicted * 0.85, HIGH: predicted * 1.18, LATENCY_MS: rng.gamma(2, 1, rows)}
            frame = frame.assign(**ends)
        frame.to_parquet(folder / name, index=False)


def _column(rng: np.random.Generator, kind: str, rows: int) -> pd.Series:
    if kind == "category":
        return pd.Series(rng.choice([f"word {place}" for place in range(12)], rows), dtype="str")
    values = rng.lognormal(2, 1, rows)
    return pd.Series(np.where(rng.random(rows) < 0.02, np.nan, values))


def _timed(module: str, folder: Path) -> tuple[child.Measured, float]:
    started = time.perf_counter()
    try:
        measured = child.run(module, folder, folder)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{module} failed; see its words above") from error
    return measured, time.perf_counter() - started
