"""The way to a file over http: redirects are followed by hand, and none leads from the outside to the inside."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from ingestion.errors import SourceError, SourceUnreachable
from ingestion.sources.address import shown
from ingestion.sources.network import Network
from pipeline.connection import Connection

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_TIMEOUT = httpx.Timeout(60, connect=10)  # seconds; 60 between two pieces of a body


class Route:
    """From an address to the answer that holds the file.

    A host's name is looked up once, and the connection goes to the very address that was looked at: an answer of the
    name server that changes in between changes nothing. Proxies of the environment are not used, as they look names up
    themselves, and neither is `.netrc`, whose credentials nobody named.
    """

    def __init__(self, source: str, connection: Connection | None, network: Network) -> None:
        self.source, self.connection, self.network = _url(source), connection, network
        self.outside = False  # whether a public address has been asked

    @contextmanager
    def get(self, headers: Mapping[str, str]) -> Iterator[tuple[httpx.Response, str]]:
        """Give the answer, its body yet unread, and the address that it is from.

        Raises:
            SourceError: when a redirect leads where none may.
            SourceUnreachable: when a host is not known, or does not answer.
        """
        self.outside, here = False, self.source
        with httpx.Client(transport=httpx.HTTPTransport(), timeout=_TIMEOUT, trust_env=False) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                response = self._ask(client, here, headers)
                if response.status_code not in _REDIRECTS:
                    yield response, str(here)
                    return
                response.close()
                here = self._next(here, response)
        raise SourceError(f"{self._shown}: redirects more than {_MOST_REDIRECTS} times; name the last address instead")

    @property
    def _shown(self) -> str:
        return shown(str(self.source))

    def _next(self, here: httpx.URL, response: httpx.Response) -> httpx.URL:
        there = here.join(response.headers.get("Location", ""))
        if there.scheme not in ("http", "https") or not there.host or there == here:
            raise SourceError(f"{self._shown}: redirects to {shown(str(there))}, where no file can be")
        if here.scheme == "https" and there.scheme == "http":
            raise SourceError(f"{self._shown}: redirects from https to {shown(str(there))}, which anyone could change")
        return there.copy_with(userinfo=b"", fragment=None)

    def _ask(self, client: httpx.Client, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        addresses = self._look_up(url)
        failed: httpx.TransportError | None = None
        for address in addresses:
            try:
                response = client.send(self._request(client, url, address, headers), stream=True, auth=self._auth(url))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error
            except httpx.RemoteProtocolError as error:
                if "location header" not in str(error):
                    raise
                raise SourceError(f"{self._shown}: redirects to what is no address") from error
            else:
                self.outside |= not self.network.is_private(address)
                return response
        raise self._unreachable(url, failed) from failed

    def _look_up(self, url: httpx.URL) -> list[str]:
        host, port = url.raw_host.decode("ascii"), url.port or {"http": 80}.get(url.scheme, 443)
        try:
            addresses = self.network.addresses(host, port)
        except (OSError, UnicodeError) as error:
            raise SourceUnreachable(f"{self._shown}: the host {host} is not known: {error}") from error
        inside = [address for address in addresses if self.network.is_private(address)]
        if self.outside and inside:
            raise SourceError(
                f"{self._shown}: redirects from a public address to {host} ({inside[0]}), which is private; "
                "if that is meant, name that address as the source"
            )
        return addresses

    def _request(self, client: httpx.Client, url: httpx.URL, address: str, headers: Mapping[str, str]) -> httpx.Request:
        own = {"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity", "User-Agent": "mlops-pipeline"}
        secret = self._headers() if _same_place(url, self.source) else {}
        there = url.copy_with(host=address)
        name = {"sni_hostname": url.raw_host.decode("ascii")}  # whose certificate is asked for and checked
        return client.build_request("GET", there, headers={**own, **secret, **headers}, extensions=name)

    def _headers(self) -> dict[str, str]:
        options: dict[str, Any] = self.connection.options.get_secret_value() if self.connection else {}
        unknown = sorted(set(options) - {"headers"})
        if unknown:
            raise SourceError(f"{self._shown}: its connection has the option {unknown[0]!r}; http takes `headers` only")
        headers = {str(name): str(value) for name, value in options.get("headers", {}).items()}
        if not all(text.isascii() and text.isprintable() for pair in headers.items() for text in pair):
            raise SourceError(f"{self._shown}: a header of its connection has letters that http does not allow")
        return headers

    def _auth(self, url: httpx.URL) -> httpx.BasicAuth | None:
        if not self.connection or not _same_place(url, self.source):
            return None
        login, password = self.connection.login, self.connection.password.get_secret_value()
        return httpx.BasicAuth(login, password) if login or password else None

    def _unreachable(self, url: httpx.URL, error: Exception | None) -> SourceError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return SourceError(
                f"{self._shown}: the certificate of {url.host} cannot be trusted: {error}; "
                "SSL_CERT_FILE names other authorities"
            )
        return SourceUnreachable(
            f"{self._shown}: {url.host} does not answer ({error or 'no address'}); try again later"
        )


def _same_place(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _url(source: str) -> httpx.URL:
    try:
        return httpx.URL(source)
    except httpx.InvalidURL as error:
        raise SourceError(f"{shown(source)}: is no address: {error}") from error
