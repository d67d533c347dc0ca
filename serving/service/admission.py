"""Which requests are let in: by key, by number, by what their bodies are. Refused before anything is read."""

import re
from collections.abc import Mapping

from starlette.types import Message, Receive, Scope

from pipeline.prediction_log import SMOKE_CALLER
from pipeline.settings import PIPELINE_KEY, Settings
from serving.service.keys import Keys
from serving.service.problems import Problem
from serving.service.security import STATIC_PATHS

# Probes and metrics are open, as operators expect them; the pages and the documentation hold no prediction.
_PROBES = frozenset(("/health/live", "/health/ready", "/metrics", "/v2/health/live", "/v2/health/ready"))
OPEN = _PROBES | {"/", "/docs", "/docs/oauth2-redirect", "/openapi.json"}
_MODEL_READY = re.compile(r"/v2/models/[^/]+(/versions/[^/]+)?/ready")  # a probe as well
_ONE_RECORD = "/predict"
_CSV_TOO = "/actuals"
_BODILESS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_JSON = re.compile(rb"application/(?:[\w.+-]+\+)?json(?:\s*;\s*charset\s*=\s*\"?utf-8\"?)?\s*;?", re.IGNORECASE)
_CSV = re.compile(rb"text/csv(?:\s*;\s*[\w-]+\s*=\s*\"?[\w-]+\"?)*", re.IGNORECASE)
_USUAL = frozenset((b"application/json", b"", b"application/json; charset=utf-8"))  # spares the expression
_SMOKE, _OWN = SMOKE_CALLER.encode(), PIPELINE_KEY.encode()
_SECRETS = frozenset((b"x-api-key", b"authorization", b"x-caller"))


def is_open(path: str) -> bool:
    """Whether a path needs no key."""
    return path in OPEN or path.startswith(STATIC_PATHS) or _MODEL_READY.fullmatch(path) is not None


class Admission:
    """Checks what a request's head says. Belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._keys = Keys(settings.api_keys)
        self._at_once = settings.requests_at_once
        self._body_bytes, self._batch_bytes = settings.body_bytes, settings.batch_bytes

    def admit(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, under_way: int) -> Receive:
        """Let a request in, and return what its body is read by.

        Where keys are asked for, the routes see the key's name as `X-Caller`, and the key itself no more.

        Raises:
            Problem: 401, 413, 415 or 503.
        """
        path: str = scope["path"]
        if under_way > self._at_once and path not in _PROBES:
            raise _busy(self._at_once)
        if self._keys and not is_open(path):
            caller = self._keys.name_of(headers)
            if caller == _OWN and headers.get(b"x-caller") == _SMOKE:
                caller = _SMOKE  # rows that compare answers after a release are no live traffic
            kept = [pair for pair in scope["headers"] if pair[0] not in _SECRETS]
            scope["headers"] = [*kept, (b"x-caller", caller)]
        if scope["method"] in _BODILESS:
            return receive
        return self._check_body(path, headers, receive)

    def _check_body(self, path: str, headers: Mapping[bytes, bytes], receive: Receive) -> Receive:
        media = headers.get(b"content-type", b"")
        if media not in _USUAL and not _readable(path, media.strip()):
            raise _unreadable_type("application/json" + (" or text/csv" if path == _CSV_TOO else ""), media)
        if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise _unreadable_coding(headers[b"content-encoding"])
        most = self._body_bytes if path == _ONE_RECORD else self._batch_bytes
        length = headers.get(b"content-length")
        if length is None:  # in chunks: nobody knows how many are to come
            return _counted(receive, most)
        if int(length) > most:  # the server has checked that it is a number, and holds the body to it
            raise _too_long(most)
        return receive


def _readable(path: str, media: bytes) -> bool:
    return bool(_JSON.fullmatch(media)) or (path == _CSV_TOO and bool(_CSV.fullmatch(media)))


def _counted(receive: Receive, most: int) -> Receive:
    size = 0

    async def receive_counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise _too_long(most)
        return message

    return receive_counted


def _too_long(most: int) -> Problem:
    return Problem(413, "The request is too long", f"At most {most} bytes are read; send fewer rows", kind="too-long")


def _busy(at_once: int) -> Problem:
    detail = f"{at_once} requests are being answered, and no more are taken at once; try again in a second"
    return Problem(503, "The service is busy", detail, kind="busy", headers={"Retry-After": "1"})


def _unreadable_type(accepted: str, media: bytes) -> Problem:
    detail = f"Content-Type is {media.decode('latin-1')[:100]!r}; allowed: {accepted}, in UTF-8"
    return Problem(415, "The request is of another kind", detail, kind="unreadable-type")


def _unreadable_coding(coding: bytes) -> Problem:
    detail = f"Content-Encoding is {coding.decode('latin-1')[:100]!r}; allowed: none, send the body as it is"
    more = {"Accept-Encoding": "identity"}
    return Problem(415, "The request is of another kind", detail, kind="unreadable-type", headers=more)
