"""The service under load, beside its rivals: one worker on one core, wrk on the other, one-row requests.

Everything is on: validation, interval, durable log, metrics. Needs `wrk` and `taskset` (Debian: wrk, util-linux).
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.serving_stock import released
from benchmarks.table import Bar, Figure
from pipeline.contract import Contract
from pipeline.settings import Settings

TITLE = "serving"
SECONDS, ROUNDS, CONNECTIONS = 10, 3, (16, 64)
OURS, CONSTANT, SKLEARN = "ours", "constant", "scikit-learn"
_PORTS = {OURS: 8950, CONSTANT: 8951, SKLEARN: 8952}
_RATE, _P99 = re.compile(r"Requests/sec:\s+([\d.]+)"), re.compile(r"99%\s+([\d.]+)(us|ms|s)\b")
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def measure(full: bool = False, seconds: int = SECONDS, rounds: int = ROUNDS) -> list[Figure]:  # noqa: ARG001
    """Return requests a second and the 99th percentile of milliseconds, ours and the rivals', medians of the rounds.

    Raises:
        RuntimeError: when a program is missing, or any answer is no success.
    """
    absent = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if absent:
        raise RuntimeError(f"{', '.join(absent)} is not installed; on Debian: apt-get install wrk util-linux")
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        folder = Path(name)
        contract, settings = released(folder, _PORTS[OURS])
        script = _script(folder, contract)
        with _servers(settings, contract, folder):
            found = [_round(script, seconds) for _ in range(rounds)]
    return _figures(found)


def _round(script: Path, seconds: int) -> dict[tuple[str, int], tuple[float, float]]:
    return {(kind, count): _load(kind, count, script, seconds) for count in CONNECTIONS for kind in _PORTS}


def _load(kind: str, connections: int, script: Path, seconds: int) -> tuple[float, float]:
    """Return requests a second and the 99th percentile in milliseconds."""
    load = ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script))
    command = ["taskset", "-c", "1", *load, f"http://127.0.0.1:{_PORTS[kind]}/predict"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate, p99 = _RATE.search(told), _P99.search(told)
    if rate is None or p99 is None or "Non-2xx" in told:
        raise RuntimeError(f"{kind}: {told}")
    return float(rate[1]), float(p99[1]) * _MILLISECONDS[p99[2]]


def _script(folder: Path, contract: Contract) -> Path:
    script = folder / "post.lua"
    body = json.dumps(contract.example())
    script.write_text(f'wrk.method="POST"\nwrk.body=[==[{body}]==]\nwrk.headers["Content-Type"]="application/json"\n')
    return script


@contextmanager
def _servers(settings: Settings, contract: Contract, folder: Path) -> Iterator[None]:
    own = {"MLOPS_STATE_DIR": str(folder), "MLOPS_SERVING_PORT": str(_PORTS[OURS]), "MLOPS_REPORTS_URI": ""}
    ours = ["-m", "serving.service", contract.name]
    rivals = [["-m", "benchmarks.serving_rivals", kind, str(folder), str(_PORTS[kind])] for kind in (CONSTANT, SKLEARN)]
    started = [
        subprocess.Popen(
            ["taskset", "-c", "0", sys.executable, *command], env=os.environ | own, cwd=settings.project_dir
        )
        for command in (ours, *rivals)
    ]
    try:
        for port in _PORTS.values():
            _wait_for(port)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def _wait_for(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/docs", timeout=2)
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _figures(rounds: list[dict[tuple[str, int], tuple[float, float]]]) -> list[Figure]:
    rate = {key: statistics.median(one[key][0] for one in rounds) for key in rounds[0]}
    p99 = {key: statistics.median(one[key][1] for one in rounds) for key in rounds[0]}
    few, many = CONNECTIONS
    return [
        *(Figure(TITLE, f"{kind}, {count} connections", value, "requests/s") for (kind, count), value in rate.items()),
        *(Figure(TITLE, f"{kind}, {count} connections, p99", value, "ms") for (kind, count), value in p99.items()),
        _ratio(f"the constant's rate, {many} connections", rate, many, CONSTANT, Bar("at least", 1.0)),
        _ratio(f"the constant's rate, {few} connections", rate, few, CONSTANT, Bar("at least", 0.8)),
        _ratio(f"the constant's p99, {few} connections", p99, few, CONSTANT, Bar("at most", 3)),
        _ratio(f"scikit-learn's rate, {few} connections", rate, few, SKLEARN, Bar("at least", 30)),
    ]


def _ratio(name: str, values: dict[tuple[str, int], float], count: int, rival: str, bar: Bar) -> Figure:
    return Figure(TITLE, name, values[OURS, count] / values[rival, count], bar=bar)
