"""Follow: the process beside a service that makes it serve what Git says, where no task shares a disk with it.

It does for one service what Flux does for a cluster. `mlops release reconcile` then only waits, tests and moves the
alias: see `MLOPS_RELEASES_DIR`.
"""

import logging
import threading
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.git_tree import references
from pipeline.release_log import CURRENT, read_release
from pipeline.settings import Settings
from serving.errors import ReleaseError
from serving.reconcile import place_release, switch

_log = logging.getLogger(__name__)


def follow(settings: Settings, model: str, seconds: float, stopped: threading.Event) -> None:
    """Look at Git again and again, until told to stop. What fails is said once, and tried again at the next look.

    Args:
        settings: where Git and MLflow are, and the folder that the service reads.
        model: the contract's name.
        seconds: between two looks.
        stopped: ends it.

    Raises:
        ReleaseError: when the settings name no folder.
    """
    if not settings.releases_dir:
        raise ReleaseError(f"{model}: MLOPS_RELEASES_DIR is empty; it must be the folder that the service reads")
    seen, said = None, ""
    while True:
        try:
            seen, said = look(settings, model, seen), ""
        except PipelineError as error:
            if str(error) != said:
                _log.error("%s: what is served stays: %s", model, error)
            said = str(error)
        if stopped.wait(seconds):
            return


def look(settings: Settings, model: str, seen: str | None) -> str | None:
    """Make the service's folder what the newest commit says, unless that was seen; return the commit.

    Raises:
        PipelineError: when Git or MLflow is away, or the bundle is not the released one: the folder is as it was then.
    """
    head, _ = references(settings.place("gitops_uri"), settings.gitops_branch)
    if head is None or head == seen:
        return seen
    wanted = read_release(settings, model)
    current = Path(settings.place("releases_dir", model)) / CURRENT
    if wanted is None:
        current.unlink(missing_ok=True)
        _log.info("%s: commit %s names no release", model, head[:12])
    else:
        switch(place_release(settings, wanted))
        _log.info("%s: commit %s, version %d", model, head[:12], wanted.version)
    return head
