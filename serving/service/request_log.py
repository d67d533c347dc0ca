"""What is written of requests: one line of JSON each, without any value of a record unless that is switched on."""

import json
import logging
import sqlite3
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from starlette.types import Scope

from pipeline.settings import Settings
from serving.service.wire import named_caller

SLOW_SECONDS = 1.0
_TOLD = "told"
_HARMLESS = (OSError, sqlite3.Error)  # their messages are about the machine; any other may repeat a value

_log = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """Writes each record of the log as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _TOLD, {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = traceback_of(record.exc_info[1], messages=True)
        return json.dumps(line, ensure_ascii=False, default=str)


def start_logging() -> None:
    """Write the process's whole log as lines of JSON, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class RequestLog:
    """Writes failed and slow requests, and all of them where that is switched on."""

    def __init__(self, settings: Settings) -> None:
        self._all = settings.log_requests == "all"
        self._features = settings.log_features

    def wants(self, status: int, seconds: float) -> bool:
        """Whether such an answer is written."""
        return self._all or status >= 500 or seconds > SLOW_SECONDS

    def answered(self, scope: Scope, request_id: str, route: str, status: int, seconds: float) -> None:
        """Write an answered request, with its record where that is switched on and a route has left it in the scope."""
        told = {"request_id": request_id, "method": scope["method"], "route": route, "status": status}
        told |= {"milliseconds": round(seconds * 1000, 3), "caller": named_caller(scope)}
        if self._features and "record" in scope:
            told["features"] = scope["record"]
        slow = seconds > SLOW_SECONDS
        level = logging.ERROR if status >= 500 else logging.WARNING if slow else logging.INFO
        _log.log(level, "slow request" if slow else "request", extra={_TOLD: told})

    def failed(self, request_id: str, error: Exception) -> None:
        """Write a failure that nobody foresaw, with where it happened."""
        told = {"request_id": request_id, "exception": traceback_of(error, messages=self._features)}
        _log.error("request %s failed", request_id, extra={_TOLD: told})


def traceback_of(error: BaseException, *, messages: bool) -> list[str]:
    """Return where an error comes from, line by line, its causes first.

    Args:
        error: any error.
        messages: whether to tell what an error says even where that may repeat a value of a record, as pydantic's do.
    """
    lines = []
    for one in reversed(list(_chain(error))):
        lines += [line.rstrip() for line in traceback.format_tb(one.__traceback__)]
        kind = f"{type(one).__module__}.{type(one).__qualname__}"
        lines.append(f"{kind}: {one}" if messages or isinstance(one, _HARMLESS) else kind)
    return lines


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    met: set[int] = set()
    while error is not None and id(error) not in met:
        met.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
