"""What can go wrong with a request, told as RFC 9457 (application/problem+json) tells it."""

import json
import math
from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipeline.refusal import Refusal
from serving.errors import ServingError

MEDIA_TYPE = "application/problem+json"
LONGEST_VALUE = 200
LONGEST_TEXT = 2000
MOST_ERRORS = 100  # a request can hold so many fields that the answer would be many times as long
_LARGEST_NUMBER = 512  # bits


class Problem(ServingError):
    """A request that cannot be answered: its status, and what to tell the client."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        kind: str,
        refusals: Sequence[Refusal] = (),
        more: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.kind = kind
        self.refusals = tuple(refusals)
        self.more = more or {}
        self.headers = headers

    def response(self) -> Response:
        """Return what is sent."""
        content: dict[str, Any] = {
            "type": self.kind if ":" in self.kind else f"urn:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": _cut(str(self), LONGEST_TEXT),
            **self.more,
        }
        if self.refusals:
            content["errors"] = [_error(refusal) for refusal in self.refusals[:MOST_ERRORS]]
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        return Response(text, self.status, self.headers, media_type=MEDIA_TYPE)


def spoken(problem: Problem, path: str) -> Response:
    """Return what is sent of a problem under a path: where the Open Inference Protocol is spoken, in its form."""
    return protocol_error(problem) if path == "/v2" or path.startswith("/v2/") else problem.response()


def protocol_error(problem: Problem) -> Response:
    """Return what is sent where the Open Inference Protocol is spoken, which has a form of its own."""
    status = 400 if problem.status == 422 else problem.status
    return JSONResponse({"error": in_words(problem)}, status, headers=problem.headers)


def in_words(problem: Problem) -> str:
    """Return all of a problem as one text, for where no list of errors stands beside it."""
    messages = [refusal.message for refusal in problem.refusals[:MOST_ERRORS]]
    return _cut("; ".join(messages) or str(problem), LONGEST_TEXT)


def unexpected() -> Problem:
    """Return what a client is told of a failure that nobody foresaw: nothing but that; the log has the rest."""
    return Problem(
        500,
        "The service failed",
        "An unexpected error happened. The service's log has it under the request's id (X-Request-ID)",
        kind="unexpected",
    )


async def answer_problem(_: Request, error: Exception) -> Response:
    """Answer a problem."""
    assert isinstance(error, Problem)  # noqa: S101 (it is registered for these)
    return error.response()


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses, such as an unknown path."""
    assert isinstance(error, HTTPException)  # noqa: S101 (it is registered for these)
    detail = f"{error.detail}; see /docs for what there is"
    headers = dict(error.headers or {})
    return spoken(
        Problem(error.status_code, error.detail, detail, kind="about:blank", headers=headers), request.url.path
    )


async def answer_log_failure(_: Request, error: Exception) -> Response:
    """Answer a request that could not be made durable: without that, no prediction is given."""
    return log_failure(error).response()


def log_failure(error: Exception) -> Problem:
    """Return what is told where a prediction could not be made durable: without that, none is given."""
    return Problem(503, "The prediction log is not available", str(error), kind="log-not-available")


def _error(refusal: Refusal) -> dict[str, Any]:
    return {
        "field": _cut(refusal.field, LONGEST_VALUE),
        "reason": refusal.reason,
        "value": _shown(refusal.value),
        "allowed": refusal.allowed,
        "message": _cut(refusal.message, LONGEST_TEXT),
    }


def _shown(value: Any) -> Any:
    """Return the value as JSON can hold it, cut where it is long."""
    if value is None or isinstance(value, bool) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, int):  # Python writes no number of more than 4,300 digits
        return value if value.bit_length() <= _LARGEST_NUMBER else f"a whole number of {value.bit_length()} bits"
    text = value if isinstance(value, str) else _text(value)
    return _cut(text, LONGEST_VALUE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _text(value: Any) -> str:
    try:
        return repr(value)
    except (ValueError, RecursionError):  # it holds such a number, or is nested too deep
        return f"a {type(value).__name__} that is too large to show"
