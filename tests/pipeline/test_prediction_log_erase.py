import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.contract import Contract, parse_contract
from pipeline.prediction_log import Answer, Outbox, PredictionLogError, find_answer, read_predictions, utc_text
from pipeline.prediction_log.choice import Choice, choose
from pipeline.prediction_log.erase import Erased, count_in_outbox, erase_in_outbox, scrub
from tests.conftest import SMALL

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
PRIVATE = "behind the old harbour gate"


def answer(prediction_id: str, features: dict[str, Any], time: datetime = NOON, **changes: Any) -> Answer:
    numbers = {"prediction": 1.0, "low": 0.5, "high": 2.0, "latency_ms": 1.0}
    fixed: dict[str, Any] = {"model": "small", "version": 1, "caller": "me", **numbers, **changes}
    return Answer(id=prediction_id, time=utc_text(time), features=features, **fixed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "small.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    opened = Outbox(path)
    yield opened
    opened.close()


def left(path: Path) -> list[str]:
    return [row["id"] for row in read_predictions(path, **EVER)]


def traces(path: Path, text: str) -> list[str]:
    files = sorted(path.parent.glob(f"{path.name}*"))
    return [file.name for file in files if text.encode() in file.read_bytes()]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["kind=villa"], ["b", "c"]),  # as a person writes it
        (["class=3"], ["a", "b"]),
        (["class=3.0"], ["a", "b"]),
        (["area=70.5"], ["a"]),
        (["lift=yes"], ["a", "c"]),
        (["lift=true"], ["a", "c"]),
        (["größe des gartens=12"], ["c"]),
        (["kind=Villa", "class=3"], ["b"]),
        (["of an earlier contract=x=1"], ["b"]),
        (["of an earlier contract=7"], []),
        (["kind=none of them"], []),
    ],
)
def test_predictions_are_found_by_the_values_of_their_features(outbox, path, small_contract, keys, found):
    records = {
        "a": {"kind": "Flat", "class": 3, "area": 70.5, "lift": True, "größe des gartens": None},
        "b": {"kind": "Villa", "class": 3, "area": 60, "lift": False, "of an earlier contract": "x=1"},
        "c": {"kind": "Villa", "class": 4, "area": 60, "lift": True, "größe des gartens": 12.0},
    }
    outbox.add_all([answer(name, record) for name, record in records.items()]).result(5)
    choice = choose(small_contract, [], keys)
    assert count_in_outbox(path, choice) == Erased(predictions=len(found))
    assert erase_in_outbox(path, choice) == Erased(predictions=len(found))
    assert left(path) == sorted(set(records) - set(found))


def test_ids_are_erased_with_their_truths_and_can_come_again(outbox, path, small_contract):
    outbox.add_all([answer(name, {"class": 1}) for name in "abc"]).result(5)
    outbox.add_actuals([("a", 1.0), ("b", 2.0)])
    choice = choose(small_contract, ["a", "c", "nobody"], [])
    assert erase_in_outbox(path, choice) == Erased(predictions=2, actuals=1)
    assert left(path) == ["b"]
    assert erase_in_outbox(path, choice) == Erased()
    assert outbox.add_actuals([("a", 1.0)]) == ["unknown"]
    outbox.add(answer("a", {"class": 2})).result(5)  # the writer went on all the time
    assert left(path) == ["a", "b"]


def test_truths_of_predictions_that_other_outboxes_hold_go_by_id_and_by_age(outbox, path):
    others = {"x", "y"}
    assert outbox.add_actuals([("x", 1.0), ("y", 2.0), ("x", 1.0), ("x", 3.0), ("z", 1.0)], others) == [
        *("accepted", "accepted", "repeated", "contradiction", "unknown")
    ]
    for choice in (Choice(ids=("x",)), Choice(before=utc_text(datetime.now(UTC) + timedelta(days=1)))):
        assert count_in_outbox(path, choice).actuals >= 1
        assert erase_in_outbox(path, choice) == Erased(actuals=1)
        assert erase_in_outbox(path, choice) == Erased()


