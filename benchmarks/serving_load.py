"""Load by wrk, pinned to the second core."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving_servers import Server

_COUNT, _RATE = re.compile(r"(\d+) requests in"), re.compile(r"Requests/sec:\s+([\d.]+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)\b")
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Load:
    """What a server did under load."""

    requests: int
    rate: float  # requests a second
    p99: float  # milliseconds


def check_tools() -> None:
    """Raise RuntimeError when a program is missing."""
    absent = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if absent:
        raise RuntimeError(f"{', '.join(absent)} is not installed; on Debian: apt-get install wrk util-linux")


def load(server: Server, body: Any, connections: int, seconds: int, folder: Path) -> Load:
    """Post a body over and over. Raises RuntimeError unless every answer is a success."""
    options = ("-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency")
    command = ["taskset", "-c", "1", "wrk", *options, "-s", str(_script(folder, body)), server.url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    count, rate, p99 = _COUNT.search(told), _RATE.search(told), _P99.search(told)
    if count is None or rate is None or p99 is None or "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"{server.kind}: {told}")
    return Load(int(count[1]), float(rate[1]), float(p99[1]) * _MILLISECONDS[p99[2]])


def _script(folder: Path, body: Any) -> Path:
    script = folder / "post.lua"
    text = json.dumps(body)
    script.write_text(f'wrk.method="POST"\nwrk.body=[==[{text}]==]\nwrk.headers["Content-Type"]="application/json"\n')
    return script
