"""Files of this machine, by path, file:// address or glob."""

import glob
from pathlib import Path
from urllib.parse import unquote

from ingestion.errors import SourceError
from ingestion.sources.address import Address
from ingestion.sources.file import FORMATS, SourceFile, has_magic, known_suffix


def local_files(address: Address, project: Path) -> list[SourceFile]:
    """Return the files, in the order of their names; relative paths start at the project.

    Raises:
        SourceError: when there are none, or when one of them is no table.
    """
    if address.host not in ("", "localhost"):
        raise SourceError(f"{address.text}: names the host {address.host}; a file:// address has three slashes")
    written = unquote(address.path) if address.scheme else address.path
    whole = project / written
    if has_magic(written) and not whole.exists():
        return _matching(address.text, written, project)
    if whole.is_dir():
        raise SourceError(f"{address.text}: is a folder; name its files, such as {written.rstrip('/')}/*.csv")
    if not whole.is_file():
        raise SourceError(f"{address.text}: there is no such file (looked for {whole})")
    return [_opened(address.text, whole)]


def _matching(source: str, pattern: str, project: Path) -> list[SourceFile]:
    found = sorted(glob.glob(pattern, root_dir=project, recursive=True))  # noqa: PTH207 (knows absolute patterns too)
    names = [name for name in found if (project / name).is_file()]
    if not names:
        raise SourceError(f"{source}: no file matches (looked in {project})")
    return [_opened(name, project / name) for name in names]


def _opened(name: str, path: Path) -> SourceFile:
    return SourceFile(name, path, FORMATS[known_suffix(name, path.name)])
