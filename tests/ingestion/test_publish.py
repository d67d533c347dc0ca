"""Ingestion as a whole, on the default contract."""

import json

import pandas as pd
import pytest
from upath import UPath

from ingestion.collect import Collected, collect
from ingestion.errors import BatchRefused, IngestionError
from ingestion.publish import publish
from ingestion.validate import Validated, validate
from pipeline.batch_log import read_batches
from pipeline.contract import SPLIT
from pipeline.data_registry import DataRegistry
from pipeline.storage import read_json, storage


def validated(contract, settings, window, source=None, run="run"):
    """Run the first two steps as tasks do: what they hand each other has been JSON in between."""
    collected = Collected(**collect(contract, settings, run, window, source).model_dump(mode="json"))
    return Validated(**validate(contract, settings, run, collected).model_dump(mode="json"))


def ingest(contract, settings, window, source=None, run="run"):
    return publish(contract, settings, validated(contract, settings, window, source, run))


def report_of(settings, contract, run="run"):
    return read_json(storage(settings, "ingestion", contract.name, run, "report.json"))


@pytest.fixture
def with_bad_prices(settings, house_prices, tmp_path):
    """Write a copy of the source with that many bad rows in the history, and return its path."""

    def write(count: int) -> str:
        rows = pd.read_csv(settings.project_dir / house_prices.ingestion.source, dtype=str)
        history = rows.index[rows[house_prices.event_time] < "2009"]
        rows.loc[history[:count], house_prices.target.name] = "-1"
        rows.to_csv(tmp_path / f"{count}.csv", index=False)
        return str(tmp_path / f"{count}.csv")

    return write


def test_history_and_replay_become_two_versions_and_again_no_more(house_prices, settings):
    history, replay = house_prices.demo.history, house_prices.demo.replay
    windows = (history, history, replay, replay)
    versions = [ingest(house_prices, settings, window, run=f"run {place}") for place, window in enumerate(windows)]
    assert [version.version for version in versions] == ["data-v1.0.0", "data-v1.0.0", "data-v1.1.0", "data-v1.1.0"]
    assert [version.created for version in versions] == [True, False, True, False]
    assert [version.rows for version in versions] == [1941, 1941, 2930, 2930]
    registry = DataRegistry(settings, house_prices)
    first, both = registry.read("data-v1.0.0"), registry.read("data-v1.1.0")
    pd.testing.assert_frame_equal(both[: len(first)], first)
    assert list(both.columns) == [*house_prices.batch_columns, SPLIT]


def test_a_run_that_was_stopped_just_after_it_had_published_is_told_so_again(house_prices, settings):
    """So that what has to follow, such as monitoring, is not lost with the worker."""
    valid = validated(house_prices, settings, house_prices.demo.history)
    first = publish(house_prices, settings, valid)
    report = report_of(settings, house_prices)
    assert publish(house_prices, settings, valid) == first
    assert first.created
    assert report_of(settings, house_prices) == report
    assert DataRegistry(settings, house_prices).versions() == ["data-v1.0.0"]


def test_the_report_says_which_version_the_batch_became_and_what_that_changed(house_prices, settings):
    ingest(house_prices, settings, house_prices.demo.history, run="first")
    ingest(house_prices, settings, house_prices.demo.replay, run="second")
    ingest(house_prices, settings, house_prices.demo.replay, run="third")
    first, second, third = (report_of(settings, house_prices, run) for run in ("first", "second", "third"))
    assert (first["version"], first["before"], first["published"]) == ("data-v1.0.0", None, True)
    assert (second["version"], second["before"]) == ("data-v1.1.0", "data-v1.0.0")
    assert {name: second["changes"][name] for name in ("added", "corrected", "gone")} == {
        "added": 989,
        "corrected": 0,
        "gone": 0,
    }
    assert house_prices.event_time in {move["column"] for move in second["changes"]["moves"]}
    assert second["profile_before"]["rows"] == 1941
    assert (third["version"], third["created"], third["changes"]) == ("data-v1.1.0", False, None)


def test_a_run_that_is_repeated_with_other_rows_is_told_its_new_version(house_prices, settings, with_bad_prices):
    """Cleared after the source was corrected: the same run, another content."""
    ingest(house_prices, settings, house_prices.demo.history)
    ingest(house_prices, settings, house_prices.demo.replay, run="other")
    ingest(house_prices, settings, house_prices.demo.history, with_bad_prices(3))
    report = report_of(settings, house_prices)
    assert (report["version"], report["before"], report["changes"]["gone"]) == ("data-v1.1.1", "data-v1.1.0", 3)


def test_the_report_is_stored_with_the_version(house_prices, settings, with_bad_prices):
    ingest(house_prices, settings, house_prices.demo.history, with_bad_prices(3))
    stored = DataRegistry(settings, house_prices).report("data-v1.0.0", house_prices.demo.history.id)
    assert (stored["rows"], stored["accepted"], stored["quarantined"]) == (1941, 1938, 3)
    assert stored["refused"] == {house_prices.target.name: {"range": 3}}
    note = DataRegistry(settings, house_prices).note("data-v1.0.0")
    assert note.windows[house_prices.demo.history.id].refused == stored["refused"]
    assert json.dumps(stored)


def test_monitoring_can_read_what_was_refused_until_the_window_is_published_without_it(
    house_prices, settings, with_bad_prices
):
    history = house_prices.demo.history
    with pytest.raises(BatchRefused):
        ingest(house_prices, settings, history, with_bad_prices(1000), run="bad")
    (bad,) = read_batches(settings, house_prices.name)
    assert (bad.window, bad.run, bad.published) == (history.id, "bad", False)
    assert bad.refused == {house_prices.target.name: {"range": 1000}}
    ingest(house_prices, settings, history, run="good")
    (good,) = read_batches(settings, house_prices.name)
    assert (good.run, good.published, good.refused) == ("good", True, {})


def test_a_refused_batch_changes_nothing_that_is_published(house_prices, settings, with_bad_prices):
    ingest(house_prices, settings, house_prices.demo.history)
    with pytest.raises(BatchRefused, match=f"{house_prices.target.name}: .*-1.* is out of range"):
        ingest(house_prices, settings, house_prices.demo.history, with_bad_prices(1000))
    assert DataRegistry(settings, house_prices).versions() == ["data-v1.0.0"]


def test_what_validation_left_must_be_there(house_prices, settings):
    valid = validated(house_prices, settings, house_prices.demo.history)
    UPath(valid.uri).unlink()
    with pytest.raises(IngestionError, match="validate it again"):
        publish(house_prices, settings, valid)
    UPath(valid.report_uri).unlink()
    with pytest.raises(IngestionError, match="the report cannot be read"):
        publish(house_prices, settings, valid)
    assert DataRegistry(settings, house_prices).versions() == []
