"""What the running service says of a trial."""

import time
from typing import Any

from pipeline.release_log import read_release
from pipeline.settings import Settings
from serving.errors import ServiceError
from serving.smoke import client
from serving.trial import Trial

_EVERY = 0.1  # seconds between two looks
_PATIENCE = 3  # looks for a trial that the service takes before what it says of the last one counts


def counts_of(settings: Settings, model: str, trial: Trial) -> dict[str, Any] | str:
    """Return the counts of a trial, or why there are none: it is refused, not taken up, or what is live has changed.

    A service that is being restarted is waited for; its counts begin anew then.
    """
    started, told = time.monotonic(), dict[str, Any]()
    while (waited := time.monotonic() - started) < settings.ready_seconds:
        told = _ask(settings, model)
        on_trial = told.get("trial") or {}
        if told.get("version") != trial.live and (changed := _changed(settings, model, trial)):
            return changed
        if told.get("version") == trial.live and on_trial.get("began") == _began(trial):
            return dict(on_trial)
        refused = told.get("trial_refused")
        if refused and waited > 1 + _PATIENCE * settings.swap_seconds:
            return f"the service refuses it: {refused}"
        time.sleep(_EVERY)
    return f"the service did not take it up within {settings.ready_seconds:g} s; it says {told}"


def _began(trial: Trial) -> str | None:
    return trial.began.isoformat() if trial.began else None


def _ask(settings: Settings, model: str) -> dict[str, Any]:
    try:
        with client(settings, model) as service:
            return service.model() or {}
    except ServiceError as error:
        return {"error": str(error)}


def _changed(settings: Settings, model: str, trial: Trial) -> str | None:
    live = read_release(settings, model)
    if live is not None and live.version == trial.live:
        return None
    now = f"version {live.version}" if live else "nothing"
    return f"it was tried beside version {trial.live}, but {now} is live by now: start the deployment anew"
