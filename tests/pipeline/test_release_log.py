import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.git import GitError, clone, git
from pipeline.release_history import release_history
from pipeline.release_log import (
    TAKEN_BACK,
    Release,
    ReleaseLogError,
    commit_release,
    read_release,
    take_back,
)
from pipeline.settings import Settings


def release(version: int, model: str = "flats", **changes: Any) -> Release:
    fields = {
        "model": model,
        "version": version,
        "data_version": "data-v1.0.0",
        "run_id": f"run{version}",
        "bundle_digest": f"{version:064x}",
        "metrics": {"mae": 15000.0, "rmse": 23000.0, "r2": 0.91},
        "approved_by": "gate (automatic)",
        "reason": "Its error is half of the median's; größe is fine.",
    }
    return Release.model_validate({**fields, **changes})


def as_operator(settings: Settings, *arguments: str) -> None:
    """Do what a person does with plain git: clone, change, push."""
    with clone(settings.place("gitops_uri"), settings.gitops_branch, depth=None) as work:
        git("-c", "user.name=Operator", "-c", "user.email=o@example.org", *arguments, cwd=work)
        git("push", "--quiet", "origin", f"HEAD:{settings.gitops_branch}", cwd=work)


def messages(settings: Settings) -> list[str]:
    return git("-C", settings.place("gitops_uri"), "log", "--format=%s").splitlines()


def with_hook(settings: Settings, script: str) -> None:
    """Let the remote look at each push before it takes it."""
    hook = Path(settings.place("gitops_uri")) / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)


def test_before_the_first_release_nothing_is_live(settings: Settings) -> None:
    assert read_release(settings, "flats") is None
    assert release_history(settings, "flats") == []
    assert not Path(settings.place("gitops_uri")).exists()


def test_the_first_release_is_read_back_and_its_commit_says_what_why_and_by_whom(settings: Settings) -> None:
    commit = commit_release(settings, release(1))

    assert read_release(settings, "flats") == release(1)
    message = git("-C", settings.place("gitops_uri"), "log", "-1", "--format=%H%n%B")
    assert message.splitlines() == [
        commit,
        "Release flats version 1 (first release)",
        "",
        "Its error is half of the median's; größe is fine.",
        "",
        "Approved-by: gate (automatic)",
    ]


def test_a_release_from_before_there_were_cards_is_read_and_a_card_alone_makes_no_commit(settings: Settings) -> None:
    older = release(1).model_dump()
    del older["card"]
    assert Release.model_validate(older).card == ""
    commit_release(settings, release(1))
    assert commit_release(settings, release(1, card="http://127.0.0.1:5000/#/experiments/1/runs/run1")) is None


def test_what_is_live_already_makes_no_commit(settings: Settings) -> None:
    commit_release(settings, release(1))

    assert commit_release(settings, release(1, approved_by="operator", reason="once more")) is None
    assert len(release_history(settings, "flats")) == 1


@pytest.mark.parametrize("changes", [{"bundle_digest": "f" * 64}, {"image": "sha256:" + "a" * 64}])
def test_other_content_under_the_same_version_is_another_release(settings: Settings, changes: dict[str, str]) -> None:
    commit_release(settings, release(1))

    assert commit_release(settings, release(1, **changes)) is not None
    assert read_release(settings, "flats") == release(1, **changes)


def test_the_history_of_a_model_is_newest_first_and_its_own(settings: Settings) -> None:
    commits = [commit_release(settings, release(version)) for version in (1, 2)]
    commit_release(settings, release(7, model="diamonds"))

    history = release_history(settings, "flats")

    assert [period.commit for period in history] == commits[::-1]
    assert [period.release for period in history] == [release(2), release(1)]
    assert read_release(settings, "flats") == release(2)


def test_a_plain_git_revert_restores_the_release_before(settings: Settings) -> None:
    commit_release(settings, release(1))
    commit_release(settings, release(2))

    as_operator(settings, "revert", "--no-edit", "HEAD")

    assert read_release(settings, "flats") == release(1)
    assert commit_release(settings, release(2)) is not None
    assert read_release(settings, "flats") == release(2)
    assert len(release_history(settings, "flats")) == 4


def test_reverting_the_first_release_leaves_nothing_live_and_a_history(settings: Settings) -> None:
    commit_release(settings, release(1))

    as_operator(settings, "revert", "--no-edit", "HEAD")

    assert read_release(settings, "flats") is None
    assert len(release_history(settings, "flats")) == 2


