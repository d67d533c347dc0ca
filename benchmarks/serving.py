"""The service under load, beside its rivals: one worker on one core, wrk on the other, one-row requests.

Everything is on: validation, interval, durable log, metrics. Needs `wrk` and `taskset` (Debian: wrk, util-linux).
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks.serving_load import Load, check_tools, load
from benchmarks.serving_servers import CONSTANT, MLFLOW, OURS, PORTS, SKLEARN, Server, server, servers
from benchmarks.serving_stock import released
from benchmarks.table import Bar, Figure
from pipeline.contract import Contract
from pipeline.settings import Settings

TITLE = "serving"
SECONDS, ROUNDS = 10, 3
FEW, MANY = 16, 64
BATCH_ROWS, STARTS, MANY_REQUESTS = 10_000, 5, 1_000_000
_SLOW = (SKLEARN, MLFLOW)  # measured with few connections only: more of them only wait

Found = dict[tuple[str, int], Load]


def measure(full: bool = False, seconds: int = SECONDS, rounds: int = ROUNDS) -> list[Figure]:
    """Return rates, 99th percentiles, seconds and memory, ours and the rivals'; medians of the rounds.

    Args:
        full: send a million requests as well, and see whether memory grows.
        seconds: of one round with one server.
        rounds: how often each server is asked, in turns.

    Raises:
        RuntimeError: when a program is missing, or any answer is no success.
    """
    check_tools()
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        folder = Path(name)
        contract, settings = released(folder, PORTS[OURS])
        starts = [_start(settings, contract, folder) for _ in range(STARTS)]
        with servers([OURS, CONSTANT, SKLEARN, MLFLOW], settings, contract.name, folder) as running:
            found = [_round(running, contract, seconds, folder) for _ in range(rounds)]
            ours = running[0]
            figures = [*_rates(found), *_sizes(ours, contract, starts)]
            return figures + (_million(ours, contract, folder) if full else [])


def _round(running: Sequence[Server], contract: Contract, seconds: int, folder: Path) -> Found:
    return {
        (one.kind, count): load(one, _body(one.kind, contract), count, seconds, folder)
        for count in (FEW, MANY)
        for one in running
        if count == FEW or one.kind not in _SLOW
    }


def _body(kind: str, contract: Contract) -> Any:
    record = contract.example()
    return {"dataframe_records": [record]} if kind == MLFLOW else record


def _start(settings: Settings, contract: Contract, folder: Path) -> float:
    with server(OURS, settings, contract.name, folder) as started:
        return started.started_in


def _sizes(ours: Server, contract: Contract, starts: Sequence[float]) -> list[Figure]:
    after = ours.megabytes
    rows = [contract.example()] * BATCH_ROWS
    seconds = statistics.median(_batch(ours, rows) for _ in range(3))
    return [
        Figure(TITLE, "cold start to ready", statistics.median(starts), "s", Bar("at most", 2)),
        Figure(TITLE, f"a batch of {BATCH_ROWS:,} rows", seconds, "s", Bar("at most", 0.5)),
        Figure(TITLE, "memory of one worker after the load", after, "MB", Bar("at most", 120)),
    ]


def _batch(ours: Server, rows: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    answer = httpx.post(f"{ours.url}/batch", json=rows, timeout=60).raise_for_status().json()
    taken = time.perf_counter() - started
    if any("prediction" not in row for row in answer):
        raise RuntimeError("a row of the batch was refused")
    return taken


def _million(ours: Server, contract: Contract, folder: Path) -> list[Figure]:
    """Compare memory after a tenth of the requests with that after all of them."""
    sent, marks = 0, []
    for until in (MANY_REQUESTS // 10, MANY_REQUESTS):
        while sent < until:
            sent += load(ours, contract.example(), MANY, SECONDS, folder).requests
        marks.append(ours.megabytes)
    name = f"memory after {sent:,} requests over that after {MANY_REQUESTS // 10:,}"
    return [Figure(TITLE, name, marks[1] / marks[0], bar=Bar("at most", 1.05))]


def _rates(rounds: Sequence[Found]) -> list[Figure]:
    rate = {key: statistics.median(one[key].rate for one in rounds) for key in rounds[0]}
    p99 = {key: statistics.median(one[key].p99 for one in rounds) for key in rounds[0]}
    return [
        *(Figure(TITLE, f"{kind}, {count} connections", value, "requests/s") for (kind, count), value in rate.items()),
        *(Figure(TITLE, f"{kind}, {count} connections, p99", value, "ms") for (kind, count), value in p99.items()),
        _ratio(f"the constant's rate, {MANY} connections", rate, MANY, CONSTANT, Bar("at least", 1.0)),
        _ratio(f"the constant's rate, {FEW} connections", rate, FEW, CONSTANT, Bar("at least", 0.8)),
        _ratio(f"the constant's p99, {FEW} connections", p99, FEW, CONSTANT, Bar("at most", 3)),
        _ratio(f"scikit-learn's rate, {FEW} connections", rate, FEW, SKLEARN, Bar("at least", 30)),
        _ratio(f"mlflow models serve's rate, {FEW} connections", rate, FEW, MLFLOW, Bar("at least", 40)),
    ]


def _ratio(name: str, values: dict[tuple[str, int], float], count: int, rival: str, bar: Bar) -> Figure:
    return Figure(TITLE, name, values[OURS, count] / values[rival, count], bar=bar)
