"""Lineage: what a model version was made with, as tags that say enough to make it again."""

import hashlib
import platform
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pipeline.contract import Contract
from pipeline.git import GitError, git
from pipeline.settings import Settings

# What turns rows into a fitted model and its bundle. The lock pins these and all others; the tag says what was there.
LIBRARIES = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "skops",
    "onnx",
    "skl2onnx",
    "onnxruntime",
    "mlflow",
)
_PROJECT = Path(__file__).resolve().parents[1]
COMMIT_FILE = "COMMIT"  # an image carries the code without its history, and the commit in this file
_CODE = ("pipeline", "training")  # the rooms that decide what a model is


def origin(contract: Contract, settings: Settings) -> dict[str, str]:
    """Return the tags of a model version that is made here and now.

    `git_commit` ends in `-dirty` where files were changed since; it is left out where nothing tells it, and
    `lock_hash` where there is no lock. `code_hash` knows the code all the same.
    """
    return {
        "seed": str(contract.training.seed),
        "contract_data_hash": contract.data_hash,
        "contract_model_hash": contract.model_hash,
        "code_hash": _code_that_runs(),
        **_commit(settings.project_dir),
        **_lock(settings.project_dir),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def code_hash(project: Path) -> str:
    """Return the sha256 of the Python files that decide what a model is, committed or not."""
    return _digest(project, (path for room in _CODE for path in (project / room).rglob("*.py")))


@cache
def _code_that_runs() -> str:
    """What this process has imported stays what it is, whatever is edited beside it."""
    return code_hash(_PROJECT)


def _commit(project: Path) -> dict[str, str]:
    with suppress(GitError):
        return {"git_commit": git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*", cwd=project)}
    told = project / COMMIT_FILE
    return {"git_commit": told.read_text(encoding="utf-8").strip()} if told.exists() else {}


def _lock(project: Path) -> dict[str, str]:
    """All parts of the lock count: they are resolved together."""
    locks = list((project / "requirements").glob("*.txt"))
    return {"lock_hash": _digest(project / "requirements", locks)} if locks else {}


def _digest(folder: Path, paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(folder).as_posix().encode() + b"\n" + path.read_bytes())
    return total.hexdigest()
