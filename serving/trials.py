"""Trials: a version beside the live one is begun, looked at and ended, by the deployment or by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from pipeline import model_registry
from pipeline.contract import TrialPlan
from pipeline.release_log import Release, read_release
from pipeline.settings import Settings
from serving.errors import ReleaseError
from serving.reconcile import place_release
from serving.trial import Trial, claim_trial, read_trial, write_trial
from serving.trial_service import counts_of
from serving.trial_verdict import Seen, judge

RUNNING, ENDED = "running", "ended"  # tags of the version; ended: it was taken away before its verdict
_ABANDONED = timedelta(minutes=10)  # after its time is over, a trial that nobody ended is anybody's to end


class TrialGoingOnError(ReleaseError):
    """Another version is on trial."""


def begin(settings: Settings, tried: Release, run: str, plan: TrialPlan) -> Trial:
    """Place a version beside the live one and begin its trial, in one step.

    Args:
        settings: where things are.
        tried: which version, and what identifies it.
        run: names who begins it, and may look at it and end it.
        plan: how it is tried, and for how long.

    Raises:
        TrialGoingOnError: when another one is.
        ReleaseError: when nothing is live, it is live itself, or the service's folder is not reached from here.
        PipelineError: when its bundle cannot be had.
    """
    releases, live = releases_of(settings, tried.model), read_release(settings, tried.model)
    if live is None or live.version == tried.version:
        beside = "it is what is live" if live else "nothing is live that it could stand beside"
        raise ReleaseError(f"{tried.model} version {tried.version} cannot be tried: {beside}")
    trial = Trial(
        folder=place_release(settings, tried).name,
        mode=plan.mode,
        share=plan.share,
        began=datetime.now(UTC),
        minutes=plan.minutes,
        run=run,
        version=tried.version,
        live=live.version,
    )
    standing(settings, tried.model)  # one that was abandoned gives way
    if not claim_trial(releases, trial):
        raise TrialGoingOnError(
            f"{tried.model}: another trial is going on; `mlops release trial status` shows it, and `end` ends it"
        )
    return trial


def look(settings: Settings, model: str, trial: Trial, plan: TrialPlan) -> Seen:
    """Return what has come of a trial so far, by the service's own counts."""
    told = counts_of(settings, model, trial)
    if isinstance(told, str):
        return Seen(outcome="failed", reason=told)
    return judge(told, plan, datetime.now(UTC) >= until(trial))


def end(settings: Settings, model: str, run: str) -> Trial | None:
    """Take a run's own trial away and return it, if it is there. A version without a verdict is tagged so."""
    trial = _read(Path(settings.place("releases_dir", model))) if settings.releases_dir else None
    if trial is None or trial.run != run:
        return None
    take_away(settings, model)
    if trial.version is not None:
        tags = model_registry.read_version(settings, model, trial.version).tags
        if (tags.get("trial"), tags.get("trial_run")) == (RUNNING, run):
            told = {"trial": ENDED, "trial_reason": "it was taken away before its verdict"}
            model_registry.tag_version(settings, model, trial.version, told)
    return trial


def take_away(settings: Settings, model: str) -> None:
    """End whatever trial is going on; a run that looks at it finds that it was ended by hand."""
    write_trial(Path(settings.place("releases_dir", model)), None)


def standing(settings: Settings, model: str) -> Trial | None:
    """Return the trial that is going on; one that was abandoned, or that nobody can read, is taken away."""
    trial = _read(releases_of(settings, model))
    if trial and (trial.began is None or datetime.now(UTC) < until(trial) + _ABANDONED):
        return trial
    take_away(settings, model)
    return None


def until(trial: Trial) -> datetime:
    """Return when a trial's time is over; never, where its file does not say when it began."""
    if trial.began is None:
        return datetime.max.replace(tzinfo=UTC)
    return trial.began + timedelta(minutes=trial.minutes or 0)


def releases_of(settings: Settings, model: str) -> Path:
    """Return the folder that the service reads. Raises ReleaseError when it is not reached from here."""
    if not settings.releases_dir or settings.image_repository:
        raise ReleaseError(
            f"{model}: a trial needs the service's own folder (MLOPS_RELEASES_DIR, and no MLOPS_IMAGE_REPOSITORY); "
            "elsewhere take `release.trial` out of the contract, or leave the trial out on the form: see "
            "docs/delivery.md, Trials in a cluster"
        )
    return Path(settings.place("releases_dir", model))


def _read(releases: Path) -> Trial | None:
    try:
        return read_trial(releases)
    except ValidationError:
        return None
