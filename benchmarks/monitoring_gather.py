"""Reading a million answers of 20 columns from the prediction log, as gathering does, into Parquet."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from upath import UPath

from benchmarks.child import main, run
from benchmarks.table import Bar, Figure
from monitoring.inputs.live import store_answers
from pipeline.contract import Contract, parse_contract
from pipeline.prediction_log import SMOKE_CALLER, utc_text
from pipeline.prediction_log.blocks import OutboxLog, Span
from pipeline.prediction_log.statements import connect_for_writing

ROWS = 1_000_000
TITLE = "gathering live traffic"
SINCE = datetime(2026, 2, 1, tzinfo=UTC)
_NUMBERS, _WORDS = 15, 5
_SPOKEN = ("alpha", "beta", "gamma delta", "größe", "épsilon")
_SECONDS, _MEBIBYTES = 6, 1.2 * 1024
_INSERT = (
    "INSERT INTO predictions (id, time, model, version, features, prediction, low, high, latency_ms, caller) "
    "VALUES (?, ?, 'answers', 1, ?, ?, ?, ?, ?, 'client')"
)
_TRUTHS = "INSERT INTO actuals (prediction_id, actual, time) SELECT id, 1.05 * prediction, time FROM predictions"


def measure(full: bool = False, rows: int = ROWS) -> list[Figure]:  # noqa: ARG001 (as every benchmark)
    """Return seconds and peak memory of reading all answers of a window, of which half have their truth."""
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        folder = Path(name)
        log = folder / "answers.db"
        write_log(log, rows)
        measured = run(__name__, log, folder)
    assert measured.rows == rows, f"{measured.rows} answers were read, of {rows}"  # noqa: S101 (a benchmark's own)
    what = f"{rows:,} answers of {_NUMBERS + _WORDS} columns"
    bars = Bar("at most", _SECONDS), Bar("at most", _MEBIBYTES)
    return [
        Figure(TITLE, what, measured.seconds, "s", bars[0]),
        Figure(TITLE, what, measured.mebibytes, "MiB", bars[1]),
    ]


def write_log(path: Path, rows: int) -> None:
    """Write an outbox of answers, one each two seconds, of which every other one has its truth."""
    with closing(connect_for_writing(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.executemany(_INSERT, _answers(rows))
        connection.execute(f"{_TRUTHS} WHERE seq % 2 = 0")
        connection.execute("COMMIT")


def contract() -> Contract:
    """Return the contract of the log."""
    columns: dict[str, Any] = {f"number_{place}": {"type": "number"} for place in range(_NUMBERS)}
    word = {"type": "category", "categories": list(_SPOKEN)}
    return parse_contract(
        {
            "name": "answers",
            "columns": columns | {f"word_{place}": word for place in range(_WORDS)},
            "target": {"name": "target"},
            "ingestion": {"source": "nowhere.csv"},
            "training": {"candidates": {"dummy": {"kind": "dummy"}}},
            "demo": {"history": {"start": 0, "end": 10}, "replay": {"start": 10, "end": 20}},
        }
    )


def read(log: Path, folder: Path) -> int:
    """Write what was answered as Parquet; return how many answers there are."""
    span = Span(SINCE, SINCE + timedelta(days=365), (SMOKE_CALLER,))
    return store_answers(contract(), UPath(folder), 1, OutboxLog(log).blocks(span)).live_rows


def _answers(rows: int) -> Iterator[tuple[Any, ...]]:
    random = np.random.default_rng(0)
    numbers = random.normal(1500, 400, (1000, _NUMBERS)).round(2).tolist()
    words = random.choice(_SPOKEN, (997, _WORDS)).tolist()
    predictions = random.lognormal(12, 0.4, rows).tolist()
    for place, prediction in enumerate(predictions):
        features = {f"number_{at}": value for at, value in enumerate(numbers[place % 1000])}
        features |= {f"word_{at}": value for at, value in enumerate(words[place % 997])}
        time = utc_text(SINCE + timedelta(seconds=2 * place))
        text = json.dumps(features, ensure_ascii=False, separators=(",", ":"))
        yield f"{place:032x}", time, text, prediction, 0.8 * prediction, 1.2 * prediction, 2.5


if __name__ == "__main__":
    main(read)
