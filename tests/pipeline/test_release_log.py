import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.git import GitError, clone, git
from pipeline.release_log import Release, ReleaseLogError, commit_release, read_release, release_history
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

    assert [entry["commit"] for entry in history] == commits[::-1]
    assert [entry["subject"] for entry in history] == [
        "Release flats version 2 (was version 1)",
        "Release flats version 1 (first release)",
    ]
    assert all(entry["date"].count("T") == 1 for entry in history)
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


def test_a_log_that_cannot_be_reached_is_not_taken_for_an_empty_one(settings: Settings) -> None:
    commit_release(settings, release(1))
    (Path(settings.place("gitops_uri")) / "HEAD").write_text("damaged")

    with pytest.raises(GitError, match="not a git repository"):
        read_release(settings, "flats")
