"""What routes read of a request, plain ASGI ones included."""

import os
import time
from collections.abc import Iterable

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

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


async def send_json(send: Send, text: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Send a successful answer."""
    own = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(text)))
    await send({"type": "http.response.start", "status": 200, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": text})


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
    """Return an id that nobody can guess: a UUID of version 7 (RFC 9562), of which 74 bits are random.

    It begins with the time, so the log's index grows at its end; of random ids, each would touch another of its pages.
    """
    moment, chance = f"{time.time_ns() // 1_000_000:012x}", os.urandom(10).hex()
    variant = "89ab"[int(chance[3], 16) & 3]
    return f"{moment[:8]}-{moment[8:]}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:19]}"
