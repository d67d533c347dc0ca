"""The difference of two versions: rows added, corrected and gone, and how the columns moved."""

from collections import Counter
from contextlib import contextmanager

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.contract import SPLIT, Window, parse_contract
from pipeline.data_content import to_parquet, to_table
from pipeline.data_diff import diff_versions, diff_windows
from pipeline.data_registry import DataRegistry
from pipeline.row_changes import row_changes, row_examples
from tests.conftest import SMALL
from tests.publishing import batch

CONTRACT = parse_contract(SMALL)
KEYLESS = parse_contract(
    {**SMALL, "columns": {name: column for name, column in SMALL["columns"].items() if name != "flat id"}}
)
CHANGED = parse_contract({**SMALL, "columns": {**SMALL["columns"], "floor": {"type": "integer"}}})


def rows_of(number: int, n: int = 20) -> pd.DataFrame:
    return batch(number, n).assign(**{"class": 2.0})


def month(number: int) -> Window:
    return Window(start=f"2020-{number:02}-01", end=f"2020-{number + 1:02}-01")


@pytest.fixture
def written(tmp_path):
    """Write frames as Parquet files."""

    def write(*frames):
        paths = [tmp_path / f"{place}.parquet" for place in range(len(frames))]
        for path, frame in zip(paths, frames, strict=True):
            path.write_bytes(to_parquet(to_table(CONTRACT, frame)))
        return paths

    return write


@pytest.fixture
def registry(settings):
    return DataRegistry(settings, CONTRACT)


def correct(frame: pd.DataFrame) -> pd.DataFrame:
    """Take two rows away, correct three, add one."""
    changed = frame.iloc[2:].copy()
    changed.iloc[:3, changed.columns.get_loc("area")] += 1
    return pd.concat([changed, frame.iloc[:1].assign(**{"flat id": "new"})])


def test_with_a_key_a_row_is_added_corrected_or_gone_in_whatever_order(written):
    before, after = rows_of(1), correct(rows_of(1)).sample(frac=1, random_state=3)
    assert diff_windows(CONTRACT, *written(before, after)) == {"added": 1, "corrected": 3, "gone": 2}
    assert diff_windows(CONTRACT, *written(after, before)) == {"added": 2, "corrected": 3, "gone": 1}
    assert diff_windows(CONTRACT, *written(before, before[::-1])) == {"added": 0, "corrected": 0, "gone": 0}


def test_without_a_key_a_correction_is_a_row_gone_and_a_row_added(written):
    assert diff_windows(KEYLESS, *written(rows_of(1), correct(rows_of(1)))) == {"added": 4, "corrected": 0, "gone": 5}


def test_a_value_that_goes_missing_is_a_correction(written):
    after = rows_of(1).assign(state=None)
    expected = int(rows_of(1)["state"].notna().sum())
    assert diff_windows(CONTRACT, *written(rows_of(1), after))["corrected"] == expected > 0


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
def test_without_a_key_rows_count_as_often_as_they_stand(tmp_path_factory, before, after):
    folder = tmp_path_factory.mktemp("rows")
    files = [folder / "before.parquet", folder / "after.parquet"]
    for path, picks in zip(files, (before, after), strict=True):
        path.write_bytes(to_parquet(to_table(CONTRACT, rows_of(1, 4).iloc[picks])))
    changes = row_changes(*files, key=())
    assert changes.added == sum((Counter(after) - Counter(before)).values())
    assert changes.gone == sum((Counter(before) - Counter(after)).values())


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.integers(0, 9), st.integers(1, 2)), st.dictionaries(st.integers(0, 9), st.integers(1, 2)))
def test_with_a_key_the_counts_are_those_of_two_dictionaries(tmp_path_factory, before, after):
    folder = tmp_path_factory.mktemp("rows")
    files = [folder / "before.parquet", folder / "after.parquet"]
    for path, held in zip(files, (before, after), strict=True):
        frame = rows_of(1, 10).iloc[list(held)].assign(**{"class": [float(value) for value in held.values()]})
        path.write_bytes(to_parquet(to_table(CONTRACT, frame)))
    changes = row_changes(*files, key=CONTRACT.key)
    assert changes.added == len(after.keys() - before.keys())
    assert changes.gone == len(before.keys() - after.keys())
    assert changes.corrected == sum(before[key] != after[key] for key in before.keys() & after.keys())


