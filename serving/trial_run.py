"""The deployment's trial of an approved version: begun once, looked at again and again, settled once.

It is kept in the trial's file while it goes on, and with the model version (tags, and a document beside the approval's)
from its beginning to its verdict. So a run that is killed anywhere and repeated goes on where it was.
"""

from datetime import UTC, datetime
from typing import Any

from pipeline import model_registry
from pipeline.contract import Contract, TrialPlan
from pipeline.errors import NothingToDo
from pipeline.release_log import Release, read_release
from pipeline.settings import Settings
from serving.errors import ReleaseError
from serving.release import released_before
from serving.trial_verdict import Seen
from serving.trials import RUNNING, TrialGoingOnError, begin, end, look, standing, until

_TAG = 4000  # letters that a tag is cut to; the document keeps all of them


class TrialFailedError(ReleaseError):
    """A version that did not pass its trial; what is live stays."""


def watch(contract: Contract, settings: Settings, approved: Release, run: str) -> Seen:
    """Look at the trial of an approved version once, after beginning it where this run has not; settle it when due.

    Returns:
        Its outcome: `waiting` (another trial is going on) and `running` are to be looked at again.

    Raises:
        NothingToDo: when no trial is needed: the contract wants none, nothing is live yet, or it was live before.
        TrialFailedError: with what was seen, and the limit; repeated, with the same.
        ReleaseError: when the service's folder is not reached from here.
    """
    plan, tags = _plan(contract, settings, approved), _tags(settings, approved)
    known = tags.get("trial") if tags.get("trial_run") == run else None
    if known in ("passed", "failed"):
        end(settings, approved.model, run)
        return _answer(approved, Seen.model_validate({"outcome": known, "reason": tags["trial_reason"]}))
    trial = standing(settings, approved.model)
    if trial and trial.run != run:
        return Seen(outcome="waiting", reason=f"{trial.folder} is on trial until {until(trial)}, by {trial.run}")
    if trial is None and known == RUNNING:
        return _settle(settings, approved, run, Seen(outcome="failed", reason="it was ended by hand"))
    try:
        trial = trial or begin(settings, approved, run, plan)
    except TrialGoingOnError as error:
        return Seen(outcome="waiting", reason=str(error))
    if known != RUNNING:  # the run comes last: until then the tags are an earlier run's
        told = {"trial": RUNNING, "trial_reason": f"since {trial.began}, as {trial.mode}", "trial_run": run}
        model_registry.tag_version(settings, approved.model, approved.version, told)
    return _settle(settings, approved, run, look(settings, approved.model, trial, plan))


def _plan(contract: Contract, settings: Settings, approved: Release) -> TrialPlan:
    plan, name = contract.release.trial, f"{approved.model} version {approved.version}"
    if plan is None:
        raise NothingToDo(f"{name} is released without a trial: the contract asks for none")
    if read_release(settings, approved.model) is None:
        raise NothingToDo(f"{name} is released at once: nothing is live that it could be tried beside")
    if released_before(settings, approved) is not None:
        raise NothingToDo(f"{name} is released at once: it was live before")
    return plan


def _tags(settings: Settings, approved: Release) -> dict[str, str]:
    return dict(model_registry.read_version(settings, approved.model, approved.version).tags)


def _settle(settings: Settings, approved: Release, run: str, seen: Seen) -> Seen:
    """Keep a verdict with the version, then take the trial away; a trial that goes on is left alone."""
    if seen.outcome == "running":
        return seen
    document: dict[str, Any] = {"version": approved.version, "at": datetime.now(UTC).isoformat(), **seen.model_dump()}
    name = f"approvals/{run}/trial.json"
    model_registry.log_document(settings, approved.run_id, name, document)
    told = {"trial_reason": seen.reason[:_TAG], "trial_seen": name, "trial": seen.outcome}  # the verdict comes last
    model_registry.tag_version(settings, approved.model, approved.version, told)
    end(settings, approved.model, run)
    return _answer(approved, seen)


def _answer(approved: Release, seen: Seen) -> Seen:
    if seen.outcome == "failed":
        raise TrialFailedError(
            f"{approved.model} version {approved.version} did not pass its trial: {seen.reason}; "
            "what is live stays live. To try it again, start the deployment anew"
        )
    return seen
