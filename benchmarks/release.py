"""Releases under load: how long until a new version answers, and what clients notice of twenty swaps in a row.

The real service in its own process; releases as the deployment makes them from the approval on (package, commit,
reconcile, smoke test, champion), rollbacks by the command with all that it does, its start included. Meanwhile one
client checks every answer, and `wrk`, where there is one, keeps the service busy.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.serving_stock import OTHER, released, trained
from benchmarks.table import Bar, Figure
from pipeline.contract import Contract
from pipeline.settings import Settings
from serving.release import deploy, evidence
from serving.verify import verify

TITLE = "release"
SWAPS = 20
_PORT, _CONNECTIONS = 8960, 4
_WRK_SECONDS = 600  # it is ended before


class Client(threading.Thread):
    """Asks for one record again and again, and counts what is wrong with the answers."""

    def __init__(self, url: str, record: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._url, self._record = url, record
        self._stopping = threading.Event()
        self._numbers: dict[int, float] = {}
        self.counts: Counter[str] = Counter()
        self.seen: dict[int, float] = {}  # when a version last began to answer, by the monotonic clock
        self.version: int | None = None

    def run(self) -> None:
        """Ask until it is told to stop."""
        with httpx.Client(base_url=self._url, timeout=10) as http:
            while not self._stopping.is_set():
                try:
                    answer = http.post("/predict", json=self._record)
                    self._take(answer.json() if answer.is_success else None)
                except httpx.HTTPError:
                    self._take(None)

    def stop(self) -> None:
        """End asking."""
        self._stopping.set()
        self.join(30)

    def _take(self, answer: dict[str, Any] | None) -> None:
        self.counts["asked"] += 1
        if answer is None:
            self.counts["failed"] += 1
            return
        version, number = answer["model_version"], answer["prediction"]
        self.counts["mixed"] += abs(number / self._numbers.setdefault(version, number) - 1) > 1e-6
        if version != self.version:
            self.version, self.seen[version] = version, time.monotonic()


def measure(full: bool = False, swaps: int = SWAPS) -> list[Figure]:  # noqa: ARG001
    """Return the slowest release and rollback in seconds, and what clients noticed."""
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        folder = Path(name)
        contract, settings = released(folder, _PORT)
        versions = (trained(contract, settings, OTHER), 1)
        environment = os.environ | _environment(folder)
        with _service(settings, contract, environment) as url:
            client = Client(url, contract.example())
            with _load(folder, url, contract) as wrk:
                client.start()
                taken = [
                    _swap(contract, settings, client, versions[turn % 2], environment if turn % 4 > 1 else None)
                    for turn in range(swaps)
                ]
                client.stop()
            failed = client.counts["failed"] + _failures(wrk)
    return _figures(taken, client, failed)


def _swap(
    contract: Contract, settings: Settings, client: Client, version: int, environment: dict[str, str] | None
) -> tuple[bool, float]:
    """Make a version live; return whether it was done by the command, and the seconds until a client had its answer."""
    proposed = evidence(contract, settings, version, "a benchmark")
    started = time.monotonic()
    if environment is None:
        verify(settings, deploy(contract, settings, proposed, f"run-{started}"))
    else:
        command = ["release", "rollback", str(version), "--reason", "a benchmark", "--model", contract.name]
        subprocess.run(
            [sys.executable, "-c", "from cli.main import main; main()", *command],
            env=environment,
            check=True,
            capture_output=True,
        )
    while client.version != version:
        time.sleep(0.01)
    return environment is not None, client.seen[version] - started


def _environment(folder: Path) -> dict[str, str]:
    return {
        "MLOPS_STATE_DIR": str(folder),
        "MLOPS_MLFLOW_URI": f"sqlite:///{folder}/mlflow.db",
        "MLOPS_SERVING_PORT": str(_PORT),
        "MLOPS_REPORTS_URI": "",
    }


@contextmanager
def _service(settings: Settings, contract: Contract, environment: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "-m", "serving.service", contract.name]
    process = subprocess.Popen(command, env=environment, cwd=settings.project_dir)
    url, deadline = f"http://127.0.0.1:{_PORT}", time.monotonic() + 60
    try:
        while not _ready(url):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url}: the service does not start")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=2).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def _load(folder: Path, url: str, contract: Contract) -> Iterator[list[str]]:
    """Keep the service busy; what wrk has told in the end is put into the list that is given."""
    told: list[str] = []
    program = shutil.which("wrk")
    if program is None:
        yield told
        return
    script, body = folder / "post.lua", json.dumps(contract.example())
    script.write_text(f'wrk.method="POST"\nwrk.body=[==[{body}]==]\nwrk.headers["Content-Type"]="application/json"\n')
    options = ("-t1", f"-c{_CONNECTIONS}", f"-d{_WRK_SECONDS}s", "-s", str(script), f"{url}/predict")
    process = subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True)
    try:
        yield told
    finally:
        process.send_signal(2)  # it tells what it has so far
        told.append(process.communicate(timeout=30)[0])


def _failures(told: list[str]) -> int:
    """Return how many requests of wrk's failed."""
    words = " ".join(told).replace(",", " ").split()
    counted = [words[place + 1] for place, word in enumerate(words[:-1]) if word in ("connect", "read", "write")]
    refused = [words[place + 2] for place, word in enumerate(words[:-2]) if word == "Non-2xx"]
    return sum(int(number) for number in (*counted, *refused) if number.isdecimal())


def _figures(taken: list[tuple[bool, float]], client: Client, failed: int) -> list[Figure]:
    released_, rolled_back = (
        [seconds for by_command, seconds in taken if by_command is kind] for kind in (False, True)
    )
    of = len(taken)
    return [
        Figure(TITLE, "approval to answering, the slowest", max(released_), "s", Bar("at most", 15)),
        Figure(TITLE, "rollback by the command, the slowest", max(rolled_back), "s", Bar("at most", 10)),
        Figure(TITLE, f"failed requests in {of} swaps", failed, "requests", Bar("at most", 0)),
        Figure(TITLE, f"answers of two versions in {of} swaps", client.counts["mixed"], "requests", Bar("at most", 0)),
        Figure(TITLE, "answers that were checked", client.counts["asked"], "answers"),
    ]
