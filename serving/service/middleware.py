"""Around every request: its id, its counters, and no stack trace ever."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.service.metrics import Metrics
from serving.service.problems import unexpected

HEADER = "X-Request-ID"
_ID = re.compile(r"[\x21-\x7e]{1,128}")

_log = logging.getLogger(__name__)


class Observed:
    """Wraps the application. Plain ASGI, since a body need not be touched for this."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        request_id = _request_id(scope)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:  # noqa: BLE001 (the client is told nothing of it, the log everything)
            _log.exception("request %s failed", request_id)
            if not status:  # else half an answer is out, and the connection breaks off
                await unexpected().response()(scope, receive, send_with_id)
        self._metrics.observe(_route(scope), status, time.perf_counter() - started)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """Return the route's own path: what callers write there must not make up series."""
    return getattr(scope.get("route"), "path", None) or "(other)"
