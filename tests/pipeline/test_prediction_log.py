import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.prediction_log import (
    SMOKE_CALLER,
    Answer,
    Outbox,
    PredictionLogError,
    find_answer,
    read_predictions,
    read_refusals,
    statements,
    utc_text,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}


def answer(prediction_id: str, **changes: Any) -> Answer:
    values = {
        "time": utc_text(NOON),
        "model": "small",
        "version": 1,
        "features": {"größe des gartens": None, "class": 3, "kind": "Flat"},
        "prediction": 0.1,
        "low": 0.05,
        "high": 0.2,
        "latency_ms": 1.5,
        "caller": "anonymous",
    }
    return Answer(id=prediction_id, **{**values, **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "not there yet" / "small.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    opened = Outbox(path)
    yield opened
    opened.close()


def test_a_log_that_is_not_there_yet_holds_nothing(path: Path) -> None:
    assert read_predictions(path, **EVER) == []
    assert read_refusals(path, **EVER) == {}
    assert find_answer(path, "a") is None
    assert not path.parent.exists()


def test_a_file_without_tables_yet_holds_nothing(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert read_predictions(path, **EVER) == []


def test_an_answer_is_on_disk_when_its_future_is_resolved(outbox: Outbox, path: Path) -> None:
    given = answer("a", sent="{}")
    assert outbox.add(given).result(5) is given
    assert outbox.find("a") == given
    assert read_predictions(path, **EVER) == [
        {name: getattr(given, name) for name in Answer.__dataclass_fields__ if name not in ("sent", "digest")}
        | {"actual": None}
    ]


def test_the_first_answer_of_an_id_stays(outbox: Outbox, path: Path) -> None:
    first = answer("a", prediction=1.0)
    outbox.add(first).result(5)
    assert outbox.add(answer("a", prediction=2.0)).result(5) == first
    assert [row["prediction"] for row in read_predictions(path, **EVER)] == [1.0]


def test_many_threads_lose_nothing_and_closing_writes_what_waits(outbox: Outbox, path: Path) -> None:
    def write(thread: int) -> None:
        for number in range(100):
            outbox.add(answer(f"{thread}-{number}"))

    threads = [threading.Thread(target=write, args=[thread]) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.close()
    assert len({row["id"] for row in read_predictions(path, **EVER)}) == 800


def test_several_answers_are_written_together_in_order(outbox: Outbox) -> None:
    outbox.add(answer("b", prediction=7.0)).result(5)
    written = outbox.add_all([answer("a"), answer("b"), answer("c")]).result(5)
    assert [(item.id, item.prediction) for item in written] == [("a", 0.1), ("b", 7.0), ("c", 0.1)]


@pytest.mark.parametrize("count", [1, 3, 64, 65, 500, 512, 513, 1500])
def test_groups_of_any_size_are_written_whole_and_in_order(outbox: Outbox, path: Path, count: int) -> None:
    answers = [answer(f"{count}-{place:04}") for place in range(count)]
    assert outbox.add_all(answers).result() == answers
    with sqlite3.connect(path) as connection:
        assert [row[0] for row in connection.execute("SELECT id FROM predictions ORDER BY seq")] == [
            one.id for one in answers
        ]


def test_a_worker_remembers_few_statements_however_the_sizes_of_groups_vary(path: Path) -> None:
    connection, compiled = statements.connect_for_writing(path), set[int]()
    connection.set_trace_callback(lambda text: compiled.add(text.count("),")) if text.startswith("INSERT") else None)
    for count in range(1, 130):
        assert statements.add_new(connection, [answer(f"{count}-{place}") for place in range(count)])
    connection.close()
    assert len(compiled) <= 12


def test_a_closed_outbox_takes_nothing_more(outbox: Outbox) -> None:
    outbox.close()
    outbox.close()
    with pytest.raises(PredictionLogError, match="is closed"):
        outbox.add(answer("a")).result(5)
    with pytest.raises(PredictionLogError, match="is closed"):
        outbox.check()


def test_predictions_are_chosen_by_time_version_and_caller(outbox: Outbox, path: Path) -> None:
    berlin = datetime.fromisoformat("2026-03-01T13:30:00+01:00")  # half past twelve
    outbox.add(answer("late", time=utc_text(NOON + timedelta(hours=1)))).result(5)
    outbox.add(answer("noon")).result(5)
    outbox.add(answer("half", time=utc_text(berlin), version=2)).result(5)
    outbox.add(answer("smoke", caller=SMOKE_CALLER)).result(5)

    def chosen(**choice: Any) -> list[str]:
        return [row["id"] for row in read_predictions(path, **{**EVER, **choice})]

    assert chosen() == ["noon", "smoke", "half", "late"]
    assert chosen(exclude_callers=(SMOKE_CALLER,)) == ["noon", "half", "late"]
    assert chosen(exclude_callers=(SMOKE_CALLER, "anonymous")) == []
    assert chosen(version=2) == ["half"]
    assert chosen(since=NOON, until=NOON + timedelta(hours=1)) == ["noon", "smoke", "half"]
    assert chosen(since=berlin, until=EVER["until"], version=1) == ["late"]


def test_times_need_a_zone(path: Path) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        read_predictions(path, since=datetime(2026, 1, 1), until=NOON)  # noqa: DTZ001 (that is the case)


def test_truths_are_told_once_and_known_with_their_predictions(outbox: Outbox, path: Path) -> None:
    outbox.add(answer("a")).result(5)
    outbox.add(answer("b")).result(5)
    told = [("a", 5.0), ("a", 5.0), ("a", 6.0), ("z", 1.0), ("b", float("nan")), ("b", float("inf")), ("b", 0.1)]
    assert outbox.add_actuals(told) == [
        "accepted",
        "repeated",
        "contradiction",
        "unknown",
        "not finite",
        "not finite",
        "accepted",
    ]
    assert outbox.add_actuals([("b", 0.1)]) == ["repeated"]
    assert {row["id"]: row["actual"] for row in read_predictions(path, **EVER)} == {"a": 5.0, "b": 0.1}


def test_refusals_are_counted_by_field_and_reason_and_read_by_time(outbox: Outbox, path: Path) -> None:
    for field, reason in [("area", "range"), ("area", "range"), ("area", "type"), ("größe", "missing")]:
        outbox.refuse({(field, reason): 1})
    outbox.check()
    assert read_refusals(path, **EVER) == {"area": {"range": 2, "type": 1}, "größe": {"missing": 1}}
    assert read_refusals(path, since=EVER["since"], until=NOON - timedelta(days=3000)) == {}


def test_readers_work_while_the_log_is_written(outbox: Outbox, path: Path) -> None:
    seen = []
    for number in range(50):
        waiting = [outbox.add(answer(f"{number}-{part}")) for part in range(20)]
        seen.append(len(read_predictions(path, **EVER)))
        for future in waiting:
            future.result(5)
    assert seen == sorted(seen)
    assert len(read_predictions(path, **EVER)) == 1000


def test_a_commit_that_fails_is_told_to_all_who_wait_and_the_writer_goes_on(outbox: Outbox, path: Path) -> None:
    outbox.add(answer("before")).result(5)
    with sqlite3.connect(path) as other:  # a table that is not there fails as a full disk does: within the batch
        other.execute("ALTER TABLE predictions RENAME TO elsewhere")
    for waiting in [outbox.add(answer("a")), outbox.add(answer("b"))]:
        with pytest.raises(PredictionLogError, match="the prediction log cannot be written"):
            waiting.result(5)
    with sqlite3.connect(path) as other:
        other.execute("ALTER TABLE elsewhere RENAME TO predictions")
    outbox.add(answer("after")).result(5)
    assert [row["id"] for row in read_predictions(path, **EVER)] == ["after", "before"]


@pytest.mark.parametrize("other", [None, b"", b"another file"])
def test_a_file_that_is_taken_away_or_replaced_is_noticed(outbox: Outbox, path: Path, other: bytes | None) -> None:
    outbox.add(answer("before")).result(5)
    (path.parent / "other").write_bytes(other or b"")
    path.unlink() if other is None else (path.parent / "other").replace(path)
    with pytest.raises(PredictionLogError, match="its file was taken away; restart the service"):
        outbox.check()
    with pytest.raises(PredictionLogError, match="taken away"):
        outbox.add(answer("after")).result(5)


def test_a_file_that_is_taken_away_under_load_is_noticed_within_seconds(outbox: Outbox, path: Path) -> None:
    path.unlink()
    deadline = time.monotonic() + 10
    while (failed := outbox.add(answer(f"{time.monotonic()}")).exception(5)) is None:
        assert time.monotonic() < deadline
    assert "taken away" in str(failed)


def test_a_full_disk_is_noticed_by_the_check_and_by_who_writes(path: Path) -> None:
    script = """
        import resource, signal, sys
        from pathlib import Path
        from pipeline.prediction_log import Outbox, PredictionLogError
        outbox = Outbox(Path(sys.argv[1]))
        outbox.check()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        for attempt in range(2):
            try:
                outbox.check()
            except PredictionLogError as error:
                print("noticed:", error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        outbox.check()
        print("well again")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.count("noticed: the prediction log cannot be written") == 2, done.stderr
    assert done.stdout.endswith("well again\n")


def test_a_full_disk_is_an_error_to_the_writer_and_never_a_lost_answer(path: Path) -> None:
    script = """
        import resource, signal, sys
        from pathlib import Path
        from pipeline.prediction_log import Answer, Outbox, PredictionLogError
        outbox = Outbox(Path(sys.argv[1]))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        def write(name):
            numbers = (1.0, 0.5, 2.0, 1.0)
            time = "2026-03-01T12:00:00.000000+00:00"
            try:
                outbox.add(Answer(name, time, "small", 1, {"kind": "x" * 900}, *numbers, "me")).result(10)
            except PredictionLogError:
                return print("refused", name)
            print("answered", name)
        for turn, limit in enumerate((200_000, resource.RLIM_INFINITY, 600_000, resource.RLIM_INFINITY)):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            for number in range(100):
                write(f"{turn}-{number}")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)], capture_output=True, text=True, check=True
    )
    told: dict[str, set[str]] = {"answered": set(), "refused": set()}
    for line in done.stdout.splitlines():
        said, name = line.split()
        told[said].add(name)
    assert len(told["refused"]) > 50
    assert len(told["answered"]) > 200
    assert {row["id"] for row in read_predictions(path, **EVER)} == told["answered"]


def test_an_entry_that_cannot_be_written_takes_no_other_with_it(outbox: Outbox, path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("BEGIN IMMEDIATE")  # so that what follows is one commit
        waiting = [outbox.add(answer("a")), outbox.add(answer("b", caller="\ud800")), outbox.add(answer("c"))]
    waiting[0].result(5)
    waiting[2].result(5)
    with pytest.raises(PredictionLogError, match="cannot be written: 'utf-8' codec can't encode"):
        waiting[1].result(5)
    assert [row["id"] for row in read_predictions(path, **EVER)] == ["a", "c"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PredictionLogError, match=r"file/log\.db: the prediction log cannot be opened"):
        Outbox(tmp_path / "file" / "log.db")


def test_a_file_that_is_no_log_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("nothing that SQLite knows, and longer than its header is: " + "x" * 200)
    with pytest.raises(PredictionLogError, match=r"text\.db: the prediction log cannot be read"):
        read_predictions(path, **EVER)


def test_a_log_of_a_later_schema_is_refused(outbox: Outbox, path: Path) -> None:
    outbox.close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(PredictionLogError, match="has schema 99, this code knows those up to 2"):
        read_predictions(path, **EVER)
    with pytest.raises(PredictionLogError, match="has schema 99"):
        Outbox(path)
