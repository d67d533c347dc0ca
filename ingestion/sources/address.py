"""Addresses of sources: their kind, and what of them may be shown."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

import fsspec  # type: ignore[import-untyped]
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ingestion.errors import SourceError

Kind = Literal["file", "http", "store", "sql"]

SUPPORTED = (
    "supported are paths and globs, file://, http(s)://, s3:// and what else fsspec knows, "
    "and databases such as postgresql:// and sqlite:///"
)
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}  # where an address names none
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#]*)(?P<path>[^?#]*)(?P<query>[^#]*)", re.I)
_SECRET_WORDS = ("pass", "pwd", "secret", "token", "apikey", "api_key")


@dataclass(frozen=True)
class Address:
    """A source's address, taken apart."""

    text: str
    kind: Kind
    scheme: str = ""
    host: str = ""  # with the port, without user and password
    path: str = ""
    query: str = ""


def parse(source: str) -> Address:
    """Return the address in its parts.

    Raises:
        SourceError: when its kind is unknown, or when it holds a password.
    """
    if "://" not in source:
        return Address(source, "file", path=source)
    found = _ADDRESS.match(source)
    if not found:
        raise SourceError(f"{shown(source)}: is neither a path nor an address; {SUPPORTED}")
    scheme = found["scheme"].lower()
    kind = _kind(source, scheme)
    _check_secrets(source, kind, found)
    host = found["host"].rpartition("@")[2]
    if kind == "http" and not host:
        raise SourceError(f"{shown(source)}: names no host")
    return Address(source, kind, scheme, host, found["path"], found["query"])


def shown(source: str) -> str:
    """Return the address as notes, messages and forms may show it: no user, no password, no values of the query."""
    found = _ADDRESS.match(source)
    if not found:
        return re.sub(r"(?<=://).*@", "", source)
    place = found["host"] + found["path"]
    user = _user(found)
    return f"{found['scheme']}://{place[len(user) :]}{_names(found['query'])}"


def alike(one: str, other: str) -> bool:
    """Whether what is allowed to read the one address may be sent to the other: the same service at the same host."""
    first, second = parse(one), parse(other)
    if first.kind != second.kind or first.scheme != second.scheme:
        return False
    if first.kind == "sql" and first.query != second.query:  # where drivers take another host from
        return False
    return first.scheme in ("s3", "s3a", "gs", "gcs") or first.host == second.host  # whose hosts are buckets


def _kind(source: str, scheme: str) -> Kind:
    if scheme == "file":
        return "file"
    if scheme in ("http", "https"):
        return "http"
    if "::" in source.partition("?")[0]:
        raise SourceError(f"{shown(source)}: chained addresses are not supported; {SUPPORTED}")
    if scheme in fsspec.available_protocols():
        return "store"
    try:
        make_url(f"{DRIVERS.get(scheme, scheme)}://").get_dialect()
    except (NoSuchModuleError, ArgumentError) as error:
        raise SourceError(f"{shown(source)}: sources of the kind {scheme}:// are not known; {SUPPORTED}") from error
    except ImportError:
        return "sql"  # a known database whose driver is not there, which connecting will tell
    return "sql"


def _check_secrets(source: str, kind: Kind, found: re.Match[str]) -> None:
    user = _user(found)
    names = [name.lower() for name, _ in parse_qsl(found["query"][1:], keep_blank_values=True)]
    secret = kind == "sql" and any(word in name for name in names for word in _SECRET_WORDS)
    if ":" in user or (user and kind == "http") or secret:
        raise SourceError(
            f"{shown(source)}: the address holds a password or a token, which would stand in logs and notes: "
            "name a `connection` in the contract instead"
        )


def _user(found: re.Match[str]) -> str:
    """Return what stands before the host, `@` included; passwords with a slash in them are recognised as well."""
    host, path = found["host"], found["path"]
    odd = re.search(r":(?!\d*$)[^\]]*$", host) is not None and "@" not in host
    place = host + path if odd or _is_sql(found["scheme"]) else host
    return place[: place.rfind("@") + 1]


def _is_sql(scheme: str) -> bool:
    return scheme.lower() not in ("file", "http", "https", *fsspec.available_protocols())


def _names(query: str) -> str:
    parts = [f"{part.partition('=')[0]}=…" if "=" in part else "…" for part in query[1:].split("&") if part]
    return "?" + "&".join(parts) if parts else ""
