"""The content of data versions: files in DVC's remote, named by their MD5, and the `.dvc` files that point to them."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from dvc.data_cloud import Remote
from dvc.fs import LocalFileSystem, get_cloud_fs
from fsspec.asyn import sync  # type: ignore[import-untyped]

from pipeline.data_errors import DataRegistryError, store_error

# A remote that moves less than this is one that stands still.
_SLOWEST = 200_000  # bytes a second
# What makes the registry a DVC repository: `dvc pull` works in a clone of it.
DVC_FILES = {
    ".dvc/config": b"# The address of the remote is a setting: MLOPS_DATA_REMOTE_URI.\n",
    ".dvc/.gitignore": b"/config.local\n/tmp\n/cache\n",
    "windows/.gitignore": b"*.parquet\n",
}


@dataclass(frozen=True)
class Pointer:
    """What a `.dvc` file says: which content a file has."""

    md5: str
    size: int

    @classmethod
    def of(cls, path: Path) -> "Pointer":
        """Return the pointer to a local file's content, which is read piece by piece."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
            return cls(digest.hexdigest(), file.tell())

    @classmethod
    def parse(cls, content: bytes | None, name: str) -> "Pointer":
        """Return what a `.dvc` file says. Raises DataRegistryError when it is none."""
        try:
            out = yaml.safe_load(content or b"")["outs"][0]
            return cls(str(out["md5"]), int(out["size"]))
        except (yaml.YAMLError, LookupError, TypeError, ValueError) as error:
            raise DataRegistryError(f"{name}.dvc does not say what {name} holds: {error!r}") from error

    def dvc_file(self, name: str) -> bytes:
        """Return the `.dvc` file that stands beside `name`."""
        out = {"md5": self.md5, "size": self.size, "hash": "md5", "path": name}
        return yaml.safe_dump({"outs": [out]}, sort_keys=False, allow_unicode=True).encode()


@dataclass(frozen=True)
class StoredFile:
    """A file in the remote: an object with its MD5, or something that is none."""

    path: str
    md5: str | None
    size: int
    modified: datetime


class DataStore:
    """DVC's remote. Every call ends, whatever the remote does: in time, or with an error."""

    def __init__(self, uri: str, patience: float) -> None:
        """Name the remote.

        Args:
            uri: a folder, or an address that DVC knows.
            patience: seconds that it has for a call, beside the time that a file's size needs at 200 kB a second.
        """
        self.uri = uri
        self._patience = patience
        self._opened: Remote | None = None

    def put(self, path: Path, pointer: Pointer) -> None:
        """Store a local file's content, and see that it is there.

        It is written even where it is there already: what a killed process left could be half of it, and what a
        failed one left could be taken away as a leftover before anything refers to it. A file appears in one step.

        Raises:
            DataRegistryError: when the remote does not take it, or the local file changes meanwhile.
            DataRemoteUnreachable: when trying again may help.
        """
        before = path.stat()
        try:
            target = self._remote().odb.oid_to_path(pointer.md5)
            self._put(path, target, pointer.size)
            stored = self._call("info", target)["size"]
        except Exception as error:  # each kind of remote has errors of its own
            raise store_error(f"the data could not be stored in {self.uri}", error) from error
        after = path.stat()
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            raise DataRegistryError(f"{path} was changed while it was stored in {self.uri}: publish it again")
        if stored != pointer.size:
            raise DataRegistryError(
                f"the data could not be stored in {self.uri}: {target} has {stored} bytes, "
                f"not {pointer.size}; try again"
            )

    def get(self, pointer: Pointer, name: str, target: Path) -> None:
        """Write content to a local file, and see that it is what was published.

        Raises:
            DataRegistryError: when it is not there, or damaged.
            DataRemoteUnreachable: when trying again may help.
        """
        try:
            self._call("get_file", self._remote().odb.oid_to_path(pointer.md5), str(target), size=pointer.size)
        except Exception as error:  # each kind of remote has errors of its own
            raise store_error(f"{name} cannot be read from {self.uri}", error) from error
        if Pointer.of(target) != pointer:
            raise DataRegistryError(
                f"{name} in {self.uri} is damaged: it is not what was published; bring {pointer.md5} back from a backup"
            )

    def files(self) -> Iterator[StoredFile]:
        """Give everything in the remote's folder of objects.

        Raises:
            DataRegistryError: when it cannot be listed.
        """
        try:
            found = self._listed()
        except FileNotFoundError:
            return  # nothing was stored yet
        except Exception as error:  # each kind of remote has errors of its own
            raise store_error(f"{self.uri} cannot be listed", error) from error
        for path, size, modified in found:
            yield StoredFile(path, self._md5(path), size, modified)

    def remove(self, file: StoredFile) -> None:
        """Take a file away; one that is gone already is no error. Raises DataRegistryError when it cannot be."""
        try:
            self._call("rm_file", file.path)
        except FileNotFoundError:
            pass
        except Exception as error:  # each kind of remote has errors of its own
            raise store_error(f"{file.path} could not be taken away from {self.uri}", error) from error

    def _remote(self) -> Remote:
        if self._opened is None:
            times = {"connect_timeout": self._patience, "read_timeout": self._patience}
            options = times if self.uri.startswith("s3://") else {}
            kind, config, path = get_cloud_fs({}, url=self.uri, **options)
            self._opened = Remote("registry", path, kind(**config), **config)
        return self._opened

    def _put(self, path: Path, target: str, size: int) -> None:
        if isinstance(self._remote().fs, LocalFileSystem):
            _copy(path, Path(target))
        else:
            self._call("put_file", str(path), target, size=size)  # an object store shows only complete objects

    def _call(self, name: str, *arguments: str, size: int = 0, **options: Any) -> Any:
        files = self._remote().fs.fs
        if not files.async_impl:
            return getattr(files, name)(*arguments, **options)
        limit = self._patience + size / _SLOWEST
        return sync(files.loop, getattr(files, f"_{name}"), *arguments, timeout=limit, **options)

    def _listed(self) -> list[tuple[str, int, datetime]]:
        odb = self._remote().odb
        if isinstance(odb.fs, LocalFileSystem):
            paths = [path for path in Path(odb.path).rglob("*") if path.is_file()]
            stats = [(str(path), path.stat()) for path in paths]
            return [(path, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)) for path, stat in stats]
        found = self._call("find", odb.path, detail=True)
        return [(path, info["size"], info.get("LastModified", datetime.now(UTC))) for path, info in found.items()]

    def _md5(self, path: str) -> str | None:
        try:
            md5: str = self._remote().odb.path_to_oid(path)
        except ValueError:
            return None
        return md5 if len(md5) == 32 and not path.endswith(".tmp") else None


def _copy(source: Path, target: Path) -> None:
    """Copy a file to its place in one step: DVC's own way could leave an empty file there when it is killed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{secrets.token_urlsafe(16)}.tmp")
    try:
        with source.open("rb") as read, part.open("xb") as write:
            shutil.copyfileobj(read, write, 2**20)
            write.flush()
            os.fsync(write.fileno())  # before its name says that it is whole
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
