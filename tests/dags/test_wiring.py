import json
import re
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.form import source_param, window_of
from dags.wiring import connection_of, door, event_extra, run_key
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


def test_a_window_that_ends_before_it_starts_is_refused_in_words(house_prices):
    form = {"start": "2009-01-01", "end": "2006-01-01"}
    with pytest.raises(PipelineError, match="start 2009-01-01 must come before end 2006-01-01"):
        window_of(house_prices, form, run("manual"))
    with pytest.raises(
        PipelineError, match=r"house_prices: the form's window 2009-13-01 to None is none: month must be in 1..12"
    ):
        window_of(house_prices, {"start": "2009-13-01", "end": None}, run("manual"))


def with_source(contract, **ingestion):
    return contract.model_copy(update={"ingestion": contract.ingestion.model_copy(update=ingestion)})


def test_the_connection_is_the_one_of_airflow_that_the_contract_names(house_prices, monkeypatch):
    made = {"conn_type": "aws", "login": "who", "password": "hidden-word", "extra": {"endpoint_url": "http://s3"}}
    monkeypatch.setenv("AIRFLOW_CONN_SALES", json.dumps(made))
    found = connection_of(with_source(house_prices, connection="sales"))
    assert (found.login, found.password.get_secret_value()) == ("who", "hidden-word")
    assert found.options.get_secret_value() == {"endpoint_url": "http://s3"}
    assert "hidden-word" not in f"{found} {found!r} {found.model_dump_json()}"


def test_without_a_connection_in_the_contract_airflow_is_not_asked(house_prices):
    assert connection_of(house_prices) is None


def test_the_source_field_shows_no_secret_and_takes_none(house_prices):
    own = source_param(with_source(house_prices, source="s3://user@bucket/rows.parquet?token=abc"))
    assert "s3://bucket/rows.parquet?…" in own.description
    assert "data/rows-*.csv" in source_param(with_source(house_prices, source="data/rows-*.csv")).description
    for allowed in ("data/rows.csv", "https://host:8080/rows.csv", "postgresql://user@host:5432/sales"):
        assert re.match(own.schema["pattern"], allowed)
    assert not re.match(own.schema["pattern"], "postgresql://user:word@host/sales")
