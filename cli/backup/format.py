"""The file of a backup: a tar archive of the copied folder, and a manifest by which every file is checked."""

import hashlib
import json
import os
import tarfile
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.errors import BackupError

STATE, PLACES, DATABASE, MANIFEST = "state", "places", "predictions", "manifest.json"
GIT, FILES = "git", "files"  # kinds of places
_FORMAT = 1


def pack(folder: Path, target: Path, made: datetime, about: dict[str, Any]) -> dict[str, Any]:
    """Write the folder's content as an archive that only its owner may read, whole or not at all; return the manifest.

    It holds what the state holds: Airflow's keys and passwords among it.
    """
    files = {str(path.relative_to(folder)): _digest(path) for path in _files(folder)}
    manifest = {"format": _FORMAT, "made": made.isoformat(), **about, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with (
            os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
            tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as archive,
        ):
            for path in sorted(folder.iterdir(), key=lambda path: (path.name != MANIFEST, path.name)):
                archive.add(path, path.name)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return manifest


def unpack(source: Path, folder: Path) -> dict[str, Any]:
    """Unpack a backup into an empty folder, check every file, and return the manifest.

    Raises:
        BackupError: when it is no backup, of a later format, or damaged; which file is.
    """
    try:
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")  # nothing outside of the folder, no devices, no foreign owners
        manifest = _manifest((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise BackupError(f"{source}: is no backup, or is damaged: {error}") from error
    if manifest["format"] != _FORMAT:
        raise BackupError(f"{source}: has format {manifest['format']}, this release reads {_FORMAT}")
    found = {str(path.relative_to(folder)) for path in _files(folder)} - {MANIFEST}
    wrong = sorted(found ^ set(manifest["files"]))
    wrong += [name for name, digest in manifest["files"].items() if name in found and _digest(folder / name) != digest]
    if wrong:
        raise BackupError(f"{source}: is damaged: {wrong[0]} is not what was backed up ({len(wrong)} such files)")
    return manifest


def _manifest(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict) or not {"format", "made", "files"} <= set(found) or type(found["files"]) is not dict:
        raise ValueError(f"its {MANIFEST} is not that of a backup")
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
