import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.git import Change, GitError, LostRaceError, clone, commit_and_push, ensure_repository, git, is_local, show

AUTHOR = "A Person <person@example.org>"


@pytest.fixture
def remote(tmp_path: Path) -> str:
    """An empty bare repository, at a path that is no plain word."""
    uri = str(tmp_path / "a folder" / "größe#1.git")
    ensure_repository(uri, "main")
    return uri


def add(name: str, tag: str | None = None, content: str = "1\n") -> Callable[[Path], Change]:
    def edit(work: Path) -> Change:
        (work / name).write_text(content)
        return Change(f"Add {name}", tag)

    return edit


def references(remote: str) -> str:
    return git("-C", remote, "for-each-ref", "--format=%(refname)")


def subjects(remote: str, branch: str = "main") -> list[str]:
    return git("-C", remote, "log", "--format=%s", branch).splitlines()


def hook(remote: str, name: str, script: str) -> None:
    path = Path(remote) / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_branch_and_tag_arrive_together_with_their_author(remote: str) -> None:
    commit = commit_and_push(remote, "main", AUTHOR, add("one.txt", tag="v1"))

    assert references(remote).splitlines() == ["refs/heads/main", "refs/tags/v1"]
    assert git("-C", remote, "log", "--format=%H %an <%ae> %cn %s") == f"{commit} {AUTHOR} A Person Add one.txt"
    assert git("-C", remote, "rev-parse", "v1^{commit}") == commit
    assert show(remote, "v1", "one.txt") == "1"


def test_each_change_stands_on_the_one_before(remote: str) -> None:
    for name in ("one.txt", "two.txt"):
        commit_and_push(remote, "main", AUTHOR, add(name))

    assert subjects(remote) == ["Add two.txt", "Add one.txt"]
    with clone(remote, "main") as work:
        assert sorted(path.name for path in work.glob("*.txt")) == ["one.txt", "two.txt"]
        assert git("rev-list", "--count", "HEAD", cwd=work) == "1"  # shallow
    assert not work.exists()


def test_no_change_makes_no_commit(remote: str) -> None:
    assert commit_and_push(remote, "main", AUTHOR, lambda _: None) is None
    assert references(remote) == ""


def test_writers_at_the_same_time_all_get_their_change_in(remote: str) -> None:
    both_cloned = threading.Barrier(2)
    errors: list[Exception] = []

    def write(name: str) -> None:
        first = True

        def edit(work: Path) -> Change:
            nonlocal first
            if first:  # both have the same start, so one of them loses
                first = False
                both_cloned.wait(timeout=30)
            return add(name, tag=f"tag-{name}")(work)

        try:
            commit_and_push(remote, "main", AUTHOR, edit)
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert sorted(subjects(remote)) == ["Add one", "Add two"]
    assert references(remote).splitlines() == ["refs/heads/main", "refs/tags/tag-one", "refs/tags/tag-two"]


def test_a_race_that_is_always_lost_ends_with_its_error(remote: str) -> None:
    tries = []

    def edit(work: Path) -> Change:
        commit_and_push(remote, "main", AUTHOR, add(f"other-{len(tries)}"))
        tries.append(work)
        return add("mine")(work)

    with pytest.raises(LostRaceError):
        commit_and_push(remote, "main", AUTHOR, edit, attempts=3)

    assert len(tries) == 3
    assert "Add mine" not in subjects(remote)


def test_a_tag_that_is_taken_leaves_the_branch_where_it_was(remote: str) -> None:
    commit_and_push(remote, "main", AUTHOR, add("one", tag="v1"))

    with pytest.raises(LostRaceError):
        commit_and_push(remote, "main", AUTHOR, add("two", tag="v1"), attempts=2)

    assert subjects(remote) == ["Add one"]


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("pre-receive", "echo 'this branch is frozen' >&2; exit 1"),
        ("update", 'case "$1" in refs/tags/*) echo "this branch is frozen" >&2; exit 1;; esac'),
    ],
)
def test_a_remote_that_refuses_shows_nothing_of_the_change(remote: str, name: str, script: str) -> None:
    commit_and_push(remote, "main", AUTHOR, add("one"))
    hook(remote, name, script)

    with pytest.raises(GitError, match=r"git push failed: .*this branch is frozen") as refused:
        commit_and_push(remote, "main", AUTHOR, add("two", tag="v2"))

    assert not isinstance(refused.value, LostRaceError)
    assert references(remote) == "refs/heads/main"
    assert subjects(remote) == ["Add one"]


def test_an_edit_that_fails_changes_nothing(remote: str) -> None:
    def edit(work: Path) -> Change:
        (work / "half").touch()
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        commit_and_push(remote, "main", AUTHOR, edit)
    assert references(remote) == ""


