"""HTTP below the application: what uvicorn's protocol leaves open to a client that is slow, endless or talks nonsense.

uvicorn with httptools bounds neither the head of a request nor the time in which it comes, and answers what is no HTTP
in plain text. It costs one more call per packet, and one timer per connection, not per request.
"""

import asyncio
import http
import logging
import os
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.service.problems import Problem
from serving.service.security import API

LONGEST_HEAD = 65_536  # bytes, as uvicorn's other protocol has it
_TICKS = 4  # looks within the time that a client has

_log = logging.getLogger(__name__)


def guarded(seconds: float) -> type[asyncio.Protocol]:
    """Return the protocol that gives a client so many seconds (and at most a quarter more) to send or to take."""
    return type("Guarded", (Guarded,), {"seconds": seconds})


class Guarded(HttpToolsProtocol):
    """One connection."""

    seconds: float = 20

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head = 0  # bytes since the last head that was whole
        self._owed: object = None  # what the client owed at the last look
        self._looks = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look after the client."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.seconds / _TICKS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came, as long as a head is no longer than it may be."""
        super().data_received(data)
        if self.scope is None or "path" in self.scope:  # else its head is not whole
            self._head = 0
            return
        self._head += len(data)
        if self._head > LONGEST_HEAD and not self.transport.is_closing():
            _log.warning("a request was cut: its head is too long")
            self._end(431, f"The request's line and headers are longer than {LONGEST_HEAD} bytes")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._end(400, f"{msg} The connection is closed")

    def _look(self) -> None:
        owed = self._what_is_owed()
        self._looks = self._looks + 1 if owed is not None and owed is self._owed else 0
        self._owed = owed
        if self._looks >= _TICKS and not self.transport.is_closing():
            self._cut()
            return
        self._timer = self.loop.call_later(self.seconds / _TICKS, self._look)

    def _what_is_owed(self) -> object:
        """Return the request that the client has still to send, or whose answer it has to take; None when it is us."""
        if self.timeout_keep_alive_task is not None:  # it may send one, and uvicorn looks after that
            return None
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and not self.cycle.more_body and not self.flow.write_paused:
            return None
        return self.scope or self

    def _cut(self) -> None:
        _log.info("a client was cut: it is too slow")
        if self.scope is None or self.flow.write_paused:
            self.transport.abort()  # nothing was asked, or no answer is taken
        else:
            self._end(408, f"The request did not come within {self.seconds:g} s")

    def _end(self, status: int, detail: str) -> None:
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_answer(status, detail))
        self.transport.close()


def _answer(status: int, detail: str) -> bytes:
    title = http.HTTPStatus(status).phrase
    response = Problem(status, title, detail, kind="about:blank").response()
    headers = [*response.raw_headers, *API, (b"x-request-id", os.urandom(16).hex().encode()), (b"connection", b"close")]
    head = [b"HTTP/1.1 %d %s" % (status, title.encode()), *(b": ".join(pair) for pair in headers), b"", b""]
    return b"\r\n".join(head) + bytes(response.body)
