"""The prediction log's copy on a real PostgreSQL: each row once, whatever is killed, stopped or erased."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.prediction_log import Answer, Outbox, PredictionLogError, utc_text
from pipeline.prediction_log.blocks import OutboxLog, Span
from pipeline.prediction_log.choice import Choice
from pipeline.prediction_log.copied import CopiedLog
from pipeline.prediction_log.database import Database
from pipeline.prediction_log.erase import Erased, erase_in_outbox
from pipeline.prediction_log.erase_copy import erase_in_database
from pipeline.prediction_log.holdings import of_database
from pipeline.prediction_log.migrate import migrate_database
from serving.shipper import Shipper
from serving.shipping import Copier
from tests.system.postgres_server import ADMIN, PASSWORD, WHO

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "small.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    opened = Outbox(path)
    yield opened
    opened.close()


def answer(name: str, **changes: Any) -> Answer:
    values: dict[str, Any] = {"time": utc_text(NOON), "features": {"kind": "Flat", "größe": 12.5}, "caller": "me"}
    numbers = {"version": 1, "prediction": 0.1, "low": 0.05, "high": 0.2, "latency_ms": 1.5}
    return Answer(id=name, model="small", **{**values, **numbers, **changes})


def fill(outbox: Outbox, count: int) -> None:
    for start in range(0, count, 1000):
        outbox.add_all([answer(f"p{number}") for number in range(start, min(start + 1000, count))]).result(30)


def test_everything_is_copied_once_as_it_is(outbox, path, database, ask):
    odd = {"kind": 'a"b\\n\x00\t', "größe": 1e300, "lift": True, "none": None}
    outbox.add_all([answer("a", sent="{}"), answer("b", features=odd, version=7)]).result(5)
    outbox.add_actuals([("a", 5.5)])
    for _ in range(3):
        outbox.refuse({("größe", "range"): 1})
    outbox.check()
    copier = Copier(path, database, "small")
    assert copier.copy() == 4
    assert copier.copy() == copier.waiting == 0
    assert ask(
        "SELECT id, time, version, features->>'kind', prediction, low, high, latency_ms, caller FROM predictions"
    ) == [
        ("a", NOON, 1, "Flat", 0.1, 0.05, 0.2, 1.5, "me"),
        ("b", NOON, 7, 'a"b\\n\ufffd\t', 0.1, 0.05, 0.2, 1.5, "me"),
    ]
    outbox.add_actuals([("b", 6.5)])  # a truth that comes later
    outbox.refuse({("größe", "range"): 1})
    outbox.check()
    assert copier.copy() == 2
    assert Copier(path, database, "small").copy(again=True) >= 5
    copier.close()
    assert ask("SELECT prediction_id, actual FROM actuals ORDER BY 1") == [("a", 5.5), ("b", 6.5)]
    assert ask("SELECT model, field, reason, SUM(count)::int FROM refusals GROUP BY 1, 2, 3") == [
        ("small", "größe", "range", 4)
    ]
    assert of_database(database, "small")["refusals"] == 4


def test_the_copy_is_read_as_the_outbox_is(outbox, path, database):
    """Backslashes, quotes and line breaks as well: COPY escapes them in its own way."""
    odd = {"kind": 'a"b\\n\t\n\u2028', "größe": 1e20, "lift": True, "none": None}
    outbox.add_all([answer("a"), answer("b", features=odd, version=7), answer("smoke", caller="not me")]).result(5)
    outbox.add_all([answer("c", time=utc_text(NOON + timedelta(days=1))), answer("d", prediction=0.1 + 0.2)]).result(5)
    outbox.add_actuals([("a", 5.5)])
    outbox.refuse({("größe", "range"): 1})
    outbox.check()
    Copier(path, database, "small").copy()
    span = Span(NOON, NOON + timedelta(days=1), ("not me",))
    read = [
        [{**json.loads(line), "row": None} for block in log.blocks(span) for line in block.split(b"\n") if line]
        for log in (OutboxLog(path), CopiedLog(database, "small"))
    ]
    for lines in read:
        for line in lines:
            line["time"] = datetime.fromisoformat(line["time"])
    assert read[0] == read[1]
    assert [line["id"] for line in read[1]] == ["a", "b", "d"]
    assert read[1][1]["features"] == odd
    ever = Span(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert CopiedLog(database, "small").refusals(ever) == OutboxLog(path).refusals(ever) == {"größe": {"range": 1}}
    assert list(CopiedLog(database, "another").blocks(ever)) == []


def test_a_copy_that_is_away_is_a_clear_message_without_secrets():
    away = Database("postgresql://127.0.0.1:9/predictions", WHO)
    ever = Span(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    with pytest.raises(PredictionLogError, match="the database of predictions: ") as raised:
        list(CopiedLog(away, "small").blocks(ever))
    assert PASSWORD not in str(raised.value)


def test_outboxes_of_several_replicas_add_up(tmp_path, database, ask):
    for replica in ("one", "two"):
        outbox = Outbox(tmp_path / f"{replica}.db")
        outbox.add_all([answer("the same key"), answer(replica)]).result(5)
        outbox.refuse({("area", "range"): 1})
        outbox.close()
        Copier(tmp_path / f"{replica}.db", database, "small").copy()
    assert ask("SELECT id FROM predictions ORDER BY id") == [("one",), ("the same key",), ("two",)]
    assert ask("SELECT SUM(count)::int FROM refusals") == [(2,)]


def test_another_database_gets_everything_from_the_beginning(outbox, path, database, server):
    fill(outbox, 100)
    assert Copier(path, database, "small").copy() == 100
    with server.admin("postgres") as admin:
        admin.execute("CREATE DATABASE moved")
    moved = server.database("moved")
    migrate_database(moved)
    outbox.add(answer("new")).result(5)
    assert Copier(path, moved, "small").copy() == 101
    assert of_database(moved, "small")["predictions"] == 101


def test_tables_are_made_once_and_those_of_other_code_are_refused(outbox, path, empty, ask):
    outbox.add(answer("a")).result(5)
    with pytest.raises(PredictionLogError, match="has no tables yet: run `mlops predictions migrate`"):
        Copier(path, empty, "small").copy()
    assert (migrate_database(empty), migrate_database(empty)) == (0, 1)
    assert ask("SELECT version_num FROM prediction_log_version") == [("1",)]
    with empty.connect() as session:
        session.execute("UPDATE prediction_log_version SET version_num = '9'")
    for way in (lambda: migrate_database(empty), Copier(path, empty, "small").copy):
        with pytest.raises(PredictionLogError, match="has schema 9, this code writes 1: run the release that made it"):
            way()


SHIP = """
import sys
from pathlib import Path
from pipeline.connection import Connection
from pipeline.prediction_log.database import Database
from serving.shipping import Copier
from tests.system.postgres_server import ADMIN, PASSWORD, WHO
who = Connection(login=sys.argv[3], password=sys.argv[4])
print(Copier(Path(sys.argv[1]), Database(sys.argv[2], who), "small").copy())
"""


def test_a_copy_that_is_killed_again_and_again_copies_each_row_once(outbox, path, database, ask):
    fill(outbox, 20_000)
    outbox.add_actuals([(f"p{number}", float(number)) for number in range(0, 20_000, 4)])
    for _ in range(40):
        outbox.refuse({("area", "range"): 1})
    outbox.check()
    command = [sys.executable, "-c", SHIP, str(path), database.uri, ADMIN, PASSWORD]
    killed = 0
    for _ in range(3):
        before = ask("SELECT COUNT(*) FROM predictions")[0][0]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None and ask("SELECT COUNT(*) FROM predictions")[0][0] < before + 2000:
            time.sleep(0.002)
        process.kill()
        killed += process.wait(10) == -signal.SIGKILL
    assert killed >= 2
    assert 0 < ask("SELECT COUNT(*) FROM predictions")[0][0] < 20_000
    last = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 0 < int(last.stdout) < 20_000 + 5_000 + 40  # it went on from its place
    assert ask("SELECT COUNT(*), COUNT(DISTINCT id) FROM predictions") == [(20_000, 20_000)]
    assert ask("SELECT COUNT(*), SUM(actual)::bigint FROM actuals") == [(5_000, sum(range(0, 20_000, 4)))]
    assert ask("SELECT SUM(count)::int FROM refusals") == [(40,)]


def test_a_database_that_goes_and_comes_under_writing_changes_no_answer_and_loses_no_row(
    outbox, path, database, ask, server, caplog
):
    shipper, ended = Shipper(path, database, "small", every=0.05), threading.Event()
    written: list[float] = []  # seconds that each took

    def write() -> None:
        while not ended.is_set():
            started = time.perf_counter()
            outbox.add(answer(f"w{len(written)}")).result(10)
            written.append(time.perf_counter() - started)

    writer = threading.Thread(target=write)
    writer.start()
    shipper.start()
    try:
        for how in (signal.SIGINT, signal.SIGQUIT):  # shut down, and crashed
            time.sleep(0.7)
            count = len(written)
            server.stop(how)
            time.sleep(0.7)
            assert len(written) > count
            server.start()
        time.sleep(0.5)
    finally:
        ended.set()
        writer.join()
    outbox.close()
    shipper.stop(20)
    assert shipper.waiting == 0
    assert len(written) > 200
    assert max(written) < 5
    assert ask("SELECT COUNT(*), COUNT(DISTINCT id) FROM predictions") == [(len(written), len(written))]
    assert 1 <= sum("predictions wait to be copied" in line for line in caplog.messages) <= 4


def test_stopping_copies_what_still_waits(outbox, path, database, ask):
    shipper = Shipper(path, database, "small", every=60)
    shipper.start()
    fill(outbox, 3000)
    shipper.stop(20)
    assert ask("SELECT COUNT(*) FROM predictions") == [(3000,)]


def test_erasing_reaches_the_copy_and_is_not_undone_by_the_shipper(outbox, path, database, ask):
    outbox.add_all([answer(f"v{number}", features={"kind": "Villa", "class": 3}) for number in range(50)]).result(5)
    outbox.add_all([answer(f"f{number}") for number in range(50)]).result(5)
    outbox.add_actuals([("v1", 1.0), ("f1", 1.0)])
    assert Copier(path, database, "small").copy() == 102
    outbox.add(answer("late", features={"kind": "Villa", "class": 3.0})).result(5)
    choice = Choice(features=(("kind", ("VILLA", "Villa")), ("class", ("3", 3))))
    assert erase_in_database(database, "small", choice, dry=True) == Erased(50, 1)
    assert ask("SELECT COUNT(*) FROM predictions") == [(100,)]
    assert erase_in_database(database, "another", choice) == Erased()
    assert erase_in_outbox(path, choice) == Erased(51, 1)
    assert erase_in_database(database, "small", choice) == Erased(50, 1)
    Copier(path, database, "small").copy(again=True)
    assert ask("SELECT COUNT(*) FROM predictions") == [(50,)]
    assert ask("SELECT prediction_id FROM actuals") == [("f1",)]
    by_id = Choice(ids=("f1", "f2", "nobody"))
    assert erase_in_database(database, "small", by_id) == Erased(2, 1)


def test_retention_reaches_the_copy(outbox, path, database, ask):
    outbox.add_all([answer(f"p{days}", time=utc_text(NOON - timedelta(days=days))) for days in range(20)]).result(5)
    outbox.refuse({("area", "range"): 1})
    outbox.check()
    Copier(path, database, "small").copy()
    old = Choice(before=utc_text(NOON - timedelta(days=10)))
    assert erase_in_database(database, "small", old) == Erased(9, 0)
    later = Choice(before=utc_text(datetime.now(UTC) + timedelta(days=1)))
    assert erase_in_database(database, "small", later) == Erased(11, 0, 1)
    assert ask("SELECT COUNT(*) FROM refusals") == [(0,)]
