"""What validation refused, where monitoring reads it."""

import pytest
from pydantic import ValidationError

from pipeline.batch_log import BatchNote, read_batches, record_batch

REPORT = {
    "model": "small",
    "run": "first",
    "source": "rows.csv",
    "window": "2020-01-01_2021-01-01",
    "rows": 10,
    "accepted": 8,
    "quarantined": 2,
    "refused": {"area": {"range": 2}, "kind": {"category": 1}},
    "published": None,
}


def test_before_the_first_batch_there_is_none(settings):
    assert read_batches(settings, "small") == []


def test_what_is_recorded_is_read_again(settings):
    record_batch(settings, "small", REPORT)
    (note,) = read_batches(settings, "small")
    assert note == BatchNote(
        window="2020-01-01_2021-01-01", run="first", rows=10, accepted=8, quarantined=2, refused=REPORT["refused"]
    )


def test_the_latest_attempt_at_a_window_counts(settings):
    record_batch(settings, "small", REPORT | {"published": False})
    record_batch(settings, "small", REPORT | {"run": "second", "refused": {}, "published": True})
    assert [(note.run, note.refused, note.published) for note in read_batches(settings, "small")] == [
        ("second", {}, True)
    ]


def test_windows_stand_side_by_side_and_models_apart(settings):
    for window in ("rows-0_300", "all", "begin_2020-01-01"):
        record_batch(settings, "small", REPORT | {"window": window})
    record_batch(settings, "other", REPORT)
    assert [note.window for note in read_batches(settings, "small")] == ["all", "begin_2020-01-01", "rows-0_300"]
    assert len(read_batches(settings, "other")) == 1


def test_a_report_that_does_not_say_its_window_is_not_kept(settings):
    with pytest.raises(ValidationError, match="window"):
        record_batch(settings, "small", {"run": "first", "rows": 3})
    assert read_batches(settings, "small") == []
