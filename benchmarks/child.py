"""Work that is measured in a fresh process of its own: seconds without imports, and the peak of its memory."""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """What one run took, and how many rows it gave."""

    seconds: float
    mebibytes: float
    rows: int


def run(module: str, source: Path, folder: Path) -> Measured:
    """Run `python -m module source folder` and return what it measured of itself.

    Raises:
        subprocess.CalledProcessError: when it fails; what it wrote to its standard error is shown.
    """
    command = [sys.executable, "-m", module, str(source), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def main(work: Callable[[Path, Path], int]) -> None:
    """Do the work on the source and the folder of the command line, and print what it took.

    Args:
        work: takes the source and a folder to write into; returns how many rows it gave.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    started = time.perf_counter()
    rows = work(arguments.source, arguments.folder)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "mebibytes": _peak(), "rows": rows}))


def _peak() -> float:
    """Return the most memory that this process ever had, in MiB.

    Linux hands `ru_maxrss` down from the process that started this one, so its own mark is read there.
    """
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    marks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    peak = marks[0] if marks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if not marks and sys.platform == "darwin" else 1024)
