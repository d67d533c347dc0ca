"""What plain ASGI routes read of a request."""

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope


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
