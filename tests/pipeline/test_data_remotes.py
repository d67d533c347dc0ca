"""Where a data registry and its content can be: a folder, S3, another host, a place that may only be read."""

import os
from pathlib import Path

import boto3
import dvc.api
import pandas as pd
import pytest

from pipeline.data_registry import DataRegistry, DataRegistryError
from pipeline.errors import PipelineError
from pipeline.git import GitError, git
from tests.publishing import batch, month, without_rights


def test_content_in_s3_is_published_and_read(s3_settings, small_contract):
    registry = DataRegistry(s3_settings, small_contract)
    assert registry.publish(batch(1), month(1), "a.csv").version == "data-v1.0.0"
    assert registry.publish(batch(2), month(2), "a.csv").rows == 40
    assert not registry.publish(batch(2), month(2), "a.csv").created
    assert len(registry.read("data-v1.1.0")) == 40


def test_a_second_publisher_in_s3_adds_and_corrects(s3_settings, small_contract):
    DataRegistry(s3_settings, small_contract).publish(batch(1), month(1), "a.csv")
    second = DataRegistry(s3_settings, small_contract)
    second.publish(batch(2), month(2), "a.csv")
    version = second.publish(batch(1).assign(area=50.0), month(1), "a.csv")
    assert version.version == "data-v1.1.1"
    changes = second.note(version.version).changes
    assert (changes.added, changes.corrected, changes.gone) == (0, 20, 0)
    assert (second.read(version.version)["area"] == 50).sum() == 20


def test_a_registry_in_s3_can_be_moved(s3_settings, small_contract, s3_port):
    registry = DataRegistry(s3_settings, small_contract)
    registry.publish(batch(1), month(1), "a.csv")
    client, old = boto3.client("s3"), s3_settings.place("data_remote_uri", "small").removeprefix("s3://data/")
    for item in client.list_objects_v2(Bucket="data", Prefix=old)["Contents"]:
        name = item["Key"].replace(old, f"moved/{old}")
        client.copy_object(Bucket="data", Key=name, CopySource={"Bucket": "data", "Key": item["Key"]})
        client.delete_object(Bucket="data", Key=item["Key"])
    with pytest.raises(DataRegistryError, match="is MLOPS_DATA_REMOTE_URI the place where it was stored"):
        registry.read("data-v1.0.0")
    moved = DataRegistry(s3_settings.model_copy(update={"data_remote_uri": f"s3://data/moved/{old}"}), small_contract)
    assert len(moved.read("data-v1.0.0")) == 20
    assert moved.publish(batch(2), month(2), "a.csv").version == "data-v1.1.0"


def test_a_bucket_that_is_not_there_is_named(s3_settings, small_contract):
    wrong = s3_settings.model_copy(update={"data_remote_uri": "s3://nowhere/{model}"})
    with pytest.raises(DataRegistryError, match=r"could not be stored in s3://nowhere/small: .*bucket") as raised:
        DataRegistry(wrong, small_contract).publish(batch(1), month(1), "a.csv")
    assert not raised.value.transient


def test_dvc_itself_reads_a_version(registry, bare, content):
    registry.publish(batch(1), month(1), "a.csv")
    name = "windows/2020-01-01_2020-02-01.parquet"
    remote = {"url": str(content)}
    with dvc.api.open(name, repo=str(bare), rev="data-v1.0.0", mode="rb", remote_config=remote, remote="r") as file:
        frame = pd.read_parquet(file)
    assert len(frame) == 20


def test_a_host_that_sends_no_parts_serves_as_one_that_does(registry, settings, small_contract, bare):
    git("config", "uploadpack.allowFilter", "false", cwd=_made(registry, bare))
    there = DataRegistry(settings.model_copy(update={"data_registry_uri": bare.as_uri()}), small_contract)
    for number in (2, 3):
        there.publish(batch(number), month(number), "a.csv")
    assert there.publish(batch(2).assign(area=50.0), month(2), "a.csv").version == "data-v1.2.1"
    assert len(there.read("data-v1.2.1")) == 60


def test_notes_and_reports_come_from_another_host(registry, settings, small_contract, bare, tmp_path):
    _made(registry, bare)
    there = DataRegistry(settings.model_copy(update={"data_registry_uri": bare.as_uri()}), small_contract)
    path = tmp_path / "batch.parquet"
    with registry.files("data-v1.0.0") as files:
        path.write_bytes(next(iter(files.values())).read_bytes())
    there.publish_file(path, month(2), "b.csv", report={"rows": 21}, refused={"area": {"range": 1}})
    assert [note.version for note in there.notes()] == ["data-v1.0.0", "data-v1.1.0"]
    note = there.note("data-v1.1.0")
    assert note.windows[month(2).id].refused == {"area": {"range": 1}}
    assert [window.profile.rows for window in note.windows.values()] == [20, 20]
    assert note.profile.rows == 40
    assert there.report("data-v1.1.0", month(2).id) == {"rows": 21}
    assert there.report("data-v1.1.0", month(1).id) is None


def _made(registry: DataRegistry, bare: Path) -> Path:
    registry.publish(batch(1), month(1), "a.csv")
    return bare


@pytest.mark.parametrize("which", ["data-registry", "data-remote", "."])
def test_what_may_only_be_read_is_read_and_says_that_nothing_can_be_published(
    registry, settings, which, tmp_path, monkeypatch
):
    registry.publish(batch(1), month(1), "a.csv")
    state, temporary = settings.state, tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setenv("HOME", str(temporary))
    temporary.chmod(0o777)
    _open_way_to(tmp_path)
    _set_rights(state, 0o777, 0o666)
    _set_rights(state / which, 0o555, 0o444)
    before = _listing(tmp_path)

    def read_and_publish() -> str:
        rows = len(registry.read("data-v1.0.0")), registry.note("data-v1.0.0").rows, len(registry.notes())
        again = registry.publish(batch(1), month(1), "a.csv").created
        try:
            registry.publish(batch(2), month(2), "a.csv")
        except PipelineError as error:
            return f"{rows} {again} {error} {error.transient}"
        return "published"

    code, said = without_rights(read_and_publish)
    _set_rights(state, 0o777, 0o666)
    assert code == 0, said
    assert said.startswith("(20, 20, 1) False ")
    assert str(state / which) in said
    assert "the right" in said
    assert said.endswith(" False")
    assert _listing(tmp_path) == before


def _open_way_to(path: Path) -> None:
    """Let others pass to a test's folder, which pytest closes to them."""
    for folder in (path, *path.parents):
        if folder.owner() == Path(path).owner() and folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)


def _set_rights(top: Path, folders: int, files: int) -> None:
    for path in [top, *top.rglob("*")]:
        path.chmod(folders if path.is_dir() else files)


def _listing(top: Path) -> list[str]:
    return sorted(str(path) for path in top.rglob("*"))


def test_a_registry_that_cannot_be_made_says_where(settings, small_contract, tmp_path):
    (tmp_path / "file").write_text("")
    blocked = settings.model_copy(update={"data_registry_uri": str(tmp_path / "file" / "r.git")})
    with pytest.raises(GitError, match=r"no repository can be made at .*r\.git"):
        DataRegistry(blocked, small_contract).publish(batch(1), month(1), "a.csv")
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 (the order does not matter for one)
