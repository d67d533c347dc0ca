"""Who may ask: API keys, each with a name, of which only hashes are kept."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from serving.service.problems import Problem

_KEY, _BEARER = b"x-api-key", b"authorization"
_BYTES = 32


def new_key() -> tuple[str, str]:
    """Return a new random key of 32 bytes as text, and its hash for the settings."""
    key = secrets.token_urlsafe(_BYTES)
    return key, hash_of(key.encode())


def hash_of(key: bytes) -> str:
    """Return what is kept of a key: its SHA-256 in hexadecimal digits.

    Plain and fast, which would be wrong for passwords: those can be guessed, so guessing is made slow. A key of 256
    random bits cannot be guessed at any speed, and every request is checked.
    """
    return hashlib.sha256(key).hexdigest()


class Keys:
    """The keys that are known; with none, everybody may ask."""

    def __init__(self, kept: Mapping[str, str]) -> None:
        """Take hashes by the names of their keys."""
        self._kept = [(name.encode(), digest) for name, digest in kept.items()]

    def __bool__(self) -> bool:
        return bool(self._kept)

    def name_of(self, headers: Mapping[bytes, bytes]) -> bytes:
        """Return the name of the key that a request's headers hold (names in small letters).

        Every kept hash is compared, each in constant time: how long it takes tells nothing about any of them.

        Raises:
            Problem: when no key or an unknown one is given.
        """
        given = _given(headers)
        digest = hash_of(given)
        found = [name for name, kept in self._kept if hmac.compare_digest(kept, digest)]
        if not found:
            raise _refused(bool(given))
        return found[0]


def _given(headers: Mapping[bytes, bytes]) -> bytes:
    if _KEY in headers:
        return headers[_KEY].strip()
    scheme, _, key = headers.get(_BEARER, b"").strip().partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""


def _refused(given: bool) -> Problem:
    what = "The API key is not known here" if given else "An API key is needed"
    return Problem(
        401,
        "Who asks is not known",
        f"{what}; send one that the operator gave out, as X-API-Key: KEY or as Authorization: Bearer KEY",
        kind="no-valid-key",
        headers={"WWW-Authenticate": 'Bearer realm="predictions"'},
    )
