"""A registry's interface, as far as making images needs it (OCI distribution specification 1.1)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from pipeline.connection import Connection
from serving.errors import ImageError, RegistryAwayError
from serving.image_auth import RegistryAuth
from serving.image_layer import Blob
from serving.image_reference import Reference

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_ACCEPT = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST))
_TIMEOUT = httpx.Timeout(60, connect=10)  # seconds; 60 between two pieces of a body

_again = retry(
    retry=retry_if_exception_type(RegistryAwayError),
    stop=stop_after_attempt(4),
    wait=wait_exponential(multiplier=0.2, max=5),
    reraise=True,
)


@dataclass(frozen=True)
class Manifest(Blob):
    """What an image, or an index of several platforms' images, consists of, as the registry sent it."""

    media_type: str


class Repository:
    """One repository of a registry. A registry that is away is asked again a few times.

    Every method raises RegistryAwayError when that does not help, and ImageError for what the registry refuses.
    """

    def __init__(self, reference: Reference, connection: Connection | None) -> None:
        self.name = f"{reference.registry}/{reference.repository}"
        self._path = reference.repository
        auth = RegistryAuth(reference.registry, connection)
        self._http = httpx.Client(base_url=reference.address, timeout=_TIMEOUT, auth=auth)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @_again
    def manifest(self, reference: Reference) -> Manifest:
        """Return the manifest that a tag or a digest names; without either, the tag is `latest`, as engines have it."""
        wanted = reference.digest or reference.tag or "latest"
        with self._asked("GET", f"manifests/{wanted}", headers={"Accept": _ACCEPT}) as response:
            found = Manifest(response.read(), response.headers.get("Content-Type", "").partition(";")[0])
        if reference.digest and found.digest != reference.digest:
            raise ImageError(f"{reference}: the registry sent another manifest, whose digest is {found.digest}")
        return found

    @_again
    def blob(self, digest: str) -> Blob:
        """Return a small blob, such as an image's configuration."""
        with self.opened(digest) as response:
            found = Blob(response.read())
        if found.digest != digest:
            raise ImageError(f"{self.name}: the registry sent other bytes than those of {digest}")
        return found

    @contextmanager
    def opened(self, digest: str) -> Iterator[httpx.Response]:
        """Give the answer that holds a blob, its body yet unread; another host that it comes from gets no login."""
        headers = {"Accept-Encoding": "identity"}
        with self._asked("GET", f"blobs/{digest}", headers=headers, follow_redirects=True) as response:
            yield response

    @_again
    def push(self, blob: Blob) -> None:
        """Store a blob, unless it is there."""
        if not self.holds(blob.digest):
            self._store(self._upload(), blob.digest, content=blob.content)

    @_again
    def copy(self, digest: str, size: int, source: "Repository") -> None:
        """Store a blob of another repository, unless it is there; within a registry, without moving it."""
        if self.holds(digest):
            return
        upload = self._upload(digest, source)
        if upload:
            with source.opened(digest) as response:
                self._store(upload, digest, content=response.iter_raw(), headers={"Content-Length": str(size)})

    @_again
    def put(self, manifest: Manifest, tag: str) -> None:
        """Store a manifest whose blobs are there, under a tag."""
        headers = {"Content-Type": manifest.media_type}
        with self._asked("PUT", f"manifests/{tag}", content=manifest.content, headers=headers) as response:
            kept = response.headers.get("Docker-Content-Digest", manifest.digest)
        if kept != manifest.digest:
            raise ImageError(f"{self.name}:{tag}: the registry kept {kept}, not the {manifest.digest} that was sent")

    def holds(self, digest: str) -> bool:
        """Whether a blob is there."""
        with self._asked("HEAD", f"blobs/{digest}", missing_ok=True, follow_redirects=True) as response:
            return bool(response.is_success)

    def _upload(self, digest: str = "", source: "Repository | None" = None) -> str:
        """Begin an upload and return where to; empty where the blob could be mounted from the source."""
        mounting = source is not None and source._http.base_url == self._http.base_url
        parameters = {"mount": digest, "from": source._path} if source and mounting else {}
        with self._asked("POST", "blobs/uploads/", params=parameters) as response:
            if response.status_code == httpx.codes.CREATED:
                return ""
            return str(response.url.join(response.headers["Location"]))

    def _store(self, upload: str, digest: str, **sent: Any) -> None:
        url = httpx.URL(upload).copy_merge_params({"digest": digest})
        here = self._http.base_url
        known = (url.scheme, url.host, url.port) == (here.scheme, here.host, here.port)
        with self._sent("PUT", url, auth=self._http.auth if known else None, **sent) as response:
            response.read()

    def _asked(self, method: str, path: str, **sent: Any) -> Any:
        return self._sent(method, f"{self._path}/{path}", **sent)

    @contextmanager
    def _sent(
        self, method: str, url: httpx.URL | str, missing_ok: bool = False, **sent: Any
    ) -> Iterator[httpx.Response]:
        try:
            with self._http.stream(method, url, **sent) as response:
                if not (response.is_success or (missing_ok and response.status_code == httpx.codes.NOT_FOUND)):
                    raise _refusal(f"{self.name}: {method} {response.url.path}", response)
                yield response
        except httpx.HTTPError as error:
            raise RegistryAwayError(f"{self.name}: the registry does not answer: {error}") from error


def _refusal(what: str, response: httpx.Response) -> ImageError:
    told = response.read().decode(errors="replace")[:300]
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        return RegistryAwayError(f"{what}: status {response.status_code}: {told}")
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        told = f"its login is that of the connection `images` in MLOPS_CONNECTIONS; the registry says: {told}"
    return ImageError(f"{what}: refused with status {response.status_code}: {told}")
