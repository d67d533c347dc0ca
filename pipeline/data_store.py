"""The content of data versions: DVC, in process, on a work tree of the registry that goes away afterwards."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.repo import Repo

from pipeline.data_versions import DataRegistryError

_REMOTE = "registry"
_FILES = {
    ".dvc/config": "# The address of the remote is a setting: MLOPS_DATA_REMOTE_URI.\n",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    "windows/.gitignore": "*.parquet\n",
}


def put(work: Path, remote: str, window: str, content: bytes) -> None:
    """Add a window's file to the work tree and push it to DVC's remote; others' content is not needed for it.

    Raises:
        DataRegistryError: when the remote does not take it.
    """
    target = work / _name(window)
    for name, text in _FILES.items():
        if not (work / name).exists():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text, encoding="utf-8")
    target.write_bytes(content)
    try:
        with _dvc(work, remote) as repo:
            repo.add(str(target))
            repo.push(targets=[f"{target}.dvc"])  # raises when a file fails; 0 pushed means that it is there
    except (DvcException, OSError) as error:
        raise DataRegistryError(f"the data could not be stored in {remote}: {error}") from error


def keep_only(work: Path, windows: Iterable[str]) -> None:
    """Take all other windows out of the work tree; earlier versions still have them."""
    kept = {f"{Path(_name(window)).name}.dvc" for window in windows}
    for path in (work / "windows").glob("*.dvc"):
        if path.name not in kept:
            path.unlink()


def fetch(work: Path, remote: str, windows: Iterable[str]) -> Iterator[bytes]:
    """Give each window's file, as the work tree has it, straight from DVC's remote.

    Raises:
        DataRegistryError: when one is not there, or is not what was published.
    """
    with _dvc(work, remote) as repo:
        files = DVCFileSystem(repo)
        for name in map(_name, windows):
            try:
                content, expected = files.read_bytes(name), files.info(name)["md5"]
            except (DvcException, OSError) as error:
                raise DataRegistryError(f"{name} cannot be read from {remote}: {error}") from error
            if hashlib.md5(content, usedforsecurity=False).hexdigest() != expected:
                raise DataRegistryError(f"{name} in {remote} is damaged: it is not what was published")
            yield content


def _dvc(work: Path, remote: str) -> Repo:
    """Open DVC with its cache and state inside of the work tree, so that nothing is left in the home folder.

    The remote is not in the registry's own configuration, so that a registry can be moved.
    """
    core = {"analytics": False, "check_update": False, "autostage": True, "remote": _REMOTE}
    return Repo(
        str(work),
        config={
            "core": {**core, "site_cache_dir": str(work / ".dvc" / "tmp" / "site")},
            "cache": {"dir": str(work / ".dvc" / "cache")},
            "remote": {_REMOTE: {"url": remote}},
        },
    )


def _name(window: str) -> str:
    return f"windows/{window}.parquet"