def test_a_caller_that_is_itself_a_git_hook_does_not_disturb(
    remote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    git("init", "--quiet", str(other))
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "The Caller")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.bare=true'")

    commit_and_push(remote, "main", AUTHOR, add("one", tag="v1"))

    assert subjects(remote) == ["Add one"]
    assert git("-C", remote, "log", "--format=%an") == "A Person"
    assert git("-C", str(other), "status", "--porcelain") == ""
    assert os.environ["GIT_DIR"] == str(other / ".git")


def test_the_configuration_of_a_person_does_not_reach_our_commits(
    remote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ignored").write_text("*.json\n")
    refusing = tmp_path / "hooks"
    refusing.mkdir()
    hook(str(tmp_path), "pre-commit", "exit 1")
    (tmp_path / ".gitconfig").write_text(
        f"[core]\n excludesFile = {tmp_path}/ignored\n hooksPath = {refusing}\n autocrlf = true\n"
        "[commit]\n gpgSign = true\n[tag]\n gpgSign = true\n[user]\n signingKey = nobody\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))

    commit_and_push(remote, "main", AUTHOR, add("release.json", tag="v1", content="a\r\nb\n"))

    with clone(remote, "main") as work:
        assert (work / "release.json").read_bytes() == b"a\r\nb\n"


def test_a_branch_whose_name_ends_alike_is_another_one(remote: str) -> None:
    commit_and_push(remote, "team/main", AUTHOR, add("theirs"))

    commit_and_push(remote, "main", AUTHOR, add("ours"))

    assert subjects(remote) == ["Add ours"]
    assert subjects(remote, "team/main") == ["Add theirs"]


def test_making_a_repository_again_keeps_what_it_holds(remote: str) -> None:
    commit_and_push(remote, "main", AUTHOR, add("one"))

    ensure_repository(remote, "main")

    assert subjects(remote) == ["Add one"]


@pytest.mark.parametrize("uri", ["deploy@example.org:gitops.git", "example.org:gitops.git", "ssh://example.org/g.git"])
def test_an_address_of_another_host_is_not_made_into_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.chdir(tmp_path)

    ensure_repository(uri, "main")

    assert not is_local(uri)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_is_a_repository_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ensure_repository("here/log.git", "main")

    commit_and_push("here/log.git", "main", AUTHOR, add("one"))

    assert subjects(str(tmp_path / "here" / "log.git")) == ["Add one"]


def test_a_file_that_is_not_there_is_none_and_a_repository_that_cannot_be_read_is_an_error(
    remote: str, tmp_path: Path
) -> None:
    assert show(remote, "main", "one") is None  # no commit yet
    commit_and_push(remote, "main", AUTHOR, add("one"))
    assert show(remote, "main", "two") is None
    assert show(remote, "other", "one") is None

    with pytest.raises(GitError, match="No such file or directory"):
        show(str(tmp_path / "nowhere"), "main", "one")
    for path in (Path(remote) / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(GitError):
        show(remote, "main", "one")


def test_a_remote_that_is_not_there_is_an_error_with_gits_own_words(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"git ls-remote failed: .*does not appear to be a git repository"):
        commit_and_push(str(tmp_path / "nowhere.git"), "main", AUTHOR, add("one"))


def test_a_machine_without_git_is_told_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(GitError, match="is git installed"):
        git("--version")


def test_git_never_asks_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_ASKPASS", "/a/helper")

    seen = git("-c", "alias.seen=!env", "seen")

    assert "GIT_TERMINAL_PROMPT=0" in seen
    assert "GIT_ASKPASS=/a/helper" in seen  # how to reach a remote is the operator's to say


def test_a_repository_is_made_once_by_many_at_a_time(tmp_path: Path) -> None:
    uri, errors = str(tmp_path / "log.git"), []

    def make() -> None:
        try:
            ensure_repository(uri, "main")
        except (GitError, OSError) as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert [path.name for path in tmp_path.iterdir()] == ["log.git"]
    assert commit_and_push(uri, "main", AUTHOR, add("one")) is not None


def test_a_commit_that_fails_is_named_as_one(remote: str) -> None:
    with pytest.raises(GitError, match=r"(?s)git commit failed: .*nothing to commit"):
        commit_and_push(remote, "main", AUTHOR, lambda _: Change("Nothing"))


def test_a_password_in_an_address_is_not_told() -> None:
    with pytest.raises(GitError, match="git ls-remote failed") as raised:
        git("ls-remote", "http://someone:secret@127.0.0.1:9/log.git")

    assert "secret" not in str(raised.value)


def test_a_lock_that_a_killed_git_has_left_is_taken_away_when_it_is_old(remote: str) -> None:
    commit_and_push(remote, "main", AUTHOR, add("one"))
    lock = Path(remote) / "refs" / "heads" / "main.lock"
    lock.touch()
    with pytest.raises(GitError, match="try again in a minute"):
        commit_and_push(remote, "main", AUTHOR, add("two"))

    os.utime(lock, (0, 0))
    commit_and_push(remote, "main", AUTHOR, add("two"))

    assert subjects(remote) == ["Add two", "Add one"]
    assert not lock.exists()