def test_nothing_of_an_erased_value_is_left_in_the_files(outbox, path, small_contract):
    for number in range(40):
        secret = {"district": PRIVATE if number % 10 == 3 else "North", "class": 1}
        outbox.add(answer(f"p{number}", secret, sent=f'{{"warnings": ["district: {secret["district"]}"]}}')).result(5)
    assert traces(path, PRIVATE) != []
    choice = choose(small_contract, [], [f"district={PRIVATE}"])
    assert erase_in_outbox(path, choice) == Erased(predictions=4)
    assert traces(path, PRIVATE) == []  # already without `scrub`, beside a service that runs
    scrub(path)
    assert traces(path, PRIVATE) == []
    assert len(left(path)) == 36
    outbox.add(answer("after", {"class": 1})).result(5)
    assert find_answer(path, "after") is not None


def test_scrubbing_takes_away_what_a_careless_deletion_left(outbox, path):
    outbox.add(answer("a", {"district": PRIVATE})).result(5)
    outbox.close()
    with sqlite3.connect(path) as careless:
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("DELETE FROM predictions")
    careless.close()
    assert traces(path, PRIVATE) != []
    scrub(path)
    assert traces(path, PRIVATE) == []


def test_a_reader_that_holds_the_old_pages_is_told_of(outbox, path):
    outbox.add(answer("a", {"district": PRIVATE})).result(5)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM predictions").fetchone()
    with pytest.raises(PredictionLogError, match=r"traces stay in small\.db-wal while somebody reads; try again"):
        erase_in_outbox(path, Choice(ids=("a",)), patience=0.1)
    reader.close()
    assert left(path) == []
    scrub(path)
    assert traces(path, PRIVATE) == []


def test_retention_goes_by_age_and_takes_refusals_too(outbox, path):
    outbox.add_all([answer(f"p{days}", {}, NOON - timedelta(days=days)) for days in range(2500)]).result(10)
    outbox.add_actuals([("p2499", 1.0), ("p1", 1.0)])
    outbox.refuse({("area", "range"): 1})
    outbox.check()
    choice = Choice(before=utc_text(NOON - timedelta(days=10)))
    assert erase_in_outbox(path, choice) == Erased(predictions=2489, actuals=1)
    assert len(left(path)) == 11
    later = Choice(before=utc_text(datetime.now(UTC) + timedelta(days=1)))
    assert erase_in_outbox(path, later) == Erased(predictions=11, actuals=1, refusals=1)
    assert (left(path), count_in_outbox(path, later)) == ([], Erased())


def test_numbers_of_rows_are_never_given_twice(outbox, path):
    """What was erased at the end must not lend its number: the copy goes on behind it."""
    outbox.add_all([answer(name, {}) for name in "abc"]).result(5)
    erase_in_outbox(path, Choice(ids=("b", "c")))
    scrub(path)
    outbox.add(answer("d", {})).result(5)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT seq, id FROM predictions").fetchall() == [(1, "a"), (4, "d")]


def test_a_log_that_is_not_there_holds_nothing_to_erase_and_is_not_made(path):
    assert count_in_outbox(path, Choice(ids=("a",))) == erase_in_outbox(path, Choice(ids=("a",))) == Erased()
    assert not path.exists()


@pytest.mark.parametrize(
    ("ids", "keys", "message"),
    [
        ([], [], "nothing is chosen: give a FIELD=VALUE or a prediction id"),
        ([], ["kind"], "'kind' is no FIELD=VALUE"),
        ([], ["=3"], "'=3' is no FIELD=VALUE"),
        ([], ["kind=Flat"], r"kind is not in the log \(log: false in the contract\): choose by prediction id"),
    ],
)
def test_a_choice_that_means_nothing_is_refused(ids, keys, message):
    columns: dict[str, Any] = SMALL["columns"]  # type: ignore[assignment]
    contract: Contract = parse_contract({**SMALL, "columns": {**columns, "kind": {**columns["kind"], "log": False}}})
    with pytest.raises(PredictionLogError, match=message):
        choose(contract, ids, keys)
