"""Ingestion as a whole, on the default contract."""

import pandas as pd
import pytest

from ingestion.collect import Collected, collect
from ingestion.errors import BatchRefused
from ingestion.publish import publish
from ingestion.validate import Validated, validate
from pipeline.contract import SPLIT
from pipeline.data_registry import DataRegistry


def ingest(contract, settings, window, source=None, run="run"):
    """Run the three steps as tasks do: what they hand each other has been JSON in between."""
    collected = Collected(**collect(contract, settings, run, window, source).model_dump(mode="json"))
    validated = Validated(**validate(contract, settings, run, collected).model_dump(mode="json"))
    return publish(contract, settings, validated)


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
    assert both[house_prices.event_time].is_monotonic_increasing


def test_a_run_that_was_stopped_just_after_it_had_published_is_told_so_again(house_prices, settings):
    """So that what has to follow, such as monitoring, is not lost with the worker."""
    first, again = (ingest(house_prices, settings, house_prices.demo.history, run="the same") for _ in range(2))
    assert first == again
    assert again.created
    assert DataRegistry(settings, house_prices).versions() == ["data-v1.0.0"]


def test_a_refused_batch_changes_nothing_that_is_published(house_prices, settings, tmp_path):
    ingest(house_prices, settings, house_prices.demo.history)
    rows = pd.read_csv(settings.project_dir / house_prices.ingestion.source, dtype=str)
    rows.loc[5, house_prices.target.name] = "-1"
    rows.to_csv(tmp_path / "wrong.csv", index=False)
    with pytest.raises(BatchRefused, match=f"{house_prices.target.name}: '-1' is out of range"):
        ingest(house_prices, settings, house_prices.demo.history, str(tmp_path / "wrong.csv"))
    assert DataRegistry(settings, house_prices).versions() == ["data-v1.0.0"]