def test_two_releasers_at_once_both_leave_their_mark(settings: Settings) -> None:
    errors: list[Exception] = []

    def run(one: Release) -> None:
        try:
            commit_release(settings, one)
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    wanted = [release(1), release(2), release(7, model="diamonds")]
    threads = [threading.Thread(target=run, args=(one,)) for one in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(release_history(settings, "flats")) == 2
    assert read_release(settings, "flats") in wanted[:2]
    assert read_release(settings, "diamonds") == wanted[2]


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_release_is_read_from_a_path_and_from_an_address_alike(settings: Settings, form: str) -> None:
    commit_release(settings, release(1))
    moved = settings.model_copy(update={"gitops_uri": form.format(settings.place("gitops_uri"))})

    assert read_release(moved, "flats") == release(1)
    assert read_release(moved, "diamonds") is None
    assert commit_release(moved, release(2)) is not None
    assert len(release_history(moved, "flats")) == 2


@pytest.mark.parametrize("content", ["", "{", '{"version": 1}', '{"model": "flats", "colour": "red"}'])
def test_a_release_that_cannot_be_read_is_an_error_that_names_the_log(settings: Settings, content: str) -> None:
    commit_release(settings, release(1))
    with clone(settings.place("gitops_uri"), "main") as work:
        (work / "releases" / "flats.json").write_text(content)
        git("-c", "user.name=O", "-c", "user.email=o@example.org", "commit", "-qam", "By hand", cwd=work)
        git("push", "--quiet", "origin", "HEAD:main", cwd=work)

    with pytest.raises(ReleaseLogError, match=r"gitops\.git: a release that cannot be read"):
        read_release(settings, "flats")


def broken_by_hand(settings: Settings, content: str = "<<<<<<< HEAD") -> None:
    with clone(settings.place("gitops_uri"), "main", depth=None) as work:
        (work / "releases/flats.json").write_text(content)
        git("-c", "user.name=Operator", "-c", "user.email=o@example.org", "commit", "-qam", "Merge", cwd=work)
        git("push", "--quiet", "origin", "HEAD:main", cwd=work)


def test_a_release_mends_a_file_that_somebody_broke(settings: Settings) -> None:
    commit_release(settings, release(1))
    broken_by_hand(settings)

    with pytest.raises(ReleaseLogError, match="revert the commit that broke it, or release a version"):
        read_release(settings, "flats")
    assert commit_release(settings, release(2))

    assert read_release(settings, "flats") == release(2)
    assert messages(settings)[0] == "Release flats version 2 (was a file that could not be read)"


def test_a_failed_release_over_a_broken_file_gives_way_to_the_last_whole_one(settings: Settings) -> None:
    commit_release(settings, release(1))
    broken_by_hand(settings)
    commit_release(settings, release(2))

    assert take_back(settings, release(2), "it fails")

    assert read_release(settings, "flats") == release(1)
    assert messages(settings)[0] == "Take back flats version 2 (to version 1)"


def test_a_tag_that_is_called_as_the_branch_is_not_what_runs(settings: Settings) -> None:
    commit_release(settings, release(1))
    git("-C", settings.place("gitops_uri"), "tag", "main")
    commit_release(settings, release(2))

    assert read_release(settings, "flats") == release(2)


@pytest.mark.parametrize("leads_to", ["elsewhere.json", "a folder"])
def test_a_link_or_a_folder_in_the_place_of_a_release_is_not_written_through(
    settings: Settings, tmp_path: Path, leads_to: str
) -> None:
    commit_release(settings, release(1))
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text("mine")
    with clone(settings.place("gitops_uri"), "main", depth=None) as work:
        place = work / "releases/flats.json"
        place.unlink()
        if leads_to == "a folder":
            place.mkdir()
            (place / "file").write_text("1")
        else:
            place.symlink_to(elsewhere)
        git("add", "--all", cwd=work)
        git("-c", "user.name=Operator", "-c", "user.email=o@example.org", "commit", "-qm", "Change", cwd=work)
        git("push", "--quiet", "origin", "HEAD:main", cwd=work)

    with pytest.raises(ReleaseLogError, match="is a folder or leads through a link"):
        commit_release(settings, release(2))
    assert elsewhere.read_text() == "mine"


def test_a_log_that_cannot_be_reached_is_not_taken_for_an_empty_one(settings: Settings) -> None:
    commit_release(settings, release(1))
    (Path(settings.place("gitops_uri")) / "HEAD").write_text("damaged")

    with pytest.raises(GitError, match="not a git repository"):
        read_release(settings, "flats")


def test_a_remote_that_refuses_says_so_and_nothing_is_half_done(settings: Settings) -> None:
    commit_release(settings, release(1))
    with_hook(settings, "echo 'releases are frozen until Monday' >&2; exit 1")

    with pytest.raises(GitError, match="releases are frozen until Monday"):
        commit_release(settings, release(2))

    assert read_release(settings, "flats") == release(1)
    assert len(messages(settings)) == 1
    with_hook(settings, "exit 0")
    assert commit_release(settings, release(2)) is not None


def test_a_run_commits_once_whatever_was_released_since(settings: Settings) -> None:
    assert commit_release(settings, release(1), "run-1") is not None
    assert commit_release(settings, release(2), "run-2") is not None

    assert commit_release(settings, release(1), "run-1") is None  # its task is repeated, after another release
    assert read_release(settings, "flats") == release(2)
    assert commit_release(settings, release(1), "run-3") is not None


def test_a_release_that_failed_gives_way_to_what_was_live_before(settings: Settings) -> None:
    commit_release(settings, release(1))
    commit_release(settings, release(2))

    commit = take_back(settings, release(2), "it answers 7 where the trained model says 8")

    newest = release_history(settings, "flats")[0]
    assert newest.commit == commit
    assert newest.release == read_release(settings, "flats") == release(1)
    assert newest.approved_by == TAKEN_BACK
    assert newest.reason == "Version 2 is taken back: it answers 7 where the trained model says 8"
    assert messages(settings)[0] == "Take back flats version 2 (to version 1)"
    assert take_back(settings, release(2), "again") is None


def test_a_first_release_that_failed_leaves_nothing_live(settings: Settings) -> None:
    commit_release(settings, release(7, model="diamonds"))
    commit_release(settings, release(1))

    assert take_back(settings, release(1), "no answer") is not None

    assert read_release(settings, "flats") is None
    assert read_release(settings, "diamonds") == release(7, model="diamonds")
    assert release_history(settings, "flats")[0].release is None


def test_a_release_that_another_one_followed_is_not_taken_back(settings: Settings) -> None:
    for version in (1, 2, 3):
        commit_release(settings, release(version))

    assert take_back(settings, release(2), "too late") is None
    assert read_release(settings, "flats") == release(3)


IMAGE = "registry.example.org/mlops/flats-tall@sha256:" + "a" * 64


@pytest.fixture
def cluster(settings: Settings) -> Settings:
    """A repository with an overlay that has a folder for the model `flats_tall`."""
    commit_release(settings, release(1, model="other"))
    with clone(settings.place("gitops_uri"), "main") as work:
        folder = work / "gitops" / "apps" / "local" / "predictions" / "flats-tall"
        folder.mkdir(parents=True)
        (folder / "release.yaml").write_text("shipped: before the first release\n")
        git("add", ".", cwd=work)
        git("-c", "user.name=O", "-c", "user.email=o@example.org", "commit", "-qm", "Overlay", cwd=work)
        git("push", "--quiet", "origin", "HEAD:main", cwd=work)
    return settings.model_copy(update={"gitops_overlay": "local"})


def applied(settings: Settings) -> str:
    return git("-C", settings.place("gitops_uri"), "show", "main:gitops/apps/local/predictions/flats-tall/release.yaml")


def test_in_a_cluster_one_commit_writes_the_release_and_what_flux_applies(cluster: Settings) -> None:
    commit = commit_release(cluster, release(1, model="flats_tall", image=IMAGE))

    assert yaml.safe_load(applied(cluster)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "release"},
        "data": {
            "image": IMAGE,
            "model": "flats_tall",
            "model-version": "1",
            "data-version": "data-v1.0.0",
            "bundle-digest": f"{1:064x}",
        },
    }
    named = git("-C", cluster.place("gitops_uri"), "show", "--format=", "--name-only", str(commit)).split()
    folder = "gitops/apps/local/predictions/flats-tall"
    assert named == [f"{folder}/release.json", f"{folder}/release.yaml"]
    assert read_release(cluster, "flats_tall") == release(1, model="flats_tall", image=IMAGE)


def test_in_a_cluster_both_files_are_restored(cluster: Settings) -> None:
    first = release(1, model="flats_tall", image=IMAGE)
    commit_release(cluster, first)
    take_back(cluster, first, "it failed")
    assert applied(cluster) == "shipped: before the first release"
    assert read_release(cluster, "flats_tall") is None

    commit_release(cluster, first)
    before = applied(cluster)
    second = release(2, model="flats_tall", image=IMAGE.replace("a" * 64, "b" * 64))
    commit_release(cluster, second)
    assert applied(cluster) != before
    take_back(cluster, second, "it failed")
    assert applied(cluster) == before


@pytest.mark.parametrize("image", [None, "registry.example.org/mlops/flats:latest"])
def test_a_cluster_takes_no_release_without_a_digest(cluster: Settings, image: str | None) -> None:
    with pytest.raises(ReleaseLogError, match="MLOPS_IMAGE_REPOSITORY"):
        commit_release(cluster, release(1, model="flats_tall", image=image))


def test_a_model_without_a_place_in_the_overlay_is_named(cluster: Settings) -> None:
    with pytest.raises(ReleaseLogError, match="no folder gitops/apps/local/predictions/flats for flats"):
        commit_release(cluster, release(1, image=IMAGE))
