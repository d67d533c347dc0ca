"""What the routes of one application share."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from pipeline.prediction_log import Outbox
from serving.service.metrics import Metrics
from serving.service.problems import Problem
from serving.service.records import RecordRefused
from serving.service.served import Served
from serving.service.watcher import Live, Watcher


@dataclass(frozen=True)
class State:
    """One service: the model that it serves, its prediction log, its counters."""

    model: str
    watcher: Watcher
    outbox: Outbox
    metrics: Metrics

    @property
    def served(self) -> Served:
        """What is served at this moment. Raises Problem when nothing is."""
        live = self.watcher.live
        if live.served is None:
            detail = f"No model of {self.model} is released yet"
            raise Problem(503, "No model", detail, kind="no-model", more=told(live))
        return live.served

    def count(self, *refused: RecordRefused) -> None:
        """Count what was refused; monitoring reads it."""
        counts = Counter[tuple[str, str]](counted for one in refused for counted in one.counted)
        if counts:
            self.outbox.refuse(counts)
        for (field, reason), count in counts.items():
            self.metrics.refusals.labels(field, reason).inc(count)


def told(live: Live) -> dict[str, Any]:
    """Return what answers carry beside their own content when a release was refused."""
    refused = live.refused
    return {"refused": {"version": refused.version, "reason": refused.reason}} if refused else {}


def state_of(request: Request) -> State:
    """Return the state of the request's application."""
    state: State = request.app.state.service
    return state
