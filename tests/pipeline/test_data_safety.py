"""Whatever happens while a version is published: what is listed is complete, nothing is lost, and again means done."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest

from pipeline.contract import Contract
from pipeline.data_registry import DataRegistry, DataRegistryError, DataRemoteUnreachable, DataVersion
from pipeline.git import Change, GitError, clone, commit_and_push, git
from pipeline.settings import Settings
from tests.pipeline.conftest import use_s3
from tests.publishing import Answer, batch, free_port, in_child, month, proxy, without_rights

AUTHOR = "Somebody Else <else@example.org>"
NONE = timedelta(0)
# What a process does to the world around it, as Python tells its audit hooks just before it happens.
EFFECTS = (
    *("subprocess.Popen", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod"),
    *("os.truncate", "os.utime", "tempfile.mkdtemp", "shutil.rmtree", "fcntl.flock", "socket.connect"),
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, in which leftovers can be told from those of others."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def killed_at(step: int, do: Callable[[], Any]) -> bool:
    """Run something in a child that is killed at its n-th effect; return whether it came so far."""
    left = step

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in EFFECTS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        sys.addaudithook(watch)  # which lasts as long as the child
        do()

    code, said = in_child(run)
    assert code in (0, -signal.SIGKILL), said
    return code != 0


def check_whole(registry: DataRegistry, known: dict[str, pd.DataFrame] | None = None) -> None:
    """Every version that is listed can be read, and those that were read before read the same."""
    for note in registry.notes():
        frame = registry.read(note.version)
        assert len(frame) == note.rows
        if known and note.version in known:
            pd.testing.assert_frame_equal(frame, known[note.version])
    assert len(registry.notes()) == len(registry.versions())


def publish_again(registry: DataRegistry, rows: pd.DataFrame, expected: str) -> None:
    """Publishing what a killed process wanted to publish gives exactly one version, with its content."""
    check_whole(registry)
    earlier = {version: registry.read(version) for version in registry.versions() if version != expected}
    version = registry.publish(rows, month(2), "a.csv", run="one")
    assert (version.version, version.created) == (expected, True)
    assert registry.versions() == [*earlier, expected]
    check_whole(registry, earlier)
    with registry.files(expected, [month(2).id]) as files:
        pd.testing.assert_frame_equal(pd.read_parquet(files[month(2).id])[["area"]], rows[["area"]])


def test_a_publisher_that_is_killed_at_any_step_leaves_every_version_whole(settings, small_contract, temporary):
    fresh(settings, small_contract, 0).publish(batch(1), month(1), "a.csv")
    step, killed = -1, True
    while killed:
        step += 2  # the next test takes the even ones
        shutil.copytree(settings.state / "0", settings.state / str(step))
        registry = fresh(settings, small_contract, step)
        killed = killed_at(step, lambda: registry.publish(batch(2), month(2), "a.csv", run="one"))  # noqa: B023
        publish_again(registry, batch(2), "data-v1.1.0")
        assert step < 200
    assert step > 25
    clean_up(registry)
    assert list(temporary.iterdir()) == []


def clean_up(registry: DataRegistry) -> None:
    """What killed processes left is found, can be taken away, and no version needs any of it."""
    found = registry.leftovers(NONE)
    assert set(registry.remove(found)) == set(found)
    assert registry.leftovers(NONE) == []
    check_whole(registry)


def test_a_first_publisher_that_is_killed_at_any_step_hinders_nobody(settings, small_contract):
    for step in range(2, 80, 4):
        registry = fresh(settings, small_contract, step)
        killed_at(step, lambda: registry.publish(batch(2), month(2), "a.csv", run="one"))  # noqa: B023
        publish_again(registry, batch(2), "data-v1.0.0")
        clean_up(registry)
        assert [path.name for path in (settings.state / str(step) / "data-registry").iterdir()] == ["small.git"]


def fresh(settings: Settings, contract: Contract, name: object) -> DataRegistry:
    return DataRegistry(settings.model_copy(update={"state_dir": settings.state / str(name)}), contract)


def test_a_correction_that_is_killed_at_any_step_is_made_once(settings, small_contract):
    fresh(settings, small_contract, 0).publish(batch(2), month(2), "a.csv")
    rows = batch(2).assign(area=50.0)
    for step in range(2, 80, 7):
        shutil.copytree(settings.state / "0", settings.state / str(step))
        registry = fresh(settings, small_contract, step)
        killed_at(step, lambda: registry.publish(rows, month(2), "a.csv", run="one"))  # noqa: B023
        publish_again(registry, rows, "data-v1.0.1")


def test_a_publisher_to_s3_that_is_killed_at_any_step_leaves_every_version_whole(s3_settings, small_contract):
    for step in range(3, 80, 15):
        place = {"state_dir": s3_settings.state / str(step), "data_remote_uri": f"{s3_settings.data_remote_uri}/{step}"}
        registry = DataRegistry(s3_settings.model_copy(update=place), small_contract)
        killed_at(step, lambda: registry.publish(batch(2), month(2), "a.csv", run="one"))  # noqa: B023
        publish_again(registry, batch(2), "data-v1.0.0")


@pytest.mark.parametrize("hook", ["pre-receive", "update", "reference-transaction", "post-receive"])
def test_a_git_that_is_killed_in_the_middle_of_its_push_is_taken_up(registry, bare, hook):
    registry.publish(batch(1), month(1), "a.csv")
    script = bare / "hooks" / hook
    script.write_text("#!/bin/sh\nkill -9 0\n")  # the whole group: publisher, git, and git's other side
    script.chmod(0o755)

    def publish() -> None:
        os.setsid()
        registry.publish(batch(2), month(2), "a.csv", run="one")

    code, _ = in_child(publish)
    assert code == -signal.SIGKILL
    script.unlink()
    _grow_old(bare)
    check_whole(registry)
    assert registry.publish(batch(2), month(2), "a.csv", run="one").created
    assert registry.versions() == ["data-v1.0.0", "data-v1.1.0"]
    check_whole(registry)
    clean_up(registry)


def _grow_old(folder: Path) -> None:
    for path in folder.rglob("*.lock"):
        os.utime(path, (time.time() - 120,) * 2)


def test_a_young_lock_of_git_is_respected_and_named(registry, bare):
    registry.publish(batch(1), month(1), "a.csv")
    lock = bare / "refs" / "heads" / "main.lock"
    lock.touch()
    with pytest.raises(GitError, match=r"main\.lock is there: .*try again in a minute") as raised:
        registry.publish(batch(2), month(2), "a.csv")
    assert raised.value.transient
    assert lock.exists()


def test_a_push_that_ended_between_branch_and_tag_is_completed(registry, bare):
    for number in (1, 2):
        registry.publish(batch(number), month(number), "a.csv")
    git("update-ref", "-d", "refs/tags/data-v1.1.0", cwd=bare)
    assert registry.versions() == ["data-v1.0.0"]
    assert registry.publish(batch(3), month(3), "a.csv").version == "data-v1.2.0"
    assert registry.versions() == ["data-v1.0.0", "data-v1.1.0", "data-v1.2.0"]
    git("update-ref", "-d", "refs/tags/data-v1.2.0", cwd=bare)
    assert registry.publish(batch(3), month(3), "a.csv").created
    check_whole(registry)


# ---- a remote in trouble ----


@contextmanager
def refused(error: type[DataRegistryError], match: str, transient: bool) -> Iterator[None]:
    with pytest.raises(error, match=match) as raised:
        yield
    assert raised.value.transient == transient


def nothing_of_it(registry: DataRegistry, temporary: Path) -> None:
    assert registry.versions() == ["data-v1.0.0"]
    assert list(temporary.iterdir()) == []


def done(registry: DataRegistry) -> None:
    assert registry.publish(batch(2), month(2), "a.csv") == DataVersion(
        model="small", version="data-v1.1.0", rows=40, window=month(2).id, created=True
    )
    check_whole(registry)


@pytest.fixture
def s3_registry(s3_settings, small_contract) -> DataRegistry:
    registry = DataRegistry(s3_settings, small_contract, patience=3)
    registry.publish(batch(1), month(1), "a.csv")
    return registry


def test_a_remote_that_is_down_is_named_and_the_second_try_does_it(
    s3_registry, s3_settings, small_contract, s3_port, monkeypatch, temporary
):
    use_s3(monkeypatch, free_port())
    registry = DataRegistry(s3_settings, small_contract, patience=2)
    start = time.monotonic()
    with refused(DataRemoteUnreachable, "could not be stored in s3://data/.*run again when it is back", True):
        registry.publish(batch(2), month(2), "a.csv")
    with refused(DataRemoteUnreachable, "cannot be read from s3://data/", True):
        registry.read("data-v1.0.0")
    assert time.monotonic() - start < 30
    nothing_of_it(registry, temporary)
    use_s3(monkeypatch, s3_port)
    done(DataRegistry(s3_settings, small_contract))


def test_a_remote_that_does_not_answer_is_given_up_in_time(
    s3_registry, s3_settings, small_contract, s3_port, monkeypatch, temporary
):
    slow = True

    def stall(_: str, __: str) -> Answer:
        end = time.monotonic() + 8
        while slow and time.monotonic() < end:
            time.sleep(0.1)
        return None if not slow else (500, "InternalError")

    with proxy(s3_port, stall) as port:
        use_s3(monkeypatch, port)
        registry = DataRegistry(s3_settings, small_contract, patience=1)
        start = time.monotonic()
        with refused(DataRemoteUnreachable, "could not be stored in s3://data/.*: it did not answer in time", True):
            registry.publish(batch(2), month(2), "a.csv")
        assert time.monotonic() - start < 6
        nothing_of_it(registry, temporary)
        slow = False
        done(DataRegistry(s3_settings, small_contract))


@pytest.mark.parametrize(
    ("status", "code", "error", "match", "transient"),
    [
        (503, "ServiceUnavailable", DataRemoteUnreachable, "run again when it is back", True),
        (503, "SlowDown", DataRemoteUnreachable, "run again when it is back", True),
        (403, "AccessDenied", DataRegistryError, "it does not allow it .*give this process the right", False),
        (507, "InsufficientStorage", DataRegistryError, "it is full .*make room there", False),
    ],
)
def test_a_remote_that_takes_nothing_is_named_with_what_to_do(
    s3_registry, s3_settings, small_contract, s3_port, monkeypatch, temporary, status, code, error, match, transient
):
    with proxy(s3_port, lambda method, _: (status, code) if method in ("PUT", "POST") else None) as port:
        use_s3(monkeypatch, port)
        registry = DataRegistry(s3_settings, small_contract, patience=3)
        with refused(error, f"could not be stored in s3://data/.*{match}", transient):
            registry.publish(batch(2), month(2), "a.csv")
        assert len(registry.read("data-v1.0.0")) == 20
        nothing_of_it(registry, temporary)
    use_s3(monkeypatch, s3_port)
    done(DataRegistry(s3_settings, small_contract))


def test_a_disk_that_is_full_is_named_and_keeps_no_part(registry, content, temporary):
    registry.publish(batch(1), month(1), "a.csv")
    before = sorted(path for path in content.rglob("*") if path.is_file())

    def publish() -> str:
        path = temporary / "batch.parquet"
        with registry.files("data-v1.0.0") as files:
            path.write_bytes(next(iter(files.values())).read_bytes())
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # fails as a full disk does
        try:
            registry.publish_file(path, month(2), "a.csv")
        except DataRegistryError as error:
            return f"{error} {error.transient}"
        finally:
            path.unlink()
        return "published"

    code, said = in_child(publish)
    assert code == 0, said
    assert f"could not be stored in {content}: it is full" in said
    assert said.endswith("False")
    assert sorted(path for path in content.rglob("*") if path.is_file()) == before
    nothing_of_it(registry, temporary)
    done(registry)


def test_half_a_file_in_the_remote_is_not_taken_for_the_real_one(registry, content):
    registry.publish(batch(1), month(1), "a.csv")
    stored = next(path for path in content.rglob("*") if path.is_file())
    whole = stored.read_bytes()
    for rest in (b"", whole[:1000], b"\0" * len(whole)):
        stored.write_bytes(rest)
        with pytest.raises(DataRegistryError, match="is damaged"):
            registry.read("data-v1.0.0")
        other = fresh_repository(registry)
        assert other.publish(batch(1), month(1), "a.csv").version == "data-v1.0.0"
        assert stored.read_bytes() == whole
        check_whole(registry)


def fresh_repository(registry: DataRegistry) -> DataRegistry:
    """The same remote, and a repository that does not know yet what is in it: its publisher failed before the tag."""
    place = tempfile.mkdtemp(prefix="other-")
    settings = registry._settings.model_copy(update={"data_registry_uri": f"{place}/{{model}}.git"})
    return DataRegistry(settings, registry._contract)


def test_a_window_whose_content_is_lost_is_repaired_by_publishing_it_corrected(registry, content):
    registry.publish(batch(1), month(1), "a.csv")
    next(path for path in content.rglob("*") if path.is_file()).unlink()
    version = registry.publish(batch(1).assign(area=50.0), month(1), "a.csv")
    assert len(registry.read(version.version)) == 20
    assert registry.note(version.version).changes is None


# ---- others ----


def readme(work: Path) -> Change:
    (work / "README.md").write_text("Ours too.\n")
    return Change("Say hello")


def test_a_foreign_commit_stays_and_hinders_nobody(registry, bare):
    registry.publish(batch(1), month(1), "a.csv")
    commit_and_push(str(bare), "main", AUTHOR, readme)
    assert not registry.publish(batch(1), month(1), "a.csv").created
    assert registry.publish(batch(2), month(2), "a.csv").version == "data-v1.1.0"
    assert git("show", "main:README.md", cwd=bare) == "Ours too."
    check_whole(registry)


@pytest.mark.parametrize("address", ["path", "host"])
def test_a_branch_that_lost_its_files_gets_them_back_from_the_tag(registry, settings, small_contract, bare, address):
    for number in (1, 2):
        registry.publish(batch(number), month(number), "a.csv")

    def lose(work: Path) -> Change:
        git("rm", "-r", "--quiet", "version.json", "windows", cwd=work)
        return Change("Clean up")

    commit_and_push(str(bare), "main", AUTHOR, lose)
    commit_and_push(str(bare), "main", AUTHOR, readme)
    there = registry
    if address == "host":
        there = DataRegistry(settings.model_copy(update={"data_registry_uri": bare.as_uri()}), small_contract)
    assert not there.publish(batch(2), month(2), "a.csv").created
    assert there.publish(batch(1).assign(area=50.0), month(1), "a.csv").version == "data-v1.1.1"
    assert len(there.read("data-v1.1.1")) == 40
    assert git("show", "main:README.md", cwd=bare) == "Ours too."


def test_a_branch_that_was_set_back_loses_no_window(registry, bare):
    for number in (1, 2):
        registry.publish(batch(number), month(number), "a.csv")
    git("update-ref", "refs/heads/main", "data-v1.0.0^{commit}", cwd=bare)
    version = registry.publish(batch(3), month(3), "a.csv")
    assert (version.version, version.rows) == ("data-v1.2.0", 60)
    check_whole(registry)


def test_a_foreign_tag_is_told_and_its_number_is_left_to_it(registry, bare):
    registry.publish(batch(1), month(1), "a.csv")
    commit_and_push(str(bare), "main", AUTHOR, lambda work: Change(readme(work).message, tag="data-v1.1.0"))
    assert registry.publish(batch(2), month(2), "a.csv").version == "data-v1.2.0"
    assert [note.version for note in registry.notes()] == ["data-v1.0.0", "data-v1.2.0"]
    with pytest.raises(DataRegistryError, match=r"data-v1\.1\.0 holds no note of its own.*somebody else made this tag"):
        registry.read("data-v1.1.0")


# ---- leftovers ----


def test_content_whose_tag_was_refused_is_a_leftover_after_a_while_and_nothing_else_is(registry, bare, content):
    registry.publish(batch(1), month(1), "a.csv")
    registry.publish(batch(1).assign(area=50.0), month(1), "a.csv")
    hook = bare / "hooks" / "update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitError):
        registry.publish(batch(2), month(2), "a.csv")
    hook.unlink()
    assert registry.leftovers() == []
    (left,) = registry.leftovers(NONE)
    assert (left.kind, Path(left.where).is_file(), left.size) == ("content", True, Path(left.where).stat().st_size)
    assert "no version refers to it" in left.why
    assert left.age < timedelta(minutes=5)
    assert registry.remove([left]) == [left]
    assert not Path(left.where).exists()
    assert len([path for path in content.rglob("*") if path.is_file()]) == 2
    check_whole(registry)


def test_a_leftover_that_was_taken_up_meanwhile_is_kept(registry, bare):
    registry.publish(batch(1), month(1), "a.csv")
    registry.publish(batch(2), month(2), "a.csv")
    for name in ("refs/tags/data-v1.1.0", "refs/heads/main"):
        git("update-ref", "-d", name, cwd=bare)
    found = registry.leftovers(NONE)
    assert [left.kind for left in found] == ["content"]
    registry.publish(batch(2), month(2), "a.csv")
    assert registry.remove(found) == []
    check_whole(registry)


def test_leftovers_in_s3_are_found_and_taken_away(s3_registry, s3_settings):
    prefix = s3_settings.place("data_remote_uri", "small").removeprefix("s3://data/")
    client = boto3.client("s3")
    client.put_object(Bucket="data", Key=f"{prefix}/files/md5/ab/{'c' * 30}", Body=b"nobody's")
    client.put_object(Bucket="data", Key=f"{prefix}/files/md5/README", Body=b"somebody's")
    assert s3_registry.leftovers() == []
    (left,) = s3_registry.leftovers(NONE)
    assert (left.size, left.where.endswith("c" * 30), left.modified <= datetime.now(UTC)) == (8, True, True)
    assert s3_registry.remove([left]) == [left]
    assert s3_registry.leftovers(NONE) == []
    assert len(client.list_objects_v2(Bucket="data", Prefix=prefix)["Contents"]) == 2
    check_whole(s3_registry)


def test_a_remote_that_others_may_use_too_has_no_leftovers(settings, small_contract, tmp_path):
    shared = settings.model_copy(update={"data_remote_uri": str(tmp_path / "shared")})
    others = settings.model_copy(
        update={"data_remote_uri": str(tmp_path / "shared"), "data_registry_uri": str(tmp_path / "others.git")}
    )
    DataRegistry(others, small_contract).publish(batch(2), month(2), "a.csv")
    registry = DataRegistry(shared, small_contract)
    registry.publish(batch(1), month(1), "a.csv")
    assert registry.leftovers(NONE) == []


def test_a_part_of_a_copy_and_work_of_a_dead_process_are_leftovers_and_living_work_is_not(registry, content, temporary):
    registry.publish(batch(1), month(1), "a.csv")
    part = next(content.rglob("files/md5/*")) / ".abc.tmp"
    part.write_bytes(b"12345")
    (temporary / "mlops-data-dead" / "work").mkdir(parents=True)
    (temporary / "others").mkdir()
    with registry.files("data-v1.0.0"):
        found = registry.leftovers(NONE)
        assert {left.where for left in found} == {str(part), str(temporary / "mlops-data-dead")}
        assert set(registry.remove(found)) == set(found)
        assert len(list(temporary.iterdir())) == 2
    assert [path.name for path in temporary.iterdir()] == ["others"]


def test_work_of_a_clone_that_is_under_way_is_no_leftover(registry, bare):
    registry.publish(batch(1), month(1), "a.csv")
    with clone(str(bare), "main"):
        assert registry.leftovers(NONE) == []


def test_leftovers_of_a_registry_that_is_not_there_are_none(registry):
    assert registry.leftovers(NONE) == []


def test_publishers_in_processes_of_their_own_all_succeed(registry, settings, small_contract):
    children = []
    for number in (1, 2, 3):
        child = os.fork()
        if child == 0:
            try:
                DataRegistry(settings, small_contract).publish(batch(number), month(number), "a.csv")
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    assert registry.versions() == ["data-v1.0.0", "data-v1.1.0", "data-v1.2.0"]
    check_whole(registry)


def test_no_process_of_git_is_left_behind(registry):
    registry.publish(batch(1), month(1), "a.csv")
    running = subprocess.run(["ps", "-o", "ppid=,comm="], capture_output=True, text=True, check=False).stdout
    assert f"{os.getpid()} git" not in running


def test_nobody_without_rights_can_take_leftovers_away_unnoticed(registry, content, tmp_path):
    registry.publish(batch(1), month(1), "a.csv")
    part = next(content.rglob("files/md5/*")) / ".abc.tmp"
    part.write_bytes(b"12345")
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/") and folder != Path("/tmp"):  # noqa: S108 (pytest closes the folders in it)
            folder.chmod(folder.stat().st_mode | 0o055)

    def remove() -> str:
        found = [left for left in registry.leftovers(NONE) if left.kind == "part"]
        try:
            registry.remove(found)
        except DataRegistryError as error:
            return str(error)
        return "removed"

    code, said = without_rights(remove)
    assert code == 0, said
    assert f"{part} could not be taken away" in said
    assert part.exists()
