"""A trial that is killed at any of its steps, and repeated, ends as it would have, and leaves no trial behind.

All that opens MLflow happens in processes of their own: what forks must not share its database.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import serving.trial_run
import serving.trials
from pipeline import model_registry
from pipeline.contract import Contract
from pipeline.release_history import release_history
from pipeline.settings import Settings
from serving.reconcile import switch
from serving.trial_run import TrialFailedError
from tests.publishing import in_child
from tests.serving.conftest import MODEL
from tests.serving.releasing import killed_after, stock_settings
from tests.serving.trying import (
    FAR,
    LIVE,
    NEAR,
    approved,
    ask,
    make_live,
    on_trial,
    real_service,
    registry,
    tried_way,
    trying,
)

KILLED = -9
STEPS = {
    "the version was placed": (serving.trials, "place_release", 1),
    "the trial was begun": (serving.trials, "claim_trial", 1),
    "the run was known to have begun it": (model_registry, "tag_version", 1),
    "the service had told of it": (serving.trials, "counts_of", 1),
    "the verdict was found": (serving.trial_run, "look", 2),
    "the verdict was written": (model_registry, "log_document", 1),
    "the version was tagged": (model_registry, "tag_version", 2),
    "the trial was taken away": (serving.trials, "take_away", 3),  # the first two looked for abandoned ones
    "its end was known": (serving.trial_run, "end", 1),
}
LONGER = ("the trial was begun", "the verdict was written", "the trial was taken away")  # also for one that passes


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract) -> Iterator[Settings]:
    """The service, with version 1 live."""
    folder = tmp_path_factory.mktemp("stock")
    assert in_child(lambda: registry(folder, small_contract))[0] == 0
    with real_service(stock_settings(folder), tmp_path_factory.mktemp("service"), small_contract) as settings:
        assert in_child(lambda: make_live(settings, small_contract))[0] == 0
        yield settings


@pytest.fixture
def settings(running: Settings, tmp_path: Path) -> Settings:
    """The service with version 1 live, and a release repository of the test's own that says so."""
    shutil.copytree(running.place("gitops_uri"), tmp_path / "gitops.git")
    switch(next(Path(running.place("releases_dir", MODEL)).glob(f"{LIVE}-*")))
    return running.model_copy(update={"gitops_uri": f"{tmp_path}/gitops.git"})


def go(settings: Settings, contract: Contract, version: int, run: str) -> int:
    """Try a version with requests under way, and release it."""
    return tried_way(settings, contract, approved(settings, contract, version), run, lambda: ask(settings, 20))


ENDS = [(step, FAR) for step in STEPS] + [(step, NEAR) for step in STEPS if step in LONGER]


@pytest.mark.parametrize(("step", "version"), ENDS)
def test_a_trial_that_was_killed_is_finished_by_repeating_it(settings: Settings, step: str, version: int) -> None:
    module, name, at = STEPS[step]
    minutes = 60 if version == FAR else 0.01  # what is far off is ended early
    contract, run = trying("shadow", minimum_requests=5, minutes=minutes), f"{name}-{at}-{version}"

    def deployment() -> int:
        return go(settings, contract, version, run)

    def repeated() -> int:
        with suppress(TrialFailedError):
            deployment()
        return deployment()

    assert in_child(killed_after(module, name, deployment, at))[0] == KILLED
    ended, told = in_child(repeated)
    assert not on_trial(settings)
    versions = [period.release.version for period in release_history(settings, MODEL) if period.release]
    if version == NEAR:
        assert ((ended, told), versions) == ((0, str(NEAR)), [NEAR, LIVE])
    else:
        assert (ended, versions) == (1, [LIVE])
        assert "TrialFailedError: small version 3 did not pass its trial: mean_absolute_difference is 1.72" in told


@pytest.mark.parametrize("step", LONGER[:2])
def test_what_was_killed_for_good_is_taken_away_by_the_last_task(settings: Settings, step: str) -> None:
    module, name, at = STEPS[step]
    contract, run = trying("canary", share=1.0, minutes=0.01), f"for-good-{name}-{at}"
    assert in_child(killed_after(module, name, lambda: go(settings, contract, NEAR, run), at))[0] == KILLED
    assert on_trial(settings)
    assert in_child(lambda: serving.trials.end(settings, MODEL, run))[0] == 0
    assert not on_trial(settings)
