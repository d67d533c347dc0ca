"""A service that shares no disk with the pipeline: what places its releases, and what reconcile leaves to it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pipeline import model_registry
from pipeline.contract import Contract
from pipeline.errors import NothingToDo
from pipeline.git import clone, git
from pipeline.release_history import release_history
from pipeline.release_log import CURRENT
from pipeline.settings import Settings
from serving.errors import ReleaseError
from serving.follow import follow, look
from serving.reconcile import reconcile
from serving.service.watcher import Watcher
from tests.serving.conftest import MODEL
from tests.serving.releasing import StandIn, fresh, going_on, standing_in, take_way, two_versions

Target = tuple[Settings, Settings, StandIn]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract) -> Settings:
    """A model registry with two versions."""
    return two_versions(tmp_path_factory.mktemp("stock"), small_contract)


@pytest.fixture
def target(stock: Settings, small_contract: Contract, tmp_path: Path) -> Iterator[Target]:
    """The settings of the pipeline, which knows no releases folder, those beside the service, and the service."""
    with standing_in(fresh(stock, tmp_path), small_contract) as (beside, service):
        model_registry.withdraw_champion(beside, MODEL)
        yield beside.model_copy(update={"releases_dir": ""}), beside, service


def following(settings: Settings) -> AbstractContextManager[None]:
    return going_on(lambda stopped: follow(settings, MODEL, 0.05, stopped))


def test_a_release_is_placed_beside_the_service_and_only_tested_by_the_pipeline(
    target: Target, small_contract: Contract
) -> None:
    pipeline, beside, service = target
    with following(beside):
        assert take_way(pipeline, small_contract, 1, "run-1").version == 1
        assert take_way(pipeline, small_contract, 2, "run-2").version == 2
        assert take_way(pipeline, small_contract, 1, "run-3", "version 2 is worse").version == 1
    assert service.version == model_registry.champion(pipeline, MODEL) == 1


def test_where_nothing_follows_the_release_fails_and_is_taken_back(target: Target, small_contract: Contract) -> None:
    pipeline, beside, service = target
    with pytest.raises(ReleaseError, match="did not take up version 1"):
        take_way(pipeline, small_contract, 1, "run-1")
    assert service.version is None
    assert not Path(beside.place("releases_dir", MODEL)).exists()  # nobody else wrote there
    assert release_history(pipeline, MODEL)[0].release is None
    assert model_registry.champion(pipeline, MODEL) is None


def test_a_reverted_first_release_is_withdrawn(target: Target, small_contract: Contract) -> None:
    pipeline, beside, _ = target
    with following(beside):
        take_way(pipeline, small_contract, 1, "run-1")
    with clone(beside.place("gitops_uri"), beside.gitops_branch, depth=None) as work:
        git("-c", "user.name=a", "-c", "user.email=a@b", "revert", "--no-edit", "HEAD", cwd=work)
        git("push", "--quiet", "origin", "HEAD", cwd=work)
    look(beside, MODEL, None)
    assert not (Path(beside.place("releases_dir", MODEL)) / CURRENT).is_symlink()
    with pytest.raises(NothingToDo, match="names no release"):
        reconcile(pipeline, MODEL)
    assert model_registry.champion(pipeline, MODEL) is None


def test_a_commit_is_looked_at_once(target: Target, small_contract: Contract) -> None:
    pipeline, beside, _ = target
    with following(beside):
        take_way(pipeline, small_contract, 1, "run-1")
    seen = look(beside, MODEL, None)
    current = Path(beside.place("releases_dir", MODEL)) / CURRENT
    current.unlink()
    assert look(beside, MODEL, seen) == seen
    assert not current.is_symlink()


def test_a_repository_that_is_away_is_told_once_and_followed_when_it_is_back(
    target: Target, small_contract: Contract, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    pipeline, beside, service = target
    with following(beside):
        take_way(pipeline, small_contract, 1, "run-1")
    away = beside.model_copy(update={"gitops_uri": f"file://{tmp_path}/elsewhere.git"})
    with caplog.at_level(logging.ERROR), following(away):
        threading.Event().wait(0.5)
        assert sum("what is served stays" in record.message for record in caplog.records) == 1
        assert service.version == 1
        git("clone", "--quiet", "--bare", beside.place("gitops_uri"), f"{tmp_path}/elsewhere.git")
        (Path(beside.place("releases_dir", MODEL)) / CURRENT).unlink()
        for _ in range(200):
            if (Path(beside.place("releases_dir", MODEL)) / CURRENT).is_symlink():
                break
            threading.Event().wait(0.05)
    assert service.version == 1
    assert (Path(beside.place("releases_dir", MODEL)) / CURRENT).is_symlink()


def test_following_and_serving_need_a_folder(target: Target) -> None:
    with pytest.raises(ReleaseError, match="MLOPS_RELEASES_DIR is empty"):
        follow(target[0], MODEL, 1, threading.Event())
    with pytest.raises(ReleaseError, match="MLOPS_RELEASES_DIR is empty"):
        Watcher(target[0], MODEL)
