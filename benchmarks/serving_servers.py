"""The service and its rivals as processes of their own, each pinned to the first core, listening on loopback only."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from pipeline.settings import Settings

OURS, CONSTANT, SKLEARN, MLFLOW = "ours", "constant", "scikit-learn", "mlflow models serve"
PORTS = {OURS: 8950, CONSTANT: 8951, SKLEARN: 8952, MLFLOW: 8953}
PATHS = {MLFLOW: "/invocations"}
_READY = {OURS: "/health/ready", MLFLOW: "/ping"}


@dataclass(frozen=True)
class Server:
    """One running server, and how long it took to be ready."""

    kind: str
    process: subprocess.Popen[bytes]
    started_in: float  # seconds

    @property
    def url(self) -> str:
        """The address of its predictions."""
        return f"http://127.0.0.1:{PORTS[self.kind]}{PATHS.get(self.kind, '/predict')}"

    @property
    def megabytes(self) -> float:
        """The resident memory of its process, in millions of bytes (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024 / 1e6


@contextmanager
def server(kind: str, settings: Settings, model: str, folder: Path) -> Iterator[Server]:
    """Start a server, wait until it is ready, and stop it."""
    own = {"MLOPS_STATE_DIR": str(folder), "MLOPS_SERVING_PORT": str(PORTS[OURS]), "MLOPS_REPORTS_URI": ""}
    own |= {"MLFLOW_TRACKING_URI": str(settings.mlflow_uri), "PYTHONPATH": str(settings.project_dir)}
    own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where MLflow looks for uvicorn
    command = ["taskset", "-c", "0", sys.executable, *_command(kind, model, folder)]
    # MLflow starts its workers as processes of their own: the session is what is stopped.
    options = {"env": os.environ | own, "cwd": settings.project_dir, "start_new_session": True}
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    try:
        _wait_for(kind, process)
        yield Server(kind, process, time.perf_counter() - started)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@contextmanager
def servers(kinds: Sequence[str], settings: Settings, model: str, folder: Path) -> Iterator[list[Server]]:
    """Start several servers, one after the other."""
    with ExitStack() as stack:
        yield [stack.enter_context(server(kind, settings, model, folder)) for kind in kinds]


def _command(kind: str, model: str, folder: Path) -> list[str]:
    if kind == OURS:
        return ["-m", "serving.service", model]
    if kind == MLFLOW:
        where = str(folder / "named")
        listen = ["--host", "127.0.0.1", "--port", str(PORTS[kind])]
        return ["-m", "mlflow", "models", "serve", "--model-uri", where, "--env-manager", "local", *listen]
    return ["-m", "benchmarks.serving_rivals", kind, str(folder), str(PORTS[kind])]


def _wait_for(kind: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    address = f"http://127.0.0.1:{PORTS[kind]}{_READY.get(kind, '/docs')}"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(address, timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.01)
    raise RuntimeError(f"{kind} did not get ready within {seconds:g} s at {address}; is the port taken?")
