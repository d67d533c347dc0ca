from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.wiring import door, event_extra, run_key, window_of
from pipeline.contract import Window
from pipeline.errors import NothingToDo, PipelineError
from pipeline.git import GitError


def run(kind: str, **interval):
    return SimpleNamespace(
        run_type=kind, data_interval_start=interval.get("start"), data_interval_end=interval.get("end")
    )


def test_nothing_to_do_skips_the_task_with_its_reason():
    with pytest.raises(AirflowSkipException, match="no rows"), door():
        raise NothingToDo("no rows")


def test_what_trying_again_cannot_help_fails_at_once():
    with pytest.raises(AirflowFailException, match="a bad batch"), door():
        raise PipelineError("a bad batch")


def test_what_may_pass_is_left_to_airflows_retries():
    with pytest.raises(GitError), door():
        raise GitError("the remote is away")


def test_a_scheduled_run_takes_its_data_interval(house_prices):
    interval = {"start": datetime(2008, 1, 1, tzinfo=UTC), "end": datetime(2008, 4, 1, tzinfo=UTC)}
    form = {"start": "2006-01-01", "end": None}
    expected = Window(start=date(2008, 1, 1), end=date(2008, 4, 1))
    assert window_of(house_prices, form, run("scheduled", **interval)) == expected
    assert window_of(house_prices, form, run("backfill", **interval)) == expected


def test_a_manual_run_takes_what_the_form_says(house_prices):
    form = {"start": "2006-01-01", "end": None}
    assert window_of(house_prices, form, run("manual")) == Window(start=date(2006, 1, 1))


def test_a_run_key_is_a_file_name():
    assert run_key("manual__2026-11-21T10:00:00.123456+00:00") == "manual__2026-11-21T10-00-00.123456-00-00"
    assert "/" not in run_key("../../etc/passwd")


def test_a_manual_run_has_no_event():
    assert event_extra({}, Asset(name="x")) == {}
