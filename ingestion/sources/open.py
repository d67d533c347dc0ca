"""Opening a source: whatever its kind, what comes out are local files."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingestion.errors import SourceError
from ingestion.sources.address import Address, alike, parse, shown
from ingestion.sources.file import SourceFile, check_same_format
from ingestion.sources.http import download
from ingestion.sources.limit import Counter
from ingestion.sources.local import local_files
from ingestion.sources.secrets import hiding
from ingestion.sources.sql import query
from ingestion.sources.store import fetch
from pipeline.connection import Connection
from pipeline.contract import Contract, Window
from pipeline.settings import Settings


@contextmanager
def open_source(
    contract: Contract, settings: Settings, source: str, window: Window, connection: Connection | None
) -> Iterator[list[SourceFile]]:
    """Give the source's files in a fixed order, as local files; fetched copies go away afterwards.

    `connection` is who may read the contract's own source; without it, the settings are asked for the one that the
    contract names. It is not sent to another host when the run names another source.

    Raises:
        SourceError: when the source cannot be read, or is not what the contract's checksum says.
        SourceUnreachable: when trying again later may help.
    """
    address = parse(source)
    who = _allowed(contract, settings, source, connection)
    with tempfile.TemporaryDirectory(prefix="mlops-source-") as folder:
        yield hiding(source, who, lambda: _checked(contract, settings, address, window, who, Path(folder)))


def _allowed(contract: Contract, settings: Settings, source: str, given: Connection | None) -> Connection | None:
    own = contract.ingestion
    if source != own.source and not alike(source, own.source):
        return None
    if given or not own.connection:
        return given
    if own.connection not in settings.connections:
        raise SourceError(
            f"{shown(source)}: the contract's connection {own.connection!r} is not known; there are: "
            f"{', '.join(sorted(settings.connections)) or 'none'}. Set it in MLOPS_CONNECTIONS, or in Airflow"
        )
    return settings.connections[own.connection]


def _checked(
    contract: Contract, settings: Settings, address: Address, window: Window, who: Connection | None, folder: Path
) -> list[SourceFile]:
    name, own = shown(address.text), contract.ingestion
    expected = own.sha256 if address.text == own.source else None
    if expected and address.kind == "sql":
        raise SourceError(f"{name}: is a query, but the contract's sha256 is that of one file; leave it out")
    files = _gather(contract, settings, address, window, who, folder)
    check_same_format(name, files)
    if expected:
        _check_sum(name, files, expected)
    return files


def _gather(
    contract: Contract, settings: Settings, address: Address, window: Window, who: Connection | None, folder: Path
) -> list[SourceFile]:
    try:
        if address.kind == "file":
            return local_files(address, settings.project_dir)
        if address.kind == "http":
            return [download(address.text, folder, settings.source_max_bytes, who)]
        if address.kind == "store":
            return fetch(address, folder, Counter(shown(address.text), settings.source_max_bytes), who)
        return [query(contract, settings, address, window, who, folder)]
    except OSError as error:  # of this machine: those of others have been told apart before
        raise SourceError(
            f"{shown(address.text)}: cannot be read here: {error} (copies lie in {folder.parent} while they are read)"
        ) from error


def _check_sum(source: str, files: list[SourceFile], expected: str) -> None:
    if len(files) > 1:
        raise SourceError(f"{source}: is {len(files)} files, but the contract's sha256 is that of one; leave it out")
    with files[0].path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise SourceError(
            f"{source}: is not the file that the contract means: its sha256 is {found}, not {expected}; "
            "if the new content is right, change `sha256` in the contract"
        )
