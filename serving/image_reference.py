"""Names of images, as `registry/name:tag@sha256:…`; what is short is completed as every engine does."""

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address

from serving.errors import ImageError

DOCKER_HUB = "docker.io"
_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?P<name>(?:(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?/)?{_PATH}(?:/{_PATH})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Reference:
    """Where an image is: by its digest where it has one, else by its tag."""

    registry: str  # host, with its port where it is not https'
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def address(self) -> str:
        """The address of the registry's interface. Plain http is for this machine only."""
        host = "registry-1.docker.io" if self.registry == DOCKER_HUB else self.registry
        return f"{'http' if is_loopback(host) else 'https'}://{host}/v2/"

    def at(self, digest: str) -> "Reference":
        """Return the image of this name that has the digest."""
        return replace(self, tag="", digest=digest)


def parse(text: str) -> Reference:
    """Read a name as the distribution project's grammar has it (its package `reference`).

    Raises:
        ImageError: when it is no name of an image.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise ImageError(f"{text!r} is no name of an image; write registry/name, with :tag or @sha256:… behind it")
    first, slash, rest = found["name"].partition("/")
    if not slash or not (re.search(r"[.:\[]", first) or first == "localhost"):
        first, rest = DOCKER_HUB, found["name"] if slash else f"library/{first}"
    if not re.fullmatch(rf"{_PATH}(?:/{_PATH})*", rest):
        raise ImageError(f"{text!r} is no name of an image: {rest!r} may hold small letters, digits and . _ - / only")
    return Reference(first, rest, found["tag"] or "", found["digest"] or "")


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine."""
    name = re.sub(r":\d+$", "", host).strip("[]")
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
