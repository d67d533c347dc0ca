"""The one layer that makes a serving image a model image: a bundle with its release, the same bytes each time."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.bundle.format import FILES, check_digest
from pipeline.release_log import CURRENT, RELEASE_FILE, Release


@dataclass(frozen=True)
class Blob:
    """Some bytes, and the digest that a registry knows them by."""

    content: bytes

    @property
    def digest(self) -> str:
        """`sha256:` and 64 hexadecimal digits."""
        return digest_of(self.content)


@dataclass(frozen=True)
class Layer(Blob):
    """A compressed tar archive."""

    diff_id: str  # the digest of the archive before it was compressed


def digest_of(content: bytes) -> str:
    """Return the digest of some bytes, as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def release_layer(folder: Path, release: Release, place: str) -> Layer:
    """Archive a bundle and its release. The same bundle gives the same layer: neither times nor owners are kept.

    Args:
        folder: where the bundle's files are; other files are left out.
        release: what is served. Who approved it, and why, are Git's to tell: releasing it again makes the same image.
        place: the folder of the image in which the service looks for its current release.

    Raises:
        BundleError: when the folder does not hold the release's bundle.
    """
    check_digest(folder, release.bundle_digest)
    served = release.model_copy(update={"approved_by": "", "reason": "", "image": None})
    files = {name: (folder / name).read_bytes() for name in FILES}
    files[RELEASE_FILE] = f"{served.model_dump_json(indent=2)}\n".encode()
    archive = _archive(PurePosixPath(place.lstrip("/")) / CURRENT, files)
    return Layer(_compressed(archive), digest_of(archive))


def _archive(folder: PurePosixPath, files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for parent in (*reversed(folder.parents[:-1]), folder):
            archive.addfile(_entry(parent, 0o755, kind=tarfile.DIRTYPE))
        for name, content in sorted(files.items()):
            archive.addfile(_entry(folder / name, 0o644, len(content)), io.BytesIO(content))
    return written.getvalue()


def _entry(path: PurePosixPath, mode: int, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(str(path))  # owned by root, of 1970: the service may read it, and nobody may change it
    entry.mode, entry.size, entry.type = mode, size, kind
    return entry


def _compressed(content: bytes) -> bytes:
    written = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=written, mtime=0) as compressed:
        compressed.write(content)
    return written.getvalue()
