"""Files over http(s): streamed to a temporary file, and continued where a connection broke."""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from ingestion.errors import SourceError, SourceUnreachable
from ingestion.sources.address import shown
from ingestion.sources.file import FORMATS, SourceFile, suffix_of
from ingestion.sources.limit import Counter
from ingestion.sources.network import Network
from ingestion.sources.route import Route
from pipeline.connection import Connection

_ATTEMPTS = 5
_MEDIA_TYPES = {
    "text/csv": ".csv",
    "application/csv": ".csv",
    "application/vnd.apache.parquet": ".parquet",
    "application/x-parquet": ".parquet",
    "application/parquet": ".parquet",
}


def download(
    source: str, folder: Path, limit: int, connection: Connection | None, network: Network | None = None
) -> SourceFile:
    """Fetch a file into the folder; `limit` is in bytes.

    Raises:
        SourceError: when it is not there, may not be read, is too large, or is no table.
        SourceUnreachable: when the server does not give it to its end in five attempts.
    """
    fetching = _Download(source, folder / "fetched", limit, Route(source, connection, network or Network()))
    Retrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential(multiplier=0.1, max=5),
        retry=retry_if_exception_type(SourceUnreachable),
        reraise=True,
    )(fetching.attempt)
    path = fetching.part.rename(folder / f"fetched{fetching.suffix}")
    return SourceFile(shown(source), path, FORMATS[fetching.suffix])


class _Download:
    """One file on its way here, over as many connections as it takes."""

    def __init__(self, source: str, part: Path, limit: int, route: Route) -> None:
        self.source, self.part, self.limit, self.route = source, part, limit, route
        self.suffix = ""
        self.validator = ""  # what tells the server which content the part is from; empty: it cannot be continued
        self.total: int | None = None
        part.touch()

    def attempt(self) -> None:
        """Fetch what is missing."""
        done = self.part.stat().st_size if self.validator else 0
        headers = {"Range": f"bytes={done}-", "If-Range": self.validator} if done else {}
        try:
            with self.route.get(headers) as (response, final):
                _check_status(self.source, final, response)
                self._receive(response, self._begin(response, final, done))
        except httpx.HTTPError as error:
            got = self.part.stat().st_size
            raise SourceUnreachable(
                f"{shown(self.source)}: the connection broke after {got} of {self.total or 'an unknown number of'} "
                f"bytes ({type(error).__name__}: {error}); try again later"
            ) from error

    def _begin(self, response: httpx.Response, final: str, done: int) -> int:
        """Return from which byte on the body is, after clearing away what does not go with it."""
        if response.status_code == 206 and self._continues(response, done):
            return done
        if response.status_code in (206, 416):  # another part than the one that is missing
            self.validator = ""
            raise SourceUnreachable(f"{shown(self.source)}: changed while it was fetched; ingest again")
        self.suffix = _suffix(self.source, final, response)
        plain = _is_plain(response, self.suffix)
        length = response.headers.get("Content-Length", "")
        self.total = int(length) if plain and length.isdigit() else None
        self.validator = _validator(response) if plain else ""
        return 0

    def _continues(self, response: httpx.Response, done: int) -> bool:
        span, _, total = response.headers.get("Content-Range", "").partition("/")
        same = _validator(response) in ("", self.validator)
        return same and span.startswith(f"bytes {done}-") and (self.total is None or total in ("*", str(self.total)))

    def _receive(self, response: httpx.Response, done: int) -> None:
        counter = Counter(shown(self.source), self.limit, done)
        counter.check(self.total or 0)
        plain = _is_plain(response, self.suffix)
        with self.part.open("r+b") as file:
            file.truncate(done)
            file.seek(done)
            for chunk in response.iter_raw() if plain else response.iter_bytes():
                counter.add(len(chunk))
                file.write(chunk)
        if self.total is not None and counter.count != self.total:
            raise SourceUnreachable(
                f"{shown(self.source)}: gave {counter.count} of {self.total} bytes; try again later"
            )


def _check_status(source: str, final: str, response: httpx.Response) -> None:
    code = response.status_code
    if code in (200, 206, 416):
        return
    via = "" if final == str(httpx.URL(source)) else f" (redirected to {shown(final)})"
    what = f"{shown(source)}{via}: the server answers {code} {response.reason_phrase}".rstrip()
    if code in (401, 403):
        raise SourceError(f"{what}: name a `connection` in the contract that may read it")
    if code == 429 or code >= 500:
        raise SourceUnreachable(f"{what}; try again later")
    raise SourceError(f"{what}; check the address")


def _validator(response: httpx.Response) -> str:
    """Return what `If-Range` takes: a strong ETag, or the date of the last change (RFC 9110, 13.1.5)."""
    tag: str = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else str(response.headers.get("Last-Modified", ""))


def _is_plain(response: httpx.Response, suffix: str) -> bool:
    """Whether the body is the file as it is: not packed for the way, or packed because the file itself is."""
    packed = response.headers.get("Content-Encoding", "identity").lower()
    return packed == "identity" or (packed in ("gzip", "x-gzip") and suffix.endswith(".gz"))


def _suffix(source: str, final: str, response: httpx.Response) -> str:
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    found = [suffix_of(unquote(httpx.URL(address).path)) for address in (source, final)]
    suffix = next((suffix for suffix in (*found, _MEDIA_TYPES.get(media_type)) if suffix), None)
    if suffix is None:
        raise SourceError(
            f"{shown(source)}: is of no known kind: its path ends in none of {', '.join(FORMATS)}, "
            f"and its Content-Type is {media_type or 'not given'}, not text/csv or application/vnd.apache.parquet"
        )
    return suffix


class _WithoutValues(logging.Filter):
    """httpx logs each address at level INFO; the values of its query may be those of a presigned link."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_loggable(value) for value in record.args)
        return True


def _loggable(value: Any) -> Any:
    return shown(str(value)) if isinstance(value, httpx.URL) else value


logging.getLogger("httpx").addFilter(_WithoutValues())
logging.getLogger("httpcore").setLevel(logging.INFO)  # below it are the addresses that redirects lead to
