"""The data registry: numbering, sameness, races, and that no version is ever half there."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from pipeline.contract import SPLIT, Contract, Window, parse_contract
from pipeline.data_content import checksum, row_hashes, to_parquet, to_table
from pipeline.data_registry import DataRegistry, DataRegistryError
from pipeline.data_versions import in_version_order, next_version
from pipeline.git import GitError, git
from tests.publishing import batch, month

SOURCE = "flats.csv"


def changed(contract: Contract) -> Contract:
    """The same contract with a column more."""
    columns = {**contract.model_dump(mode="json")["columns"], "floor": {"type": "integer"}}
    return parse_contract({**contract.model_dump(mode="json"), "columns": columns})


def test_an_empty_registry_has_no_version(registry):
    assert registry.versions() == []
    assert registry.latest() is None


def test_the_first_version_a_new_window_and_a_correction_are_numbered(registry):
    first = registry.publish(batch(1), month(1), SOURCE)
    second = registry.publish(batch(2), month(2), SOURCE)
    third = registry.publish(batch(1).assign(area=50.0), month(1), SOURCE)
    assert [version.version for version in (first, second, third)] == ["data-v1.0.0", "data-v1.1.0", "data-v1.1.1"]
    assert [version.rows for version in (first, second, third)] == [20, 40, 40]
    assert registry.versions() == ["data-v1.0.0", "data-v1.1.0", "data-v1.1.1"]
    assert [registry.note(version).kind for version in registry.versions()] == ["major", "minor", "patch"]


def test_what_is_read_is_what_was_published(registry, small_contract):
    registry.publish(batch(2), month(2), SOURCE)
    registry.publish(batch(1), month(1), SOURCE)
    read = registry.read("data-v1.1.0")
    both = pd.concat([batch(1), batch(2)], ignore_index=True)
    assert list(read.columns) == [*small_contract.batch_columns, SPLIT]
    pd.testing.assert_frame_equal(read, both.astype(read.dtypes))


def test_earlier_versions_stay_as_they_were(registry):
    registry.publish(batch(1), month(1), SOURCE)
    before = registry.read("data-v1.0.0")
    registry.publish(batch(1).assign(area=50.0), month(1), SOURCE)
    pd.testing.assert_frame_equal(registry.read("data-v1.0.0"), before)
    assert (registry.read("data-v1.0.1")["area"] == 50).all()


def test_the_same_content_again_is_the_same_version_and_no_commit(registry, bare):
    first = registry.publish(batch(1), month(1), SOURCE)
    head = git("-C", str(bare), "rev-parse", "main")
    again = registry.publish(batch(1).sample(frac=1, random_state=1), month(1), "a copy of it.csv")
    assert again == first.model_copy(update={"created": False})
    assert first.created
    assert git("-C", str(bare), "rev-parse", "main") == head


def test_a_correction_taken_back_is_a_version_of_its_own(registry):
    for area in (50.0, 60.0, 50.0):
        last = registry.publish(batch(1).assign(area=area), month(1), SOURCE)
    assert (last.version, last.created) == ("data-v1.0.2", True)
    assert (registry.read("data-v1.0.2")["area"] == 50).all()


def test_other_columns_are_a_major_version_without_the_old_windows(registry, settings, small_contract):
    registry.publish(batch(1), month(1), SOURCE)
    registry.publish(batch(2), month(2), SOURCE)
    newer = DataRegistry(settings, changed(small_contract))
    version = newer.publish(batch(2).assign(floor=3), month(2), SOURCE)
    assert (version.version, version.rows) == ("data-v2.0.0", 20)
    assert (newer.read("data-v2.0.0")["floor"] == 3).all()
    assert len(newer.read("data-v1.1.0")) == 40
    assert "floor" not in newer.read("data-v1.1.0").columns
    assert newer.publish(batch(1).assign(floor=1), month(1), SOURCE).version == "data-v2.1.0"


def test_a_window_that_overlaps_another_one_is_refused_by_name(registry):
    registry.publish(batch(1), month(1), SOURCE)
    with pytest.raises(
        DataRegistryError, match="window 2020-01-15_2020-02-15 overlaps the published window 2020-01-01_2020-02-01"
    ):
        registry.publish(batch(1), Window(start="2020-01-15", end="2020-02-15"), SOURCE)
    assert registry.versions() == ["data-v1.0.0"]


def test_the_note_says_where_the_rows_come_from(registry, small_contract):
    registry.publish(batch(1), month(1), SOURCE)
    registry.publish(batch(2, n=5), month(2), "other.csv")
    note = registry.note("data-v1.1.0")
    assert (note.source, note.window, note.window_rows, note.rows) == ("other.csv", "2020-02-01_2020-03-01", 5, 25)
    assert note.data_hash == small_contract.data_hash
    assert {name: (window.source, window.rows) for name, window in note.windows.items()} == {
        "2020-01-01_2020-02-01": (SOURCE, 20),
        "2020-02-01_2020-03-01": ("other.csv", 5),
    }


def test_an_unknown_version_is_told_with_those_there_are(registry):
    with pytest.raises(DataRegistryError, match=r"small has no data version 'data-v9\.0\.0'; there are: none yet"):
        registry.read("data-v9.0.0")
    registry.publish(batch(1), month(1), SOURCE)
    with pytest.raises(DataRegistryError, match=r"there are: data-v1\.0\.0$"):
        registry.note("main")


def test_rows_that_were_not_validated_are_refused(registry, bare):
    with pytest.raises(DataRegistryError, match="lack the columns area, __split__: validate them first"):
        registry.publish(batch(1).drop(columns=["area", SPLIT]), month(1), SOURCE)
    with pytest.raises(DataRegistryError, match="no rows to publish"):
        registry.publish(batch(1)[:0], month(1), SOURCE)
    assert not bare.exists()


def test_publishers_at_the_same_time_all_succeed(settings, small_contract):
    start = threading.Barrier(3)

    def publish(number: int) -> str:
        start.wait()
        return DataRegistry(settings, small_contract).publish(batch(number), month(number), SOURCE).version

    with ThreadPoolExecutor(3) as pool:
        versions = list(pool.map(publish, (1, 2, 3)))
    registry = DataRegistry(settings, small_contract)
    assert sorted(versions) == registry.versions() == ["data-v1.0.0", "data-v1.1.0", "data-v1.2.0"]
    assert len(registry.read("data-v1.2.0")) == 60


def test_the_same_window_published_by_two_at_once_is_one_version(settings, small_contract):
    def publish(_: int) -> tuple[str, bool]:
        version = DataRegistry(settings, small_contract).publish(batch(1), month(1), SOURCE)
        return version.version, version.created

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(publish, range(2))) == [("data-v1.0.0", False), ("data-v1.0.0", True)]


def test_nothing_is_published_when_the_data_cannot_be_stored(registry, bare, content):
    registry.publish(batch(1), month(1), SOURCE)
    content.rename(content.with_name("away"))
    content.write_text("a file where the folder was")
    with pytest.raises(DataRegistryError, match="the data could not be stored in"):
        registry.publish(batch(2), month(2), SOURCE)
    assert registry.versions() == ["data-v1.0.0"]
    assert git("-C", str(bare), "rev-list", "--count", "main") == "1"


def test_a_repository_that_refuses_the_push_has_neither_branch_nor_tag(registry, bare):
    registry.publish(batch(1), month(1), SOURCE)
    hook = bare / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/tags/*) echo "no tags today" >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    with pytest.raises(GitError, match="no tags today"):
        registry.publish(batch(2), month(2), SOURCE)
    assert registry.versions() == ["data-v1.0.0"]
    assert git("-C", str(bare), "rev-list", "--count", "main") == "1"


def test_one_more_window_needs_and_stores_that_window_only(registry, content):
    registry.publish(batch(1), month(1), SOURCE)
    stored = [path for path in content.rglob("*") if path.is_file()]
    assert len(stored) == 1
    stored[0].unlink()  # publishing must not miss it
    registry.publish(batch(2), month(2), SOURCE)
    assert len([path for path in content.rglob("*") if path.is_file()]) == 1
    with pytest.raises(DataRegistryError, match=r"windows/2020-01-01_2020-02-01\.parquet cannot be read from"):
        registry.read("data-v1.1.0")


def test_damaged_content_is_noticed(registry, content):
    registry.publish(batch(1), month(1), SOURCE)
    stored = next(path for path in content.rglob("*") if path.is_file())
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    with pytest.raises(DataRegistryError, match="is damaged: it is not what was published"):
        registry.read("data-v1.0.0")


def test_a_registry_can_be_moved_and_names_no_place_of_its_machine(
    registry, settings, small_contract, bare, content, tmp_path
):
    registry.publish(batch(1), month(1), SOURCE)
    before = registry.read("data-v1.0.0")
    files = git("-C", str(bare), "ls-tree", "-r", "--name-only", "main").splitlines()
    assert not any(str(tmp_path) in git("-C", str(bare), "show", f"main:{name}") for name in files)
    bare.rename(tmp_path / "moved.git")
    content.rename(tmp_path / "moved")
    places = {"data_registry_uri": str(tmp_path / "moved.git"), "data_remote_uri": str(tmp_path / "moved")}
    moved = DataRegistry(settings.model_copy(update=places), small_contract)
    pd.testing.assert_frame_equal(moved.read("data-v1.0.0"), before)
    assert moved.publish(batch(2), month(2), SOURCE).version == "data-v1.1.0"


def test_a_registry_at_an_address_serves_as_one_at_a_path(registry, settings, small_contract, bare):
    registry.publish(batch(1), month(1), SOURCE)
    there = DataRegistry(settings.model_copy(update={"data_registry_uri": bare.as_uri()}), small_contract)
    assert there.publish(batch(2), month(2), SOURCE).version == "data-v1.1.0"
    assert len(there.read("data-v1.1.0")) == 40


def test_nothing_is_left_outside_of_the_registry(registry, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "temporary").mkdir()
    for name, folder in {"HOME": "home", "XDG_CACHE_HOME": "home", "XDG_CONFIG_HOME": "home"}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    registry.publish(batch(1), month(1), SOURCE)
    registry.read("data-v1.0.0")
    assert list((tmp_path / "home").rglob("*")) == []
    assert list((tmp_path / "temporary").rglob("*")) == []


def test_rows_without_an_event_time_keep_their_order(settings, small_contract):
    content = small_contract.model_dump(mode="json", exclude={"demo"})
    del content["columns"]["sold"]
    registry = DataRegistry(settings, parse_contract(content))
    for window in (Window(start=5, end=15), Window(start=0, end=5), Window(start=15)):
        rows = batch(1)[::-1].iloc[window.start : window.end]
        registry.publish(rows.drop(columns="sold"), window, SOURCE)
    assert registry.read("data-v1.2.0")["flat id"].tolist() == batch(1)["flat id"].tolist()[::-1]


def test_the_checksum_tells_a_missing_word_from_an_empty_one_and_any_change(small_contract):
    frame = batch(1)
    sums = {
        checksum(to_table(small_contract, changed))
        for changed in (
            frame,
            frame.assign(state=None),
            frame.assign(state=""),
            frame.assign(area=frame["area"] * (1 + 1e-15)),
            frame.assign(lift=~frame["lift"]),
        )
    }
    assert len(sums) == 5


def test_versions_are_ordered_and_numbered_as_numbers():
    assert in_version_order(["data-v1.10.0", "data-v1.9.0", "other", "data-v1.2"]) == ["data-v1.9.0", "data-v1.10.0"]
    assert next_version("data-v1.9.9", "patch") == "data-v1.9.10"
    assert next_version("data-v1.9.9", "minor") == "data-v1.10.0"
    assert next_version("data-v1.9.9", "major") == "data-v2.0.0"


def test_rows_have_the_same_hashes_however_they_are_kept(small_contract):
    table = to_table(small_contract, batch(1))
    (plain,) = table.to_batches()
    coded = pa.record_batch(
        [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in plain.columns],
        names=plain.schema.names,
    )
    names = plain.schema.names
    expected = row_hashes(plain, names)
    assert (row_hashes(coded, names) == expected).all()
    assert (row_hashes(coded.slice(5, 7), names) == expected[5:12]).all()
    assert (row_hashes(plain, ["area"]) != row_hashes(plain, ["rent"])).all()
    assert len(set(expected.tolist())) == 20


def test_missing_equals_missing_and_zero_equals_zero():
    kept = pa.record_batch({"x": pa.array([None, 0.0, 1.0], pa.float64())})
    same = pa.record_batch({"x": pa.array([float("nan"), -0.0, 1.0], pa.float64())})
    assert (row_hashes(kept, ["x"]) == row_hashes(same, ["x"])).all()


def test_values_that_change_places_between_rows_change_the_checksum(small_contract):
    frame = batch(1)
    swapped = frame.assign(area=frame["area"].iloc[::-1].to_numpy())
    assert checksum(to_table(small_contract, frame)) != checksum(to_table(small_contract, swapped))
    shuffled = frame.sample(frac=1, random_state=2)
    assert checksum(to_table(small_contract, frame)) == checksum(to_table(small_contract, shuffled))


def test_a_file_is_published_with_its_report_and_what_was_refused(registry, small_contract, tmp_path):
    path = tmp_path / "batch.parquet"
    path.write_bytes(to_parquet(to_table(small_contract, batch(1))))
    registry.publish_file(path, month(1), SOURCE, report={"rows": 21}, refused={"area": {"range": 1}})
    note = registry.note("data-v1.0.0").windows[month(1).id]
    assert note.refused == {"area": {"range": 1}}
    assert note.contract_hash == small_contract.data_hash
    assert registry.report("data-v1.0.0", month(1).id) == {"rows": 21}
    assert path.stat().st_mode & 0o200


def test_a_version_says_what_it_changes(registry):
    registry.publish(batch(1), month(1), SOURCE)
    registry.publish(batch(2), month(2), SOURCE)
    corrected = batch(1)
    corrected.loc[:2, "area"] = 33.0
    registry.publish(corrected.iloc[:-1], month(1), SOURCE)
    changes = [note.changes for note in registry.notes()]
    assert [(one.added, one.corrected, one.gone) for one in changes] == [(20, 0, 0), (20, 0, 0), (0, 3, 1)]
    assert [note.profile.rows for note in registry.notes()] == [20, 40, 39]
    assert registry.note("data-v1.1.1").profile.columns["area"].minimum >= 20


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda table: table.drop_columns(["area"]), "lack the columns area: validate them first"),
        (lambda table: table.append_column("extra", pa.array([1] * 20)), "must be those of the contract"),
        (lambda table: table.select(table.column_names[::-1]), "must be those of the contract, in its order"),
        (lambda table: table.set_column(2, "area", pa.array(["big"] * 20)), "area is string, not double"),
        (
            lambda table: table.set_column(10, SPLIT, pa.array(["holdout"] * 20)),
            "holds 'holdout', which is none of train",
        ),
    ],
)
def test_a_file_that_is_no_valid_batch_is_refused(registry, small_contract, tmp_path, change, match):
    path = tmp_path / "batch.parquet"
    pyarrow.parquet.write_table(change(to_table(small_contract, batch(1))), path, store_schema=False)
    with pytest.raises(DataRegistryError, match=match):
        registry.publish_file(path, month(1), SOURCE)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataRegistryError, match=r"batch\.parquet cannot be read as a Parquet file"):
        registry.publish_file(path, month(1), SOURCE)
    assert registry.versions() == []
