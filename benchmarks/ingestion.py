"""A million rows through ingestion, beside the straightforward script; and ten million, to see that batches stream."""

import shutil
import statistics
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.batch import write_batch
from benchmarks.child import Measured, run
from benchmarks.ingestion_ours import CONTRACT, ROOT
from benchmarks.table import Bar, Figure
from pipeline.contract import load_contract

ROWS, ROUNDS, MORE = 1_000_000, 3, 10
OURS, RIVAL = "benchmarks.ingestion_ours", "benchmarks.ingestion_rival"
TITLE = "ingestion"
_BYTES_A_ROW = 500  # of the source and of everything that is written on the way, generously


def measure(full: bool = False, rows: int = ROWS, rounds: int = ROUNDS) -> list[Figure]:
    """Return seconds and peak memory of both, in turns, medians of the rounds.

    Args:
        full: also ten times as many rows, ours only.
        rows: how many rows the batch has.
        rounds: how often each is run.

    Raises:
        RuntimeError: when the disk is too full, or rows were lost.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        folder = Path(name)
        _check_disk(folder, rows * (MORE if full else 1))
        source = batch(folder, rows)
        turns = [(_once(OURS, source, folder, rows), _once(RIVAL, source, folder, rows)) for _ in range(rounds)]
        source.unlink()
        ours, rival = (_median(runs) for runs in zip(*turns, strict=True))
        figures = _figures(ours, rival, rows)
        return figures + (_more(ours, _once(OURS, batch(folder, rows * MORE), folder, rows * MORE)) if full else [])


def _figures(ours: Measured, rival: Measured, rows: int) -> list[Figure]:
    size = f"{rows:,} rows"
    return [
        Figure(TITLE, f"{size}, ours", ours.seconds, "s"),
        Figure(TITLE, f"{size}, pandas script", rival.seconds, "s"),
        Figure(TITLE, "faster than the script", rival.seconds / ours.seconds, bar=Bar("at least", 6)),
        Figure(TITLE, f"{size}, ours", ours.mebibytes, "MiB"),
        Figure(TITLE, f"{size}, pandas script", rival.mebibytes, "MiB"),
        Figure(TITLE, "memory, as a share of the script's", ours.mebibytes / rival.mebibytes, bar=Bar("at most", 0.6)),
    ]


def _more(once: Measured, more: Measured) -> list[Figure]:
    size = f"{more.rows:,} rows, ours"
    return [
        Figure(TITLE, size, more.seconds, "s"),
        Figure(TITLE, f"times the seconds of {once.rows:,} rows", more.seconds / once.seconds, bar=Bar("at most", 12)),
        Figure(TITLE, size, more.mebibytes, "MiB", Bar("at most", 3 * 1024)),
    ]


def batch(folder: Path, rows: int) -> Path:
    """Write the default data resampled to so many rows, and return the file."""
    contract = load_contract(CONTRACT)
    base = pd.read_csv(ROOT / contract.ingestion.source, dtype=str, keep_default_na=False)
    return write_batch(contract, base, rows, folder / f"{rows}.csv")


def _once(module: str, source: Path, folder: Path, rows: int) -> Measured:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        measured = run(module, source, Path(place))
    if measured.rows != rows:
        raise RuntimeError(f"{module} gave {measured.rows} of {rows} rows: it did not do the work that is measured")
    return measured


def _median(runs: tuple[Measured, ...]) -> Measured:
    seconds, mebibytes = ([getattr(run, name) for run in runs] for name in ("seconds", "mebibytes"))
    return Measured(statistics.median(seconds), statistics.median(mebibytes), runs[0].rows)


def _check_disk(folder: Path, rows: int) -> None:
    free, needed = shutil.disk_usage(folder).free, rows * _BYTES_A_ROW
    if free < needed:
        raise RuntimeError(f"{folder}: {free / 2**30:.1f} GiB are free, {needed / 2**30:.1f} are needed: set TMPDIR")
