"""Around every request, in one place since each layer costs: admission, its id, headers, counters, the log."""

import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.settings import Settings
from serving.service.admission import Admission
from serving.service.metrics import Metrics
from serving.service.problems import Problem, spoken, unexpected
from serving.service.request_log import RequestLog
from serving.service.security import headers_of
from serving.service.wire import send_json

HEADER = b"x-request-id"
CLIENT_GONE = 499  # nginx's number for a client that did not wait for its answer; only counted, never sent
Short = Callable[[Scope, Receive], Awaitable[bytes]]  # gives the JSON of a successful answer, or raises Problem
_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Observed:
    """Wraps the application. Plain ASGI, since a body need not be touched for this. Belongs to one event loop.

    A POST to a path of `short` is answered by its function: the framework's own layers take longer than a prediction.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, settings: Settings, short: Mapping[str, Short]) -> None:
        self._app, self._metrics, self._short = app, metrics, short
        self._admission, self._log = Admission(settings), RequestLog(settings)
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(HEADER))
        always = ((HEADER, request_id), *headers_of(scope["path"]))
        if scope["method"] == "HEAD":  # every GET answers it; the server leaves the body out
            scope = {**scope, "method": "GET"}

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # A new list: a route may send the same one every time.
                message = {**message, "headers": [*message.get("headers", ()), *always]}
            await send(message)

        short = self._short.get(scope["path"]) if scope["method"] == "POST" else None
        self._under_way += 1
        try:
            admitted = self._admission.admit(scope, headers, receive, self._under_way)
            if short is None:
                await self._app(scope, admitted, send_marked)
            else:
                text = await short(scope, admitted)
                status = 200
                await send_json(send, text, always)
        except Exception as error:  # noqa: BLE001 (the client is told nothing of it, the log everything)
            problem = self._problem_of(error, request_id)
            if problem and not status:  # else half an answer is out, and the connection breaks off
                await spoken(problem, scope["path"])(scope, receive, send_marked)
        finally:
            self._under_way -= 1
        route = scope["path"] if short else _route(scope)
        self._tell(scope, request_id, route, status or CLIENT_GONE, time.perf_counter() - started)

    def _problem_of(self, error: Exception, request_id: bytes) -> Problem | None:
        """Return what is answered, None when nobody waits for it any more."""
        if isinstance(error, ClientDisconnect):
            return None
        if isinstance(error, Problem):
            return error
        self._log.failed(request_id.decode(), error)
        return unexpected()

    def _tell(self, scope: Scope, request_id: bytes, route: str, status: int, seconds: float) -> None:
        self._metrics.observe(route, status, seconds)
        if self._log.wants(status, seconds):
            self._log.answered(scope, request_id.decode(), route, status, seconds)


def _request_id(given: bytes | None) -> bytes:
    return given if given and _ID.fullmatch(given) else os.urandom(16).hex().encode()


def _route(scope: Scope) -> str:
    """Return the route's own path: what callers write there must not make up series."""
    return getattr(scope.get("route"), "path", None) or "(other)"
