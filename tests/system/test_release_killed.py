"""A deployment that is killed at any of its steps, and repeated, ends as one release, one commit, one champion.

All that opens MLflow happens in processes of their own: what forks must not share its database.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

import pipeline.git
import pipeline.git_tree
import pipeline.release_log
import serving.approval
import serving.proposal
import serving.reconcile
import serving.release
import serving.smoke
import serving.verify
from pipeline import model_registry
from pipeline.contract import Contract
from pipeline.git import git
from pipeline.release_history import release_history
from pipeline.settings import Settings
from serving.errors import ReleaseError
from tests.publishing import in_child
from tests.serving.conftest import MODEL
from tests.serving.releasing import StandIn, fresh, killed_after, register, standing_in, stock_settings, take_way

Target = tuple[Settings, StandIn]
KILLED = -9


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract) -> tuple[Settings, Path]:
    """A model registry with two versions, of which the first is live; and the folder of what is live."""
    settings, folder = stock_settings(tmp_path_factory.mktemp("stock")), tmp_path_factory.mktemp("live")

    def prepare() -> list[int]:
        made = [register(settings, small_contract, bias) for bias in (1.0, 2.0)]
        take_way(told, small_contract, 1, "run-1")
        return made

    with standing_in(fresh(settings, folder), small_contract) as (told, _):
        assert in_child(prepare) == (0, "[1, 2]")
    return settings, folder


@pytest.fixture
def target(stock: tuple[Settings, Path], small_contract: Contract, tmp_path: Path) -> Iterator[Target]:
    """Settings whose service is a stand-in; version 1 is live, and version 2 is registered."""
    shutil.copytree(stock[1], tmp_path, symlinks=True, dirs_exist_ok=True)
    with standing_in(fresh(stock[0], tmp_path), small_contract) as (told, stand_in):
        assert stand_in.version == 1
        yield told, stand_in


def champion_after(settings: Settings, contract: Contract) -> int | None:
    """Repeat the run of version 2 until it is certain that nothing more changes; return who is champion then."""
    for _ in range(2):
        with suppress(ReleaseError):
            take_way(settings, contract, 2, "run-2")
    return model_registry.champion(settings, MODEL)


STEPS = {
    "the bundle was checked": (serving.proposal, "evidence", 1),
    "the evidence was gathered": (serving.proposal, "gather", 1),
    "the approval was written": (model_registry, "log_document", 2),
    "the version was tagged": (model_registry, "tag_version", 1),
    "the bundle was packaged": (serving.release, "package", 1),
    "the commit was made": (pipeline.release_log, "_write", 1),
    "the commit was pushed": (pipeline.git, "push", 1),
    "the release was done": (serving.release, "commit_release", 1),
    "the bundle was placed": (serving.reconcile, "place_release", 1),
    "the service was switched": (serving.reconcile, "switch", 1),
    "the service reported the version": (serving.smoke, "wait_for", 1),
    "the answers were compared": (serving.smoke, "compare", 1),
    "the champion was moved": (model_registry, "set_champion", 1),
}


@pytest.mark.parametrize(("module", "name", "at"), STEPS.values(), ids=STEPS)
def test_a_run_that_was_killed_is_finished_by_repeating_it(
    target: Target, small_contract: Contract, module: ModuleType, name: str, at: int
) -> None:
    settings, service = target

    def deployment() -> int:
        model_registry.withdraw_champion(settings, MODEL)  # that of another test
        return take_way(settings, small_contract, 2, "run-2").version

    assert in_child(killed_after(module, name, deployment, at))[0] == KILLED
    assert in_child(lambda: champion_after(settings, small_contract)) == (0, "2")

    assert [period.release.version for period in release_history(settings, MODEL) if period.release] == [2, 1]
    assert int(git("-C", settings.place("gitops_uri"), "rev-list", "--count", "main")) == 2
    assert service.version == 2


UNDOING = {
    "what failed was found": (serving.smoke, "client", 2),  # the first looks at the service, the second sends rows
    "it was taken back": (serving.verify, "take_back", 1),
    "the service was switched back": (serving.reconcile, "switch", 2),
    "the champion was confirmed": (model_registry, "set_champion", 1),
}


@pytest.mark.parametrize(("module", "name", "at"), UNDOING.values(), ids=UNDOING)
def test_taking_back_that_was_killed_is_finished_by_repeating_it(
    target: Target, small_contract: Contract, module: ModuleType, name: str, at: int
) -> None:
    settings, service = target
    service.ill[2] = "wrong"

    def deployment() -> int:
        model_registry.withdraw_champion(settings, MODEL)  # that of another test
        return take_way(settings, small_contract, 2, "run-2").version

    assert in_child(killed_after(module, name, deployment, at))[0] == KILLED
    assert in_child(lambda: champion_after(settings, small_contract)) == (0, "1")
    assert "ReleaseError: small: Version 2 is taken back" in in_child(deployment)[1]
    assert [period.release.version for period in release_history(settings, MODEL) if period.release] == [1, 2, 1]
    assert int(git("-C", settings.place("gitops_uri"), "rev-list", "--count", "main")) == 3
    assert service.version == 1
