"""The verdict on a trial: go on, passed, or ended with the value and the limit that it is about."""

from typing import Any, Literal

from pydantic import JsonValue
from scipy.stats import binomtest

from pipeline.contract import TrialPlan
from pipeline.contract.base import Section

_CHANCE = 0.001  # of ending a good trial early at one look, for a share
_SHARES = {"failed_share": "failed", "refused_share": "refused"}
_DIFFERENCES = ("mean_absolute_difference", "mean_difference")


class Seen(Section):
    """What a trial has come to, why, and the service's counts of it."""

    outcome: Literal["waiting", "running", "passed", "failed"]  # waiting: another trial is going on
    reason: str
    counts: dict[str, JsonValue] = {}


def judge(told: dict[str, Any], plan: TrialPlan, over: bool) -> Seen:
    """Return the verdict on what the service tells of a trial.

    Before its time is over, a share must be above its limit beyond chance (one-sided binomial test), and differences
    are looked at from the minimum of requests on; at the end every limit counts as it stands.

    Args:
        told: the counts, and the relative differences from the live version's numbers.
        plan: limits and the minimum of requests.
        over: whether its time is over.
    """
    asked = told["answered"] + told["refused"] + told["failed"]
    found = _share_exceeded(told, plan, asked, over) or _difference_exceeded(told, plan, over)
    if found:
        return Seen(outcome="failed", reason=found, counts=told)
    if not over:
        return Seen(outcome="running", reason=f"asked for {asked} records so far, within all limits", counts=told)
    if asked >= plan.minimum_requests:
        return Seen(outcome="passed", reason=f"asked for {asked} records, within all limits", counts=told)
    return _quiet(told, plan, asked)


def _quiet(told: dict[str, Any], plan: TrialPlan, asked: int) -> Seen:
    few = f"asked for {asked} records only, fewer than the {plan.minimum_requests} of release.trial.minimum_requests"
    if told["failed"]:
        return Seen(outcome="failed", reason=f"{few}, and {told['failed']} of them failed", counts=told)
    if plan.when_quiet == "refuse":
        return Seen(outcome="failed", reason=f"{few}, and when_quiet says refuse", counts=told)
    return Seen(outcome="passed", reason=f"{few}, none of which failed: little is known of it", counts=told)


def _share_exceeded(told: dict[str, Any], plan: TrialPlan, asked: int, over: bool) -> str | None:
    for name, counted in _SHARES.items():
        count, limit = told[counted], getattr(plan.limits, name)
        if not asked or count / asked <= limit:
            continue
        if over or binomtest(count, asked, limit, alternative="greater").pvalue < _CHANCE:
            return f"{name} is {count / asked:.3g} ({count} of {asked} records), above its limit {limit:g}"
    return None


def _difference_exceeded(told: dict[str, Any], plan: TrialPlan, over: bool) -> str | None:
    compared = told["compared"]
    if not compared or not (over or compared >= plan.minimum_requests):
        return None
    for name in _DIFFERENCES:
        value, limit = told[name], getattr(plan.limits, name)
        if limit is not None and abs(value) > limit:
            return f"{name} is {value:.3g} over {compared} records, beyond its limit {limit:g}"
    return None
