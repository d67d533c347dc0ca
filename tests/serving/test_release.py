"""From a registered version to a running one, and back."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import model_registry
from pipeline.contract import Contract
from pipeline.errors import NothingToDo
from pipeline.git import GitError, clone, git
from pipeline.release_history import release_history
from pipeline.release_log import TAKEN_BACK, read_release
from pipeline.settings import Settings
from serving.errors import ReleaseError
from serving.reconcile import reconcile
from serving.release import deploy, evidence, released_before
from serving.verify import verify
from tests.pipeline.test_release_log import with_hook
from tests.serving.conftest import MODEL
from tests.serving.releasing import StandIn, fresh, register, standing_in, take_way, two_versions

Target = tuple[Settings, StandIn]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract) -> Settings:
    """A model registry with two versions."""
    return two_versions(tmp_path_factory.mktemp("stock"), small_contract)


@pytest.fixture
def target(stock: Settings, small_contract: Contract, tmp_path: Path) -> Iterator[Target]:
    """Settings whose service is a stand-in; two versions are registered, none is released."""
    with standing_in(fresh(stock, tmp_path), small_contract) as (told, stand_in):
        model_registry.withdraw_champion(told, MODEL)
        yield told, stand_in


def versions(settings: Settings) -> list[int | None]:
    return [period.release.version if period.release else None for period in release_history(settings, MODEL)]


def commits(settings: Settings) -> int:
    return int(git("-C", settings.place("gitops_uri"), "rev-list", "--count", "main"))


def test_a_release_is_a_commit_that_the_service_follows_and_then_the_champion(
    target: Target, small_contract: Contract
) -> None:
    settings, service = target
    done = take_way(settings, small_contract, 1, "run-1")

    assert (done.version, done.smoke_rows) == (1, 1)
    assert done.largest_difference < 1e-4
    assert service.version == model_registry.champion(settings, MODEL) == 1
    assert versions(settings) == [1]


@pytest.mark.parametrize(
    ("ill", "why"),
    [
        ("wrong", "the service \\(version 2\\) answers .* where the trained model says"),
        ("stays", "did not take up version 2 within 2 s"),
        ("refuses", "the service refuses version 2: it is ill"),
    ],
)
def test_what_fails_is_taken_back_by_another_commit(
    target: Target, small_contract: Contract, ill: str, why: str
) -> None:
    settings, service = target
    take_way(settings, small_contract, 1, "run-1")
    service.ill[2] = ill

    with pytest.raises(ReleaseError, match=f"Version 2 is taken back: .*{why}.*; version 1 is live by commit"):
        take_way(settings, small_contract, 2, "run-2")

    assert versions(settings) == [1, 2, 1]
    assert release_history(settings, MODEL)[0].approved_by == TAKEN_BACK
    assert service.version == model_registry.champion(settings, MODEL) == 1


def test_a_first_release_that_fails_leaves_nothing_released(target: Target, small_contract: Contract) -> None:
    settings, service = target
    service.ill[1] = "wrong"

    with pytest.raises(ReleaseError, match=r"Version 1 is taken back: .*; nothing is live by commit"):
        take_way(settings, small_contract, 1, "run-1")

    assert read_release(settings, MODEL) is None
    assert model_registry.champion(settings, MODEL) is None
    assert not (Path(settings.place("releases_dir", MODEL)) / "current").exists()
    service.ill.clear()
    assert take_way(settings, small_contract, 1, "run-2").version == 1


def test_a_failed_verification_that_is_repeated_fails_again_with_the_same_reason(
    target: Target, small_contract: Contract
) -> None:
    settings, service = target
    take_way(settings, small_contract, 1, "run-1")
    service.ill[2] = "wrong"
    released = deploy(small_contract, settings, evidence(small_contract, settings, 2, "try"), "run-2")
    reasons = []
    for _ in range(2):
        with pytest.raises(ReleaseError, match="taken back") as caught:
            verify(settings, released)
        reasons.append(str(caught.value))

    assert reasons[0] == reasons[1]
    assert commits(settings) == 3  # two releases, one taken back


def test_a_release_that_another_one_overtook_is_no_failure(target: Target, small_contract: Contract) -> None:
    settings, service = target
    first = deploy(small_contract, settings, evidence(small_contract, settings, 1, "first"), "run-1")
    take_way(settings, small_contract, 2, "run-2", "it is better")

    with pytest.raises(
        NothingToDo, match=r"version 1 is not what Git says any more: .* version 2 is live, by operator"
    ):
        verify(settings, first)

    assert service.version == model_registry.champion(settings, MODEL) == 2
    assert commits(settings) == 2


def test_two_releases_at_once_end_as_one_release_and_its_champion(target: Target, small_contract: Contract) -> None:
    settings, service = target
    proposals = [evidence(small_contract, settings, version, "race") for version in (1, 2)]
    ends: list[object] = []

    def run(place: int) -> None:
        try:
            ends.append(verify(settings, deploy(small_contract, settings, proposals[place], f"run-{place}")))
        except (NothingToDo, ReleaseError) as error:
            ends.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not [end for end in ends if isinstance(end, ReleaseError)]
    last = read_release(settings, MODEL)
    assert last is not None
    assert commits(settings) == 2
    assert service.version == model_registry.champion(settings, MODEL) == last.version


def test_a_remote_that_refuses_leaves_everything_as_it_was(target: Target, small_contract: Contract) -> None:
    settings, service = target
    take_way(settings, small_contract, 1, "run-1")
    with_hook(settings, "echo 'frozen until Monday' >&2; exit 1")

    with pytest.raises(GitError, match="frozen until Monday"):
        take_way(settings, small_contract, 2, "run-2")

    assert versions(settings) == [1]
    assert service.version == model_registry.champion(settings, MODEL) == 1


def test_a_rollback_restores_an_earlier_version_after_it_was_seen_to_load(
    target: Target, small_contract: Contract
) -> None:
    settings, service = target
    for version in (1, 2):
        take_way(settings, small_contract, version, f"run-{version}")
    take_way(settings, small_contract, 1, "run-3", "too dear for villas")

    assert service.version == 1
    newest = release_history(settings, MODEL)[0]
    assert (newest.approved_by, newest.reason) == ("operator", "too dear for villas")
    assert versions(settings) == [1, 2, 1]


def test_a_version_that_does_not_load_any_more_is_not_gone_back_to(target: Target, small_contract: Contract) -> None:
    settings, service = target
    damaged = register(settings, small_contract, 3.0)
    for version in (damaged, 2):
        take_way(settings, small_contract, version, f"run-{version}")
    run_id = model_registry.read_version(settings, MODEL, damaged).run_id
    (stored,) = settings.state.glob(f"mlflow-artifacts/**/{run_id}/artifacts/bundle/*.onnx")
    stored.write_bytes(stored.read_bytes()[:-1])

    with pytest.raises(Exception, match="digest"):
        take_way(settings, small_contract, damaged, "run-3", "back")

    assert versions(settings) == [2, damaged]
    assert service.version == 2


def test_a_revert_by_hand_is_a_rollback_that_the_next_reconciliation_carries_out(
    target: Target, small_contract: Contract
) -> None:
    settings, service = target
    for version in (1, 2):
        take_way(settings, small_contract, version, f"run-{version}")
    with clone(settings.place("gitops_uri"), "main", depth=None) as work:
        git("-c", "user.name=Ada", "-c", "user.email=a@example.org", "revert", "--no-edit", "HEAD", cwd=work)
        git("push", "--quiet", "origin", "HEAD:main", cwd=work)

    reconcile(settings, MODEL)

    assert service.version == model_registry.champion(settings, MODEL) == 1


def test_a_version_that_was_live_before_keeps_its_image(target: Target, small_contract: Contract) -> None:
    settings, _ = target
    proposed = evidence(small_contract, settings, 1, "first")
    assert released_before(settings, proposed) is None
    image = "registry.example.org/small@sha256:" + "a" * 64
    deploy(small_contract, settings, proposed.model_copy(update={"image": image}), "run-1")

    assert evidence(small_contract, settings, 1, "again").image == image
    assert evidence(small_contract, settings, 2, "other").image is None
