"""Files in object stores and whatever else fsspec knows, fetched in pieces to temporary files."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
from botocore import exceptions as boto  # type: ignore[import-untyped]

from ingestion.errors import SourceError, SourceUnreachable
from ingestion.sources.address import Address, shown
from ingestion.sources.file import FORMATS, SourceFile, has_magic, known_suffix
from ingestion.sources.limit import Counter
from pipeline.connection import Connection

_PIECE = 8 << 20  # bytes
_S3 = ("s3", "s3a")
_PATIENCE = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 3}}  # seconds
# Of what an object store tells about a file, what changes with its content.
_MARKS = ("size", "ETag", "etag", "LastModified", "last_modified", "mtime", "created", "VersionId")
_NO_ACCESS = (PermissionError, boto.NoCredentialsError, boto.PartialCredentialsError, boto.ProfileNotFound)


def fetch(address: Address, folder: Path, counter: Counter, connection: Connection | None) -> list[SourceFile]:
    """Fetch the files into the folder, in the order of their names; the counter is that of all of them together.

    Raises:
        SourceError: when they are not there, may not be read, are too large, or are no tables.
        SourceUnreachable: when the store does not answer, or a file changed meanwhile.
    """
    with _told_apart(address):
        files, path = _open_store(address, connection)
        found = list(_find(address, files, path))
        counter.check(sum(int(details.get("size") or 0) for _, details in found))
        files.invalidate_cache()
        return [_copy(address, files, path, folder / f"{at:05}", counter) for at, (path, _) in enumerate(found)]


def _open_store(address: Address, connection: Connection | None) -> tuple[Any, str]:
    try:
        files, path = fsspec.url_to_fs(address.text, **_options(address, connection), skip_instance_cache=True)
    except ImportError as error:
        package = error.name or "its package"
        raise SourceError(f"{shown(address.text)}: reading {address.scheme}:// needs {package}: {error}") from error
    return files, path


def _options(address: Address, connection: Connection | None) -> dict[str, Any]:
    """Return fsspec's storage options: the connection's own, and its login and password by their names there."""
    options: dict[str, Any] = dict(connection.options.get_secret_value()) if connection else {}
    login, password = ("key", "secret") if address.scheme in _S3 else ("username", "password")
    if connection and connection.login:
        options.setdefault(login, connection.login)
    if connection and connection.password.get_secret_value():
        options.setdefault(password, connection.password.get_secret_value())
    if address.scheme in _S3:
        options["config_kwargs"] = {**_PATIENCE, **options.get("config_kwargs", {})}
    return options


def _find(address: Address, files: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not has_magic(path):
        details = files.info(path)
        if details["type"] == "directory":
            raise SourceError(
                f"{shown(address.text)}: is a folder; name its files, such as {shown(address.text)}/*.csv"
            )
        yield path, details
        return
    found = {name: details for name, details in files.glob(path, detail=True).items() if details["type"] == "file"}
    if not found:
        raise SourceError(f"{shown(address.text)}: no file matches")
    yield from sorted(found.items())


def _copy(address: Address, files: Any, path: str, part: Path, counter: Counter) -> SourceFile:
    name = f"{address.scheme}://{path.lstrip('/')}" if has_magic(address.path) else shown(address.text)
    suffix = known_suffix(name, path)
    target = part.with_name(part.name + suffix)
    before = _marks(files.info(path))
    with files.open(path, "rb", block_size=_PIECE) as source, target.open("wb") as file:
        while piece := source.read(_PIECE):
            counter.add(len(piece))
            file.write(piece)
    files.invalidate_cache()
    after = _marks(files.info(path))
    if after != before or after.get("size") not in (None, str(target.stat().st_size)):
        raise SourceUnreachable(f"{name}: changed while it was fetched; ingest again when it is complete")
    return SourceFile(name, target, FORMATS[suffix])


def _marks(details: dict[str, Any]) -> dict[str, str]:
    return {name: str(details[name]) for name in _MARKS if details.get(name) is not None}


@contextmanager
def _told_apart(address: Address) -> Iterator[None]:
    """Say of any error of a store whether the file is not there, may not be read, or the store does not answer."""
    name = shown(address.text)
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError as error:
        raise SourceError(f"{name}: there is no such file, or no such bucket") from error
    except _NO_ACCESS as error:
        raise SourceError(
            f"{name}: may not be read ({error}); name a `connection` in the contract that may read it"
        ) from error
    except Exception as error:  # each store has errors of its own, with no ancestor in common
        raise _other(name, error) from error


def _other(name: str, error: Exception) -> SourceError:
    text = " ".join(str(error).split()) or type(error).__name__
    if "pre-conditions" in text or type(error).__name__ == "FileExpired":
        return SourceUnreachable(f"{name}: changed while it was fetched; ingest again when it is complete")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return SourceError(f"{name}: there is no room for its copy: {text}; TMPDIR names another folder")
    if isinstance(error, OSError | boto.HTTPClientError | boto.ConnectionError) and not _is_refusal(error):
        return SourceUnreachable(f"{name}: the store does not answer as it should: {text}; try again later")
    return SourceError(f"{name}: cannot be read: {text}")


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.EINVAL, errno.EPERM)
