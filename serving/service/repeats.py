"""Requests that a client may send again: under one Idempotency-Key, the first answer comes back."""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

from pipeline.prediction_log import Answer
from serving.service.problems import Problem
from serving.service.wire import caller_of, header

LONGEST_KEY = 255
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Key:
    """An Idempotency-Key of a whole body: its rows' ids follow from it and their places."""

    model: str
    caller: str
    key: str
    digest: str  # of the body, kept with each row: another body under the same key is refused

    def row(self, place: int) -> str:
        """Return the id of a row by its place among those that are answered."""
        return _id(self.model, self.caller, "batch", self.key, place)

    def check(self, logged: Answer, own: Answer | None = None) -> None:
        """Raise Problem when a row of the log with one of these ids is of another body than `own`.

        Of the same body under another contract, too: where that refuses other rows, the places have moved.
        """
        if logged.digest != self.digest or (own and not same_record(own, logged)):
            raise used_before("body")


def id_of(model: str, caller: str, key: str) -> str:
    """Return the id of the one record that a caller sends with a key: what others call theirs is no business of it."""
    return _id(model, caller, key)


def same_record(one: Answer, other: Answer) -> bool:
    """Whether two answers are to the same record, also where a contract with more optional fields has come between."""
    return _known(one) == _known(other)


def _known(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in answer.features.items() if value is not None}


def read_key(scope: Scope) -> str | None:
    """Return the request's key, or None. Raises Problem when it has no letters, or too many."""
    key = header(scope, b"idempotency-key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        detail = f"Idempotency-Key has {len(key)} letters; allowed: 1 to {LONGEST_KEY}"
        raise Problem(400, "A header was refused", detail, kind="refused-header")
    return key


def used_before(what: str) -> Problem:
    """Return what is told where another record, or body, was sent with the key."""
    detail = f"Another {what} was sent with this Idempotency-Key; send a new key with a new {what}"
    return Problem(409, "The key was used before", detail, kind="key-used-before")


def key_of(scope: Scope, model: str, body: bytes) -> Key | None:
    """Return the key of a body with many rows, or None. Raises Problem as `read_key` does."""
    key = read_key(scope)
    return None if key is None else Key(model, caller_of(scope), key, _digest(key, body))


def _id(*parts: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\x1f".join(map(str, parts))))


def _digest(key: str, body: bytes) -> str:
    """Return the body's BLAKE2, keyed so that who has the log alone cannot try out bodies (RFC 7693)."""
    secret = hashlib.blake2b(key.encode()).digest()
    return hashlib.blake2b(body, key=secret, digest_size=_DIGEST_BYTES).hexdigest()
