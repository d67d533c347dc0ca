"""What the routes of one application share."""

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.types import Scope

from pipeline.prediction_log import Outbox
from serving.service.elsewhere import Elsewhere
from serving.service.metrics import Metrics
from serving.service.problems import Problem
from serving.service.records import RecordRefused
from serving.service.served import Served
from serving.service.shadow import Shadow
from serving.service.trials import Tally
from serving.service.watcher import Live, Watcher
from serving.service.wire import header, new_id

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class State:
    """One service: the model that it serves, its prediction log, its counters."""

    model: str
    watcher: Watcher
    outbox: Outbox
    metrics: Metrics
    shadow: Shadow
    elsewhere: Elsewhere

    @property
    def served(self) -> Served:
        """What is served at this moment. Raises Problem when nothing is."""
        live = self.watcher.live
        if live.served is None:
            detail = f"No model of {self.model} is released yet"
            raise Problem(503, "No model", detail, kind="no-model", more=told(live))
        return live.served

    def check(self) -> Served:
        """Return what is served, once it has answered its smoke rows and the log has taken a write. Blocks until then.

        Raises:
            Problem: when nothing is served, or it does not answer as it was trained to.
            PredictionLogError: when the log cannot be written.
        """
        served = self.served
        try:
            served.bundle.check_smoke()
        except Exception as error:
            _log.exception("%s: version %d does not answer its smoke rows", self.model, served.release.version)
            detail = f"Version {served.release.version} does not answer its own smoke rows as it was trained to"
            raise Problem(503, "The model does not answer", detail, kind="no-answer") from error
        self.outbox.check()
        return served

    def served_to(self, scope: Scope) -> Served:
        """Return what answers a request: the live version, or the one on trial where a canary takes the request.

        Sticky by the header `X-Routing-Key`, or else by the Idempotency-Key, so that a repeated request meets the same
        version; without either, by chance.
        """
        on_trial = self.watcher.live.on_trial
        if on_trial is None or on_trial.shadow:
            return self.served
        key = header(scope, b"x-routing-key") or header(scope, b"idempotency-key") or new_id()
        return on_trial.served if on_trial.takes(key) else self.served

    def tally_of(self, served: Served) -> Tally:
        """Return where a canary's answers are counted; those of the live version are counted nowhere."""
        on_trial = self.watcher.live.on_trial
        return on_trial.tally if on_trial and on_trial.served is served else Tally()

    def version(self, number: int | str) -> Served:
        """Return the version with a number, if it is on trial; else the live one."""
        on_trial = self.watcher.live.on_trial
        return on_trial.served if on_trial and str(on_trial.served.release.version) == str(number) else self.served

    def count(self, *refused: RecordRefused) -> None:
        """Count what was refused; monitoring reads it."""
        counts = Counter[tuple[str, str]](counted for one in refused for counted in one.counted)
        if counts:
            self.outbox.refuse(counts)
        for (field, reason), count in counts.items():
            self.metrics.refusals.labels(field, reason).inc(count)


def told(live: Live) -> dict[str, Any]:
    """Return what answers carry beside their own content: what is tried, and what was refused."""
    refused, on_trial = live.refused, live.on_trial
    said: dict[str, Any] = {"refused": {"version": refused.version, "reason": refused.reason}} if refused else {}
    if on_trial:
        said["trial"] = on_trial.describe()
    return said | ({"trial_refused": live.trial_refused} if live.trial_refused else {})


def state_of(request: Request) -> State:
    """Return the state of the request's application."""
    state: State = request.app.state.service
    return state