def test_examples_name_the_row_by_its_key_and_what_was_corrected(written):
    before = rows_of(1)
    examples = row_examples(*written(before, correct(before)), key=CONTRACT.key, most=2)
    assert [example.change for example in examples] == ["added", "corrected", "corrected", "gone", "gone"]
    assert examples[0].row == {"flat id": "new"}
    for example in examples[1:3]:
        [area] = before.loc[before["flat id"] == example.row["flat id"], "area"]
        assert example.corrections == {"area": (area, area + 1)}
    assert {example.row["flat id"] for example in examples[3:]} == {"1-000", "1-001"}


def test_examples_without_a_key_are_whole_rows(written):
    examples = row_examples(*written(rows_of(1), correct(rows_of(1))), key=())
    assert {example.change for example in examples} == {"added", "gone"}
    assert set(examples[0].row) == {*CONTRACT.batch_columns, SPLIT}


def test_versions_differ_by_window_and_the_columns_that_moved_are_named(registry):
    registry.publish(rows_of(1), month(1), "a.csv")
    registry.publish(correct(rows_of(1)), month(1), "b.csv")
    registry.publish(rows_of(2, 7).assign(rent=5000.0), month(2), "c.csv")
    diff = registry.diff("data-v1.0.0", "data-v1.1.0")
    assert (diff.added, diff.corrected, diff.gone) == (8, 3, 2)
    assert (diff.rows_before, diff.rows_after, diff.same_contract, diff.by_key) == (20, 26, True, True)
    assert [(one.window, one.rows_before, one.rows_after) for one in diff.windows] == [
        (month(1).id, 20, 19),
        (month(2).id, None, 7),
    ]
    assert diff.moves[0].column == "rent"
    assert diff.windows[0].examples == ()


def test_a_version_does_not_differ_from_itself_and_backwards_is_the_other_way_round(registry):
    registry.publish(rows_of(1), month(1), "a.csv")
    registry.publish(rows_of(2, 7), month(2), "a.csv")
    same = registry.diff("data-v1.1.0", "data-v1.1.0")
    assert (same.added, same.corrected, same.gone, same.windows, same.moves) == (0, 0, 0, (), ())
    back = registry.diff("data-v1.1.0", "data-v1.0.0")
    assert (back.added, back.corrected, back.gone) == (0, 0, 7)
    assert [(one.window, one.rows_before, one.rows_after) for one in back.windows] == [(month(2).id, 7, None)]


def test_a_window_that_both_versions_have_alike_is_not_even_fetched(registry):
    registry.publish(rows_of(1), month(1), "a.csv")
    registry.publish(rows_of(2), month(2), "a.csv")
    registry.publish(correct(rows_of(2)), month(2), "a.csv")
    asked = []

    @contextmanager
    def files(version, windows):
        asked.append((version, list(windows)))
        with registry.files(version, windows) as found:
            assert list(found) == list(windows)
            yield found

    notes = [registry.note(version) for version in ("data-v1.1.0", "data-v1.1.1")]
    diff = diff_versions(CONTRACT, *notes, files, examples=1)
    assert (diff.added, diff.corrected, diff.gone) == (1, 3, 2)
    assert asked == [("data-v1.1.0", [month(2).id]), ("data-v1.1.1", [month(2).id])]
    assert len(diff.windows[0].examples) == 3


def test_rows_of_another_contract_are_not_compared(registry, settings):
    registry.publish(rows_of(1), month(1), "a.csv")
    newer = DataRegistry(settings, CHANGED)
    newer.publish(rows_of(1).assign(floor=3.0), month(1), "a.csv")
    diff = newer.diff("data-v1.0.0", "data-v2.0.0")
    assert (diff.same_contract, diff.added, diff.corrected, diff.gone) == (False, 20, 0, 20)
    assert [(move.column, move.kind) for move in diff.moves] == [("floor", "new")]


def test_the_key_of_another_contract_is_not_used_for_versions_of_an_earlier_one(registry, settings):
    registry.publish(rows_of(1), month(1), "a.csv")
    registry.publish(correct(rows_of(1)), month(1), "a.csv")
    diff = DataRegistry(settings, CHANGED).diff("data-v1.0.0", "data-v1.0.1")
    assert (diff.by_key, diff.added, diff.corrected, diff.gone) == (False, 4, 0, 5)


def test_windows_are_told_in_the_order_of_their_rows(registry):
    for number in (2, 10, 1):
        registry.publish(rows_of(number), month(number), "a.csv")
    diff = registry.diff("data-v1.0.0", "data-v1.2.0")
    assert [one.window for one in diff.windows] == [month(1).id, month(10).id]
    back = registry.diff("data-v1.2.0", "data-v1.0.0")
    assert [one.window for one in back.windows] == [month(1).id, month(10).id]
