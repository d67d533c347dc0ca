"""What routes read of a request, plain ASGI ones included."""

import os
import uuid

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

ANONYMOUS = "anonymous"
LONGEST_CALLER = 64


async def read_stream(receive: Receive) -> bytes:
    """Return a request's body, whose length `Admission` has checked. Raises ClientDisconnect without a client."""
    message = await receive()
    if not message.get("more_body", False) and message["type"] == "http.request":  # nearly always
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body", False):
        message = await receive()
        parts.append(message.get("body", b""))
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return b"".join(parts)


def header(scope: Scope, name: bytes) -> str | None:
    """Return a header by its name in small letters, or None."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def named_caller(scope: Scope) -> str | None:
    """Return who asks, as the request tells, or None."""
    return (header(scope, b"x-caller") or "").strip()[:LONGEST_CALLER] or None


def caller_of(scope: Scope) -> str:
    """Return who asks, as it is logged with a prediction."""
    return named_caller(scope) or ANONYMOUS


def new_id() -> str:
    """Return an id that nobody can guess (a UUID of version 4, RFC 9562)."""
    return str(uuid.UUID(bytes=os.urandom(16), version=4))
