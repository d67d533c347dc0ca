"""How a registry is told who asks: Basic, or a token that another server gives for it."""

import base64
import re
from collections.abc import Generator

import httpx

from pipeline.connection import Connection
from serving.errors import ImageError
from serving.image_reference import is_loopback

_CHALLENGE = re.compile(r"(\w+)=\"([^\"]*)\"")


class RegistryAuth(httpx.Auth):
    """Answers a registry's challenge, once for each request, and keeps what it was let in with.

    The protocol is the distribution project's (docs/spec/auth/token): a 401 names the server that gives tokens, and
    what the token must allow. A password goes to the registry and to the server that it names, over https.
    """

    def __init__(self, host: str, connection: Connection | None) -> None:
        self._host, self._connection = host, connection
        self._header = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with what is known, and again after a challenge."""
        if self._header:
            request.headers["Authorization"] = self._header
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED or response.url.host != request.url.host:
            return
        scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        if scheme.lower() == "bearer":
            given = yield self._token_request(dict(_CHALLENGE.findall(rest)))
            self._header = f"Bearer {self._token(given)}"
        elif scheme.lower() == "basic" and self._basic:
            self._header = self._basic
        else:
            return
        request.headers["Authorization"] = self._header
        yield request

    @property
    def _basic(self) -> str:
        if self._connection is None:
            return ""
        who = f"{self._connection.login}:{self._connection.password.get_secret_value()}"
        return f"Basic {base64.b64encode(who.encode()).decode()}"

    def _token_request(self, asked: dict[str, str]) -> httpx.Request:
        realm = httpx.URL(asked.get("realm", ""))
        if realm.scheme != "https" and not (is_loopback(realm.host) and is_loopback(self._host)):
            raise ImageError(f"{self._host}: sends clients to {str(realm)!r} for a token, which is not https")
        what = {"service": asked.get("service", ""), "scope": asked.get("scope", "").split()}
        headers = {"Authorization": self._basic} if self._basic else {}
        return httpx.Request("GET", realm.copy_merge_params(what), headers=headers)

    def _token(self, given: httpx.Response) -> str:
        try:
            given.read()
            content = given.raise_for_status().json()
            return str(content.get("token") or content["access_token"])
        except (httpx.HTTPStatusError, ValueError, KeyError) as error:
            raise ImageError(
                f"{self._host}: {given.url.host} gave no token (status {given.status_code}); check the login"
            ) from error
