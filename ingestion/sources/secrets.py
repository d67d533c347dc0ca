"""Nothing secret leaves by an error: neither by its message nor by the errors that caused it."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from ingestion.errors import SourceError
from pipeline.connection import Connection

T = TypeVar("T")
_HIDDEN = "•••"
_OPEN = ("endpoint_url", "region_name")  # options that say where, not who
_SHORT = 8  # an option's value or a link's that is shorter, such as `csv` or `true`, is no secret


def hiding(source: str, connection: Connection | None, work: Callable[[], T]) -> T:
    """Do the work, and take what is secret out of its SourceError, which loses its causes if they hold any of it."""
    secrets = _secrets(source, connection)
    try:
        return work()
    except SourceError as error:
        if not any(secret in text for text in _texts(error) for secret in secrets):
            raise
        clean = type(error)(without(str(error), secrets))
    raise clean  # out of the handler, or the error that is left behind would be its context


def without(text: str, secrets: list[str]) -> str:
    """Return the text with what is secret hidden."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


def _secrets(source: str, connection: Connection | None) -> list[str]:
    query = urlsplit(source.replace("[", "").replace("]", "")).query if "://" in source else ""
    found = [value for _, value in parse_qsl(query)] + [part.partition("=")[2] or part for part in query.split("&")]
    if connection:
        found += _values(connection.options.get_secret_value())
    password = connection.password.get_secret_value() if connection else ""
    return [value for value in found if len(value) >= _SHORT] + ([password] if password else [])


def _values(options: Any) -> list[str]:
    if isinstance(options, dict):
        return [text for name, value in options.items() if name not in _OPEN for text in _values(value)]
    if isinstance(options, list | tuple):
        return [text for value in options for text in _values(value)]
    return [str(options)]


def _texts(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error} {error!r} {error.__dict__}"
        error = error.__cause__ or error.__context__
