"""Live traffic as it is read from a real prediction log, whatever is in it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from upath import UPath

from monitoring.errors import MonitoringError
from monitoring.frames import HIGH, ID, LATENCY_MS, LOW, TIME, read_frame
from monitoring.inputs.live import Stored, store_answers
from pipeline.contract import PREDICTION, Contract
from pipeline.prediction_log import SMOKE_CALLER, Answer, Outbox, blocks, utc_text
from pipeline.prediction_log.blocks import OutboxLog, Span, log_of
from pipeline.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = Span(NOON - timedelta(hours=12), NOON + timedelta(hours=12), (SMOKE_CALLER,))
FEATURES = {"area": 70.5, "class": 3, "größe des gartens": None, "kind": "flat ", "district": "East End", "lift": True}


def answer(prediction_id: str, minutes: float = 0, **changed: Any) -> Answer:
    said = {
        "time": utc_text(NOON + timedelta(minutes=minutes)),
        "model": "small",
        "version": 3,
        "features": FEATURES | {"state": "good"},
        "prediction": 0.1 + 0.2,
        "low": 0.2,
        "high": 1 / 3,
        "latency_ms": 2.5,
        "caller": "shop",
    }
    return Answer(id=prediction_id, **{**said, **changed})


@pytest.fixture
def read(small_contract: Contract, tmp_path: Path) -> Callable[..., tuple[Stored, pd.DataFrame]]:
    """Write answers, and truths, into a log of their own, and return what is read of it."""

    def run(answers: list[Answer], actuals: list[tuple[str, float]] = (), span: Span = DAY):  # type: ignore[assignment]
        path = tmp_path / "log" / "small.db"
        box = Outbox(path)
        for written in [box.add(one) for one in answers]:
            written.result(5)
        box.add_actuals(list(actuals))
        box.close()
        stored = store_answers(small_contract, UPath(tmp_path / "stored"), 3, OutboxLog(path).blocks(span))
        return stored, read_frame(stored.live_uri) if stored.live_uri else pd.DataFrame()

    return run


def test_an_answer_is_read_in_its_normal_form_and_to_the_last_digit(read):
    stored, frame = read([answer("a"), answer("b", caller=SMOKE_CALLER)], [("a", 0.25)])
    (row,) = frame.to_dict("records")
    assert (row[ID], row[TIME], row["rent"]) == ("a", pd.Timestamp(NOON), 0.25)
    assert (row[PREDICTION], row[LOW], row[HIGH], row[LATENCY_MS]) == (0.1 + 0.2, 0.2, 1 / 3, 2.5)
    assert (row["area"], row["class"], row["kind"], row["district"]) == (70.5, 3.0, "Flat", "east end")
    assert (row["state"], row["lift"]) == ("good", "true")
    assert pd.isna(row["größe des gartens"])
    assert (stored.live_rows, stored.other_versions, stored.clock_back_seconds) == (1, {}, 0)


@pytest.mark.parametrize("answers", [[], [answer("a", minutes=-721)]])
def test_no_traffic_leaves_no_file(read, answers):
    stored, _ = read(answers)
    assert (stored.live_uri, stored.live_rows, stored.other_uri) == (None, 0, None)


def test_a_log_that_is_not_there_yet_holds_nothing(small_contract, tmp_path):
    stored = store_answers(small_contract, UPath(tmp_path), 3, OutboxLog(tmp_path / "none.db").blocks(DAY))
    assert stored.live_rows == 0


def test_each_answer_is_in_one_of_two_windows_that_meet(read):
    edges = [answer("before", -0.001), answer("at", 0), answer("after", 0.001)]
    halves = Span(DAY.since, NOON), Span(NOON, DAY.until)
    found = [set(read(edges, span=half)[1][ID]) for half in halves]
    assert found == [{"before"}, {"at", "after"}]


def test_a_clock_that_steps_back_loses_and_doubles_nothing_and_is_told(read, monkeypatch):
    monkeypatch.setattr(blocks, "_ROWS", 2)  # blocks whose rows are of two orders
    answers = [answer(str(place), minutes) for place, minutes in enumerate([0, 10, 20, -40, -30, 30, 700, 800])]
    stored, frame = read(answers)
    assert sorted(frame[ID]) == ["0", "1", "2", "3", "4", "5", "6"]
    assert stored.clock_back_seconds == 3600


def test_many_blocks_are_as_one(read, monkeypatch):
    answers = [answer(str(place), place, features=FEATURES | {"state": "fair"}) for place in range(25)]
    whole, frame = read(answers, [(str(place), 100.0 + place) for place in range(0, 25, 2)])
    monkeypatch.setattr(blocks, "_ROWS", 7)
    parts, again = read([])
    assert (whole.live_rows, parts.live_rows) == (25, 25)
    pd.testing.assert_frame_equal(frame, again)
    assert frame["rent"].count() == 13


def test_the_truth_that_came_first_stays_and_one_without_its_prediction_is_left_out(read):
    _, frame = read([answer("a"), answer("b")], [("a", 100.0), ("a", 200.0), ("nobody's", 300.0)])
    assert frame.set_index(ID)["rent"].dropna().to_dict() == {"a": 100.0}


def test_answers_under_an_older_contract_are_read_as_far_as_they_go(read):
    """Other columns, other types and other words: of these, what cannot be read is missing."""
    older = {"area": "70.5", "class": True, "kind": 7, "rooms": [1, 2], "lift": "perhaps", "district": None}
    _, frame = read([answer("new"), answer("old", features=older), answer("bare", features={})])
    rows = frame.set_index(ID)
    assert rows.loc["new", "area"] == rows.loc["old", "area"] == 70.5
    assert (rows.loc["old", "kind"], rows.loc["old", "lift"]) == ("7", "perhaps")
    assert rows.loc["bare", ["area", "kind", "state"]].isna().all()
    assert "rooms" not in frame
    assert (rows.loc["new", "kind"], rows.loc["new", "lift"]) == ("Flat", "true")
    assert frame["class"].dtype == "float64"


def test_a_column_of_nulls_has_the_type_of_the_others(read):
    _, frame = read([answer("a", features=FEATURES | {"area": None, "state": None})])
    assert frame["area"].dtype == "float64"
    assert frame[["area", "state"]].isna().all(axis=None)


def test_words_with_quotes_and_line_breaks_stay_within_their_row(read):
    odd = 'a "quoted"\nline, \\ and \u2028 more'
    _, frame = read([answer('id "1"\n', features=FEATURES | {"district": odd}), answer("b")])
    assert len(frame) == 2
    assert set(frame[ID]) == {'id "1"\n', "b"}
    assert frame["district"].iloc[0] == " ".join(odd.casefold().split())


def test_versions_are_kept_apart_and_a_repeated_run_replaces_its_own(read):
    answers = [answer("a"), answer("b", version=2), answer("c", version=2), answer("d", version=4)]
    stored, _ = read(answers)
    assert (stored.live_rows, stored.other_versions) == (1, {2: 2, 4: 1})
    assert sorted(read_frame(stored.other_uri)[ID]) == ["b", "c", "d"]
    assert read([])[0] == stored


def test_a_row_that_is_no_json_is_named_and_never_read_as_something_else(read, tmp_path):
    read([answer("a")])
    with closing(sqlite3.connect(tmp_path / "log" / "small.db")) as connection:
        connection.execute("UPDATE predictions SET features = '{broken'")
        connection.commit()
    with pytest.raises(MonitoringError, match="small: the prediction log holds a row that is no JSON"):
        read([])


def test_the_copy_is_read_where_one_is_set(tmp_path):
    base = {"project_dir": tmp_path, "mlflow_uri": "sqlite://", "reports_uri": ""}
    assert isinstance(log_of(Settings(**base), "small"), OutboxLog)
    copied = log_of(Settings(**base, predictions_uri="postgresql://127.0.0.1:9/predictions"), "small")
    assert type(copied).__name__ == "CopiedLog"
