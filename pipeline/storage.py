"""Files that travel between tasks, at any address that fsspec knows: nothing assumes a shared disk."""

import json
import shutil
from pathlib import Path
from typing import Any

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
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(content)
    Path(str(part.path)).replace(Path(str(target.path)))
    return str(target)


def write_json(target: UPath, content: Any) -> str:
    """Write a JSON file and return its address."""
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False, default=str)
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


def _is_local(path: UPath) -> bool:
    return path.protocol in ("", "file", "local")
