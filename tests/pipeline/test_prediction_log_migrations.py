import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.prediction_log import Outbox, PredictionLogError, find_answer, read_predictions, read_refusals
from pipeline.prediction_log.migrate import migrate_outbox
from pipeline.prediction_log.steps import SCHEMA_VERSION, STEPS

EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
TIME = "2026-03-01T12:00:00.000000+00:00"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A file of schema 1, as the first release wrote it, with three predictions, a truth and counted refusals."""
    path = tmp_path / "small.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in STEPS[0]:
            connection.execute(statement)
        rows = [(f"p{n}", TIME, "small", 1, '{"kind":"Flat"}', n, 0.5, 2.5, 1.5, "me", "{}") for n in (3, 1, 2)]
        connection.executemany(f"INSERT INTO predictions VALUES ({', '.join('?' * 11)})", rows)  # noqa: S608 (marks)
        connection.execute("INSERT INTO actuals VALUES ('p1', 7.5, ?)", (TIME,))
        connection.execute("INSERT INTO refusals VALUES (?, 'area', 'range', 4)", (TIME,))
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    return path


def tables(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: sql for name, sql in found if name != "prediction_log_version"}


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def opened(path: Path) -> None:
    Outbox(path).close()


def migrated(path: Path) -> None:
    path.touch()
    migrate_outbox(path)


@pytest.mark.parametrize("way", [opened, migrated])
def test_an_earlier_schema_is_brought_up_to_date_without_loss(first, way):
    before = read_predictions(first, **EVER), read_refusals(first, **EVER)
    assert len(before[0]) == 3
    way(first)
    assert version(first) == SCHEMA_VERSION
    assert (read_predictions(first, **EVER), read_refusals(first, **EVER)) == before
    kept = find_answer(first, "p1")
    assert kept is not None
    assert (kept.sent, kept.digest) == ("{}", None)
    with closing(sqlite3.connect(first)) as connection:  # in the order in which they were answered
        assert connection.execute("SELECT seq, id FROM predictions ORDER BY seq").fetchall() == [
            (1, "p3"), (2, "p1"), (3, "p2"),
        ]  # fmt: skip
    outbox = Outbox(first)
    assert outbox.add_actuals([("p1", 7.5), ("p2", 1.0)]) == ["repeated", "accepted"]
    outbox.close()


def test_the_service_and_alembic_make_the_same_tables(tmp_path, first):
    opened(tmp_path / "one.db")
    migrated(tmp_path / "other.db")
    opened(first)
    assert tables(tmp_path / "one.db") == tables(tmp_path / "other.db") == tables(first)


def test_alembic_goes_on_where_the_service_has_migrated_by_itself(first):
    opened(first)
    assert migrate_outbox(first) == SCHEMA_VERSION
    assert migrate_outbox(first) == SCHEMA_VERSION
    with closing(sqlite3.connect(first)) as connection:
        assert connection.execute("SELECT version_num FROM prediction_log_version").fetchall() == [("2",)]


def test_a_file_of_the_first_schema_can_be_read_before_it_is_migrated(first):
    assert [row["actual"] for row in read_predictions(first, **EVER)] == [7.5, None, None]
    assert version(first) == 1


@pytest.mark.parametrize("way", [opened, migrated])
def test_a_migration_that_fails_changes_nothing(first, way):
    before = tables(first)
    with closing(sqlite3.connect(first)) as connection:
        connection.execute("CREATE TABLE shipping (made TEXT)")  # which the last step makes: it fails there
        connection.commit()
    with pytest.raises(PredictionLogError, match=r"small\.db: .*already exists"):
        way(first)
    with closing(sqlite3.connect(first)) as connection:
        connection.execute("DROP TABLE shipping")
        connection.commit()
    assert (tables(first), version(first)) == (before, 1)


def test_a_later_schema_is_refused_by_name(first):
    opened(first)
    with closing(sqlite3.connect(first)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for way in (opened, migrated):
        with pytest.raises(PredictionLogError, match=r"small\.db: has schema 99, this code knows those up to 2; run"):
            way(first)


def test_without_a_log_there_is_nothing_to_migrate(tmp_path):
    with pytest.raises(PredictionLogError, match="there is no prediction log; a service makes it when it starts"):
        migrate_outbox(tmp_path / "small.db")
    assert not (tmp_path / "small.db").exists()


def test_opening_a_log_needs_neither_alembic_nor_a_database_library():
    script = "import sys, pipeline.prediction_log; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"alembic", "sqlalchemy", "psycopg"} & set(done.stdout.split())
