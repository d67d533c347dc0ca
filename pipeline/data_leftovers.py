"""Leftovers: what publishers that failed or were killed have left behind, and nothing that a version needs.

What was stored before its tag could be pushed lies in DVC's remote, and no version refers to it. A killed process
leaves its work folder, and parts of files in a folder that it copied to.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml

from pipeline.data_errors import DataRegistryError
from pipeline.data_store import DataStore, StoredFile
from pipeline.git import is_local, is_repository
from pipeline.git_tree import all_files, opened, read_objects
from pipeline.work_folder import is_abandoned

Kind = Literal["content", "part", "work"]
_WORK = ("mlops-data-*", "mlops-git-*")
_PARTS_OF_GIT = (".new-*", "{name}/objects/tmp_objdir-*", "{name}/objects/incoming-*")


@dataclass(frozen=True)
class Leftover:
    """Something that can be taken away: what it is, where, its size in bytes, and why nobody needs it."""

    kind: Kind
    where: str
    size: int
    modified: datetime
    why: str

    @property
    def age(self) -> timedelta:
        """How long nobody has written to it."""
        return datetime.now(UTC) - self.modified


def find_leftovers(uri: str, store: DataStore | None, older_than: timedelta) -> list[Leftover]:
    """Return the leftovers of a registry, the largest first.

    Args:
        uri: the registry's repository.
        store: its remote; None where others keep their content there too, so that nobody knows what is left.
        older_than: what is younger may belong to a publisher that is on its way.

    Raises:
        DataRegistryError: when the remote cannot be listed.
        GitError: when the repository cannot be reached.
    """
    found = [leftover for leftover, _ in _stored(uri, store)] + list(_folders(uri))
    return sorted((one for one in found if one.age >= older_than), key=lambda one: (-one.size, one.where))


def remove_leftovers(uri: str, store: DataStore | None, leftovers: Iterable[Leftover]) -> list[Leftover]:
    """Take leftovers away that still are some, untouched since they were found, and return those.

    Raises:
        DataRegistryError: when one cannot be taken away.
    """
    wanted = set(leftovers)
    removed = []
    for leftover, file in _stored(uri, store):
        if leftover in wanted and store is not None:
            store.remove(file)
            removed.append(leftover)
    for leftover in _folders(uri):
        if leftover in wanted:
            _remove_folder(Path(leftover.where))
            removed.append(leftover)
    return removed


def _stored(uri: str, store: DataStore | None) -> Iterator[tuple[Leftover, StoredFile]]:
    if store is None:
        return
    files = list(store.files())  # before the references are read: what is tagged meanwhile is then known
    needed = _referenced(uri)
    for file in files:
        if file.md5 is None and not file.path.endswith(".tmp"):
            continue  # not ours
        why = "no version refers to it: its publisher failed before the tag" if file.md5 else "part of a copy"
        if file.md5 not in needed:
            yield Leftover("content" if file.md5 else "part", file.path, file.size, file.modified, why), file


def _referenced(uri: str) -> set[str]:
    """Return the MD5 of everything that any commit of any branch or tag refers to."""
    if is_local(uri) and not is_repository(uri):
        return set()
    with opened(uri) as repository:
        blobs = [blob for blob, path in all_files(repository) if path.endswith(".dvc")]
        contents = read_objects(repository, blobs)
    return {str(out["md5"]).removesuffix(".dir") for content in contents if content for out in _outs(content, uri)}


def _outs(content: bytes, uri: str) -> list[dict[str, Any]]:
    try:
        outs: list[dict[str, Any]] = yaml.safe_load(content)["outs"]
    except (yaml.YAMLError, LookupError, TypeError) as error:
        raise DataRegistryError(
            f"{uri} has a .dvc file that cannot be read, so nobody knows what is left over: {error!r}"
        ) from error
    return [out for out in outs if "md5" in out]


def _folders(uri: str) -> Iterator[Leftover]:
    temporary = Path(tempfile.gettempdir())
    for folder in (path for pattern in _WORK for path in temporary.glob(pattern)):
        if folder.is_dir() and is_abandoned(folder):
            yield _folder(folder, "work", "the work of a process that was killed")
    if is_local(uri):
        place = Path(uri).resolve()
        for pattern in _PARTS_OF_GIT:
            for folder in place.parent.glob(pattern.replace("{name}", place.name)):
                yield _folder(folder, "part", "a git process was killed at it")


def _folder(path: Path, kind: Kind, why: str) -> Leftover:
    stats = [one.lstat() for one in (path, *path.rglob("*"))]
    size = sum(stat.st_size for stat in stats[1:])
    return Leftover(kind, str(path), size, datetime.fromtimestamp(max(stat.st_mtime for stat in stats), UTC), why)


def _remove_folder(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        pass  # somebody else took it away
    except OSError as error:
        raise DataRegistryError(f"{path} cannot be taken away: {error}") from error
