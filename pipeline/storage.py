"""Files that travel between tasks, at any address that fsspec knows: nothing assumes a shared disk."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from upath import UPath

from pipeline.settings import Settings


def storage(settings: Settings, *parts: str) -> UPath:
    """Return a place in the storage."""
    return UPath(settings.place("storage_uri")).joinpath(*parts)


def write_bytes(target: UPath, content: bytes) -> str:
    """Write a file, whole or not at all where the file system can rename, and return its address."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _is_local(target):
        target.write_bytes(content)  # an object store shows an object only when it is complete
        return str(target)
    # A name of its own: two runs of one task may write the same file at the same time.
    with tempfile.NamedTemporaryFile(dir=target.parent.path, prefix=f".{target.name}.", delete=False) as part:
        part.write(content)
    Path(part.name).chmod(0o644)
    Path(part.name).replace(target.path)
    return str(target)


@contextmanager
def writing_folder(target: UPath) -> Iterator[Path]:
    """Give a local folder in which files can be made that are then moved beside the target; it goes away afterwards."""
    local = _is_local(target)
    if local:
        target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent.path if local else None, prefix=".writing-") as folder:
        yield Path(folder)


@contextmanager
def staged(target: UPath) -> Iterator[Path]:
    """Give a local file to write, which becomes the target when the block ends well, and goes away when it does not."""
    with writing_folder(target) as folder:
        yield folder / target.name
        move_in(folder / target.name, target)


def move_in(part: Path, target: UPath) -> str:
    """Move a complete local file to where it is expected, and return the address."""
    if _is_local(target):
        part.replace(target.path)
    else:
        target.fs.put_file(str(part), target.path)
    return str(target)


@contextmanager
def fetched(source: UPath) -> Iterator[Path]:
    """Give a file of the storage as a local one; a copy of one from elsewhere goes away afterwards."""
    if _is_local(source):
        yield Path(source.path)
        return
    with tempfile.TemporaryDirectory(prefix="mlops-storage-") as folder:
        copy = Path(folder) / source.name
        source.fs.get_file(source.path, str(copy))
        yield copy


def write_json(target: UPath, content: Any) -> str:
    """Write a JSON file and return its address. NumPy's values become numbers and lists; dates and paths, text.

    Raises:
        TypeError, ValueError: for what JSON cannot hold, such as an object or NaN.
    """
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False, default=_plain)
    return write_bytes(target, text.encode())


def read_json(source: str | UPath) -> Any:
    """Read a JSON file."""
    return json.loads(UPath(source).read_text(encoding="utf-8"))


def replace_folder(source: Path, target: Path) -> None:
    """Move a complete local folder to where it is expected; one that is already there stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(source)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath | UPath):
        return str(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}, which JSON cannot hold")


def _is_local(path: UPath) -> bool:
    return path.protocol in ("", "file", "local")
