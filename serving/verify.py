"""Verify: the released version runs and answers as it was trained to, or is taken back by another commit."""

from pipeline.errors import NothingToDo, PipelineError
from pipeline.release_history import release_history
from pipeline.release_log import TAKEN_BACK, Release, read_release, take_back
from pipeline.settings import Settings
from serving.errors import ReleaseError, ServiceError
from serving.reconcile import Reconciled, reconcile


def verify(settings: Settings, released: Release) -> Reconciled:
    """Reconcile a release; one that the service does not take up, or that fails its smoke test, is taken back.

    Repeated, it ends as it did: a release that was taken back fails again, with the reason that Git keeps.

    Raises:
        ReleaseError: saying why the release failed and what is live instead.
        NothingToDo: when another release has come since.
        PipelineError: that is transient, when something beside the service is away: nothing is taken back then.
    """
    live = read_release(settings, released.model)
    if live is None or live.identity != released.identity:
        raise _why_not(settings, released)
    try:
        return reconcile(settings, released.model)
    except (ReleaseError, ServiceError) as error:
        take_back(settings, released, str(error))
        raise _why_not(settings, released) from error


def _why_not(settings: Settings, released: Release) -> PipelineError:
    """Make the service follow what Git says instead of a release, and return why that does not run."""
    now = _follow(settings, released.model)
    period = next(iter(release_history(settings, released.model)), None)
    if period is None:
        return ReleaseError(f"{released.model} version {released.version} was never released")
    live = f"version {period.release.version} is live" if period.release else "nothing is live"
    if period.approved_by != TAKEN_BACK:
        return NothingToDo(
            f"{released.model} version {released.version} is not what Git says any more: since "
            f"{period.since:%Y-%m-%d %H:%M:%S %Z} {live}, by {period.approved_by}: {period.reason}"
        )
    return ReleaseError(f"{released.model}: {period.reason}; {live} by commit {period.commit[:12]}{now}")


def _follow(settings: Settings, model: str) -> str:
    """Reconcile, and return what went wrong with that as the end of a sentence."""
    try:
        reconcile(settings, model)
    except NothingToDo:
        return ""
    except PipelineError as error:
        return f". The service did not follow back: {error}"
    return ""
