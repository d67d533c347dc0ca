"""What the routes of one application share."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from pipeline.prediction_log import Outbox
from serving.service.metrics import Metrics
from serving.service.problems import Problem
from serving.service.served import Served
from serving.service.turns import Turns
from serving.service.watcher import Live, Watcher

LARGEST_BODY = 1 << 20  # bytes


@dataclass(frozen=True)
class State:
    """One service: the model that it serves, its prediction log, its counters."""

    model: str
    watcher: Watcher
    outbox: Outbox
    turns: Turns
    metrics: Metrics

    @property
    def served(self) -> Served:
        """What is served at this moment. Raises Problem when nothing is."""
        live = self.watcher.live
        if live.served is None:
            detail = f"No model of {self.model} is released yet"
            raise Problem(503, "No model", detail, kind="no-model", more=told(live))
        return live.served


def told(live: Live) -> dict[str, Any]:
    """Return what answers carry beside their own content when a release was refused."""
    refused = live.refused
    return {"refused": {"version": refused.version, "reason": refused.reason}} if refused else {}


def state_of(request: Request) -> State:
    """Return the state of the request's application."""
    state: State = request.app.state.service
    return state


async def read_body(request: Request) -> bytes:
    """Return the request's body. Raises Problem when it is too long to be a request of this service."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            detail = f"At most {LARGEST_BODY} bytes are read; send fewer rows"
            raise Problem(413, "The request is too long", detail, kind="too-long")
        parts.append(part)
    return b"".join(parts)
