"""The trial of an approved version beside the live one, between approval and release."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, PokeReturnValue, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring import door, log, run_key, stage
from pipeline.contract import Contract, TrialPlan

FORM = {
    "trial": Param(
        True, type="boolean", title="Try it first", description="Off: an approved version is released without its trial"
    )
}
_LOOKS, _SECONDS = 20, (1, 30)  # that many looks in the trial's time, at least and at most so far apart
_IN_LINE = timedelta(hours=4)  # that a trial may wait for another one to end


def lasts(plan: TrialPlan) -> timedelta:
    """Return how long the task may take, with its waiting for another trial."""
    return timedelta(minutes=plan.minutes) + _IN_LINE


def try_out(contract: Contract, plan: TrialPlan, approved: Any) -> Any:
    """Return the task that tries the approved version; what it began is taken away however the task ends."""
    least, most = _SECONDS
    every = min(most, max(least, plan.minutes * 60 / _LOOKS))

    @task.sensor(mode="reschedule", poke_interval=every, timeout=lasts(plan).total_seconds())
    def trial(approved: dict[str, Any], *, params: Any = None, run_id: Any = None) -> Any:
        from pipeline.release_log import Release
        from pipeline.settings import load_settings
        from serving import trial_run

        if not params["trial"]:
            raise AirflowSkipException("whoever started this run left the trial out")
        with door():
            seen = trial_run.watch(contract, load_settings(), Release(**approved), run_key(run_id))
        log.info("%s: %s; %s", seen.outcome, seen.reason, seen.counts)
        return PokeReturnValue(seen.outcome == "passed", seen.model_dump())

    @stage
    def end_trial(*, run_id: Any = None) -> None:
        from pipeline.settings import load_settings
        from serving import trials

        trials.end(load_settings(), contract.name, run_key(run_id))

    tried = trial(approved)
    tried >> end_trial().as_teardown()
    return tried
