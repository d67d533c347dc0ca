"""The deployment tries an approved version on the real service before it releases it."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli.main import app
from pipeline import model_registry
from pipeline.contract import Contract
from pipeline.errors import NothingToDo
from pipeline.release_history import release_history
from pipeline.release_log import read_release
from pipeline.settings import Settings
from serving import trials
from serving.errors import ReleaseError
from serving.release import deploy
from serving.trial import Trial, read_trial, write_trial
from serving.trial_run import TrialFailedError, watch
from tests.serving.conftest import MODEL, eventually
from tests.serving.releasing import take_way
from tests.serving.trying import (
    ENDLESS,
    FAR,
    LIVE,
    NEAR,
    SPOILT,
    approved,
    ask,
    make_live,
    on_trial,
    real_service,
    registry,
    tried_way,
    trying,
    watched,
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract) -> Iterator[Settings]:
    """The service, with nothing released."""
    stock = registry(tmp_path_factory.mktemp("stock"), small_contract)
    with real_service(stock, tmp_path_factory.mktemp("service"), small_contract) as settings:
        yield settings


@pytest.fixture
def settings(running: Settings, tmp_path: Path, small_contract: Contract) -> Iterator[Settings]:
    """The service with version 1 live, by a release repository of the test's own."""
    own = running.model_copy(update={"gitops_uri": f"{tmp_path}/gitops.git"})
    make_live(own, small_contract)
    yield own
    assert not on_trial(own), "a trial was left behind"


@pytest.fixture
def run(request: pytest.FixtureRequest) -> str:
    """A run of the test's own: what is known of it stays with the model versions, which tests share."""
    return re.sub(r"[^a-z0-9_]+", "-", str(request.node.name))


def served(settings: Settings) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{settings.place('service_uri', MODEL)}/model").json()
    return told


def tags(settings: Settings, version: int) -> dict[str, str]:
    return dict(model_registry.read_version(settings, MODEL, version).tags)


@pytest.mark.parametrize(("mode", "share"), [("shadow", 0.1), ("canary", 0.5)])
def test_a_version_that_does_well_passes_and_is_released(settings: Settings, run: str, mode: str, share: float) -> None:
    contract = trying(mode, share=share)
    release = tried_way(settings, contract, approved(settings, contract, NEAR), run, lambda: ask(settings, 60))

    assert (release, served(settings)["version"]) == (NEAR, NEAR)
    kept = tags(settings, NEAR)
    assert (kept["trial"], kept["trial_run"]) == ("passed", run)
    assert kept["trial_reason"].startswith("asked for ")
    seen = model_registry.read_document(settings, approved(settings, contract, NEAR).run_id, kept["trial_seen"])
    assert (seen["version"], seen["counts"]["mode"]) == (NEAR, mode)
    assert 20 <= seen["counts"]["answered"] <= 60


@pytest.mark.parametrize(
    ("mode", "version", "sent", "limits", "why"),
    [
        ("shadow", FAR, {}, {}, r"mean_absolute_difference is 1\.72 over \d+ records, beyond its limit 0\.5"),
        ("shadow", NEAR, {}, {"mean_difference": 0.05}, r"mean_difference is 0\.105 over \d+ .* limit 0\.05"),
        ("shadow", ENDLESS, {"area": 1000}, {}, r"failed_share is 1 \(\d+ of \d+ records\), above its limit 0\.01"),
        ("canary", ENDLESS, {"area": 1000}, {}, r"failed_share is 1 \(\d+ of \d+ records\), above its limit 0\.01"),
        ("canary", NEAR, {"area": "?"}, {}, r"refused_share is 1 \(\d+ of \d+ records\), above its limit 0\.1"),
    ],
)
def test_a_limit_ends_it_early_and_what_is_live_stays(
    settings: Settings, run: str, mode: str, version: int, sent: dict[str, Any], limits: dict[str, float], why: str
) -> None:
    contract = trying(mode, share=1.0, minutes=60, limits=limits)
    with pytest.raises(TrialFailedError, match=f"version {version} did not pass its trial: {why}; what is live stays"):
        tried_way(settings, contract, approved(settings, contract, version), run, lambda: ask(settings, 40, **sent))

    assert read_release(settings, MODEL).version == LIVE  # type: ignore[union-attr]
    eventually(lambda: "trial" not in served(settings))
    assert (tags(settings, version)["trial"], tags(settings, version)["trial_run"]) == ("failed", run)
    with pytest.raises(TrialFailedError, match=why):  # the same run again
        watch(contract, settings, approved(settings, contract, version), run)


def test_a_version_that_the_service_refuses_fails_with_its_reason(settings: Settings, run: str) -> None:
    contract = trying("shadow")
    with pytest.raises(TrialFailedError, match=r"the service refuses it: .*smoke"):
        watched(contract, settings, approved(settings, contract, SPOILT), run)
    eventually(lambda: "trial_refused" not in served(settings))
    assert served(settings)["version"] == LIVE


@pytest.mark.parametrize(
    ("count", "sent", "quiet", "why"),
    [
        (3, {}, "release", None),
        (0, {}, "release", None),
        (3, {}, "refuse", "asked for 3 records only, fewer than the 20 .* when_quiet says refuse"),
    ],
)
def test_a_quiet_service_holds_up_a_release_only_where_the_contract_says_so(
    settings: Settings, run: str, count: int, sent: dict[str, Any], quiet: str, why: str | None
) -> None:
    contract = trying("shadow", when_quiet=quiet)
    tried = approved(settings, contract, NEAR)
    if why is None:
        tried_way(settings, contract, tried, run, lambda: ask(settings, count, **sent))
        assert "none of which failed: little is known of it" in tags(settings, NEAR)["trial_reason"]
        return
    with pytest.raises(TrialFailedError, match=why):
        tried_way(settings, contract, tried, run, lambda: ask(settings, count, **sent))


def test_no_trial_where_nothing_is_live_or_the_version_was_live_before(
    settings: Settings, run: str, tmp_path: Path
) -> None:
    contract = trying("shadow")
    first = settings.model_copy(update={"gitops_uri": f"{tmp_path}/empty.git"})
    with pytest.raises(NothingToDo, match="nothing is live that it could be tried beside"):
        watch(contract, first, approved(first, contract, NEAR), run)
    take_way(settings, contract, NEAR, run)
    with pytest.raises(NothingToDo, match="version 1 is released at once: it was live before"):
        watch(contract, settings, approved(settings, contract, LIVE), run)


def test_where_the_service_has_no_folder_here_the_trial_says_what_to_do(settings: Settings, run: str) -> None:
    contract = trying("shadow")
    for changed in ({"releases_dir": ""}, {"image_repository": "registry.example/small"}):
        elsewhere = settings.model_copy(update=changed)
        with pytest.raises(ReleaseError, match=r"MLOPS_RELEASES_DIR.*take `release.trial` out of the contract"):
            watch(contract, elsewhere, approved(settings, contract, NEAR), run)
        assert trials.end(elsewhere, MODEL, run) is None


def test_a_second_run_waits_for_the_trial_of_the_first(settings: Settings, run: str) -> None:
    contract = trying("shadow", minutes=60)
    near, far = (approved(settings, contract, version) for version in (NEAR, FAR))
    assert watch(contract, settings, near, run).outcome == "running"
    waiting = watch(contract, settings, far, f"{run}-2")
    assert (waiting.outcome, f"by {run}" in waiting.reason) == ("waiting", True)
    assert trials.end(settings, MODEL, f"{run}-2") is None
    assert trials.end(settings, MODEL, run) is not None
    assert watch(contract, settings, far, f"{run}-2").outcome == "running"
    trials.end(settings, MODEL, f"{run}-2")


def test_another_release_meanwhile_ends_it(settings: Settings, run: str) -> None:
    contract = trying("shadow", minutes=60)
    near = approved(settings, contract, NEAR)
    assert watch(contract, settings, near, run).outcome == "running"
    take_way(settings, contract, FAR, "meanwhile")
    with pytest.raises(TrialFailedError, match="tried beside version 1, but version 3 is live by now"):
        watch(contract, settings, near, run)


def test_ended_by_hand_it_fails_and_taken_away_by_its_own_run_it_begins_anew(settings: Settings, run: str) -> None:
    contract = trying("shadow", minutes=60)
    near = approved(settings, contract, NEAR)
    assert watch(contract, settings, near, run).outcome == "running"
    trials.end(settings, MODEL, run)
    assert tags(settings, NEAR)["trial"] == "ended"
    assert watch(contract, settings, near, run).outcome == "running"
    trials.take_away(settings, MODEL)
    with pytest.raises(TrialFailedError, match="it was ended by hand"):
        watch(contract, settings, near, run)


def abandoned(releases: Path) -> None:
    before = datetime.now(UTC) - timedelta(hours=2)
    write_trial(releases, Trial(folder="9-gone", mode="canary", began=before, minutes=60, run="killed", version=9))


def unreadable(releases: Path) -> None:
    (releases / "trial.json").write_text("{")


@pytest.mark.parametrize("leave", [abandoned, unreadable])
def test_what_somebody_left_behind_is_taken_away(settings: Settings, run: str, leave: Callable[[Path], None]) -> None:
    contract, releases = trying("shadow"), Path(settings.place("releases_dir", MODEL))
    leave(releases)
    assert watch(contract, settings, approved(settings, contract, NEAR), run).outcome == "running"
    assert read_trial(releases).run == run  # type: ignore[union-attr]
    trials.end(settings, MODEL, run)


def test_the_clock_runs_from_the_beginning_though_the_service_counts_anew(
    settings: Settings, run: str, small_contract: Contract
) -> None:
    contract = trying("shadow", minutes=0.03, minimum_requests=5)
    near, releases = approved(settings, contract, NEAR), Path(settings.place("releases_dir", MODEL))
    watch(contract, settings, near, run)
    ask(settings, 10)
    trial = read_trial(releases)
    write_trial(releases, None)
    eventually(lambda: "trial" not in served(settings))
    write_trial(releases, trial)  # a service that was started anew finds it like this
    eventually(lambda: "trial" in served(settings))
    assert served(settings)["trial"]["answered"] == 0
    started = time.monotonic()
    assert "asked for 0 records only" in watched(contract, settings, near, run).reason
    assert time.monotonic() - started < 5
    assert deploy(contract, settings, near, run).version == NEAR
    assert len(release_history(settings, MODEL)) == 2


def test_a_trial_by_hand_is_started_looked_at_and_ended_by_commands(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = ("mlflow_uri", "gitops_uri", "releases_dir", "service_uri", "ready_seconds")
    for name in places:
        monkeypatch.setenv(f"MLOPS_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(settings.state.parent / "project"))

    def mlops(*arguments: str) -> dict[str, Any]:
        told = CliRunner().invoke(app, ["release", "trial", *arguments, "--json"])
        assert told.exit_code == 0, told.output
        found: dict[str, Any] = json.loads(told.output)
        return found

    started = mlops("start", str(NEAR), "--mode", "canary", "--share", "1", "--minutes", "5")["trial"]
    assert (started["version"], started["mode"], started["live"], started["outcome"]) == (
        NEAR,
        "canary",
        LIVE,
        "running",
    )
    ask(settings, 7)
    assert mlops("status")["trial"]["counts"]["answered"] == 7
    again = CliRunner().invoke(app, ["release", "trial", "start", str(FAR)])
    assert (again.exit_code, "another trial is going on" in again.output) == (1, True)
    assert mlops("end")["trial"]["folder"] == started["folder"]
    assert mlops("status") == {"model": MODEL, "trial": None}
    assert read_release(settings, MODEL).version == LIVE  # type: ignore[union-attr]
