"""Sources that are SQL queries, here on SQLite; tests/system has PostgreSQL."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.errors import SourceError
from ingestion.sources import open_source
from ingestion.sources.spool import Spool
from pipeline.connection import Connection
from pipeline.contract import Contract, Window, parse_contract
from pipeline.settings import Settings
from tests.conftest import SMALL

ALL = "SELECT area, rent FROM flats ORDER BY sold"
SECRET = "sesame-open-0"  # noqa: S105 (it opens nothing)


@pytest.fixture
def database(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a project whose `flats.db` has a row for each day of January 2020."""
    with sqlite3.connect(tmp_path / "flats.db") as connection:
        connection.execute("CREATE TABLE flats (sold DATE, area REAL, rent INTEGER, kind TEXT, position INTEGER)")
        rows = [(date(2020, 1, day).isoformat(), 50.5 + day, 500 + day, "flat", day - 1) for day in range(1, 32)]
        connection.executemany("INSERT INTO flats VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()
    return settings.model_copy(update={"project_dir": tmp_path})


def contract(query: str | None, source: str = "sqlite:///flats.db", **keys: Any) -> Contract:
    return parse_contract({**SMALL, "ingestion": {"source": source, "query": query, **keys}})


def without_time(query: str) -> Contract:
    content = contract(query).model_dump(mode="json", exclude={"demo"})
    del content["columns"]["sold"]
    return parse_contract(content)


@pytest.fixture
def opened(database: Settings) -> Callable[..., Any]:
    @contextmanager
    def run(
        asked: Contract, window: Window | None = None, who: Connection | None = None, **settings: Any
    ) -> Iterator[Any]:
        here = database.model_copy(update=settings)
        with open_source(asked, here, asked.ingestion.source, window or Window(), who) as (file,):
            yield file

    return run


def table(opened: Callable[..., Any], query: str, window: Window | None = None) -> Any:
    with opened(contract(query), window) as file:
        return pq.read_table(file.path)


def refused(opened: Callable[..., Any], asked: Contract, *args: Any, **settings: Any) -> SourceError:
    with pytest.raises(SourceError) as error, opened(asked, *args, **settings):
        pass
    assert "\n" not in str(error.value)
    return error.value


def test_the_rows_of_a_query_come_as_one_parquet_file_that_goes_away(opened):
    with opened(contract(ALL)) as file:
        assert (file.name, file.format, file.first_row) == ("sqlite:///flats.db", "parquet", 0)
        found = pq.read_table(file.path)
    assert found.num_rows == 31
    assert found.schema == pa.schema({"area": pa.float64(), "rent": pa.int64()})
    assert found.column("rent").to_pylist()[:2] == [501, 502]
    assert not file.path.exists()


def test_an_absolute_path_is_a_source_too(opened, database):
    with opened(contract(ALL, f"sqlite:///{database.project_dir}/flats.db")) as file:
        assert pq.read_table(file.path).num_rows == 31


@pytest.mark.parametrize(
    ("window", "days"),
    [
        (Window(start="2020-01-05", end="2020-01-10"), range(5, 10)),
        (Window(start="2020-01-05"), range(5, 32)),
        (Window(end="2020-01-10"), range(1, 10)),
        (Window(), range(1, 32)),
    ],
)
def test_a_query_that_names_the_windows_edges_gets_them(opened, window, days):
    found = table(opened, "SELECT rent FROM flats WHERE sold >= :start AND sold < :end ORDER BY sold", window)
    assert found.column("rent").to_pylist() == [500 + day for day in days]


def test_a_query_may_name_one_edge_or_none_and_then_gives_more(opened):
    window = Window(start="2020-01-05", end="2020-01-10")
    assert table(opened, "SELECT rent FROM flats WHERE sold >= :start", window).num_rows == 27
    assert table(opened, "SELECT rent FROM flats", window).num_rows == 31


@pytest.mark.parametrize(
    ("window", "rows", "first"),
    [(Window(start=5, end=8), range(5, 8), 5), (Window(start=28), range(28, 31), 28), (Window(end=2), range(2), 0)],
)
def test_edges_that_are_positions_are_numbers_and_the_file_says_where_it_begins(opened, window, rows, first):
    with opened(
        without_time("SELECT rent FROM flats WHERE position >= :start AND position < :end ORDER BY position"), window
    ) as file:
        assert pq.read_table(file.path).column("rent").to_pylist() == [501 + row for row in rows]
        assert file.first_row == first


def test_without_start_in_the_query_the_file_begins_at_the_first_row(opened):
    with opened(without_time("SELECT rent FROM flats ORDER BY position"), Window(start=5, end=8)) as file:
        assert (pq.read_table(file.path).num_rows, file.first_row) == (31, 0)


def test_a_colon_in_a_text_or_a_cast_is_no_edge(opened):
    found = table(opened, r"SELECT '12:30' AS a, 'x\:y' AS b")
    assert found.to_pylist() == [{"a": "12:30", "b": "x:y"}]


@pytest.mark.parametrize(
    ("query", "source", "message"),
    [
        (None, "sqlite:///flats.db", "sqlite:///flats.db: is a database; say by `query`"),
        ("SELECT :day", "sqlite:///flats.db", "the query names :day, but only :start and :end stand for something"),
        ("SELECT area, rent AS area FROM flats", "sqlite:///flats.db", "one column of the query is called 'area'"),
        ("SELECT lift FROM flats", "sqlite:///flats.db", "cannot be read: no such column: lift"),
        ("SELEKT", "sqlite:///flats.db", "cannot be read: near"),
        ("DELETE FROM flats", "sqlite:///flats.db", "cannot be read: attempt to write a readonly database"),
        ("BEGIN", "sqlite:///flats.db", "sqlite:///flats.db: the query gives no rows; it must be a SELECT"),
        (ALL, "sqlite:///none.db", "sqlite:///none.db: there is no such file (looked for "),
        (ALL, "sqlite://", "sqlite://: names no file; write sqlite:///path/to/file.db"),
        (ALL, "sqlite:///note.txt", "cannot be read: file is not a database"),
        (ALL, "postgresql://127.0.0.1:many/db", "is no address of a database"),
        (ALL, "mysql+pymysql://127.0.0.1/db", "needs the package pymysql, which is not installed"),
    ],
)  # fmt: skip
def test_what_cannot_be_queried_is_one_clear_error(opened, database, query, source, message):
    (database.project_dir / "note.txt").write_text("no database" * 100)
    error = refused(opened, contract(query, source))
    assert message in str(error)
    assert not error.transient
    assert not (database.project_dir / "none.db").exists()


def test_a_query_changes_nothing(opened):
    refused(opened, contract("INSERT INTO flats (rent) VALUES (1) RETURNING rent"))
    assert table(opened, ALL).num_rows == 31


def test_the_size_is_limited(opened):
    error = refused(opened, contract(ALL), source_max_bytes=100)
    assert "sqlite:///flats.db: is larger than the 100 bytes" in str(error)


def test_a_database_that_someone_writes_may_be_read_later(opened, database):
    other = sqlite3.connect(database.project_dir / "flats.db")
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        error = refused(opened, contract(ALL), None, Connection(options={"timeout": 0.1}))
    finally:
        other.close()
    assert error.transient
    assert "database is locked; try again later" in str(error)


def test_a_checksum_of_a_query_is_refused_as_it_never_fits(opened):
    told = str(refused(opened, contract(ALL, sha256="0" * 64)))
    assert "sqlite:///flats.db: is a query, but the contract's sha256 is that of one file; leave it out" in told


def test_no_rows_are_a_file_with_the_columns(opened):
    found = table(opened, "SELECT area, rent FROM flats WHERE rent < 0")
    assert (found.num_rows, found.column_names) == (0, ["area", "rent"])


def test_many_rows_come_in_chunks(opened):
    found = table(
        opened,
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 119999) "
        "SELECT i, CASE WHEN i >= 60000 THEN i / 2.0 END AS half, NULL AS empty FROM n",
    )
    assert found.schema == pa.schema({"i": pa.int64(), "half": pa.float64(), "empty": pa.string()})
    assert found.column("i").to_pylist() == list(range(120_000))
    assert found.column("half").null_count == 60_000


# --- types ------------------------------------------------------------------------------------------------------------


def spooled(tmp_path: Path, *chunks: list[Any]) -> tuple[Any, list[Any]]:
    """Return the type and the values of a column that comes in these chunks."""
    spool = Spool(["c"], tmp_path / "rows.parquet")
    for chunk in chunks:
        spool.add([(value,) for value in chunk])
    found = pq.read_table(spool.close()).column("c")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]
    return found.type, found.to_pylist()


NOON = datetime(2020, 1, 1, 12)  # noqa: DTZ001
TIME, TIME_UTC = pa.timestamp("us"), pa.timestamp("us", tz="UTC")


@pytest.mark.parametrize(
    ("chunks", "kind", "values"),
    [
        ([[1, None], [2]], pa.int64(), [1, None, 2]),
        ([[None], [1]], pa.int64(), [None, 1]),
        ([[None], [None]], pa.string(), [None, None]),
        ([[1], [None, 2.5]], pa.float64(), [1.0, None, 2.5]),
        ([[1, 2.5]], pa.float64(), [1.0, 2.5]),
        ([[Decimal("1.50"), None], [Decimal(2)]], pa.float64(), [1.5, None, 2.0]),
        ([[Decimal(2**60)], [Decimal(3)]], pa.int64(), [2**60, 3]),
        ([[True], [None]], pa.bool_(), [True, None]),
        ([["a"], [None, "é"]], pa.string(), ["a", None, "é"]),
        ([[date(2020, 1, 1)], [NOON]], TIME, [datetime(2020, 1, 1), NOON]),  # noqa: DTZ001
        ([[date.min, date.max]], TIME, [datetime(1, 1, 1), datetime(9999, 12, 31)]),  # noqa: DTZ001
        ([[NOON.replace(tzinfo=timezone(timedelta(hours=2)))]], TIME_UTC, [datetime(2020, 1, 1, 10, tzinfo=UTC)]),
        ([[1], [2.5], ["x"]], pa.string(), ["1", "2.5", "x"]),
        ([[1.0, "x", True]], pa.string(), ["1.0", "x", "true"]),
        ([[True], [1]], pa.string(), ["true", "1"]),
        ([[2**70, 1]], pa.string(), [str(2**70), "1"]),
        ([[NOON], ["soon"]], pa.string(), ["2020-01-01 12:00:00", "soon"]),
        ([[{"a": 1}, [1]]], pa.string(), ["{'a': 1}", "[1]"]),
    ],
)
def test_a_columns_type_is_that_of_its_values_in_all_chunks(tmp_path, chunks, kind, values):
    assert spooled(tmp_path, *chunks) == (kind, values)


def test_numbers_that_are_none_stay_so(tmp_path):
    kind, values = spooled(tmp_path, [Decimal("NaN"), float("inf"), Decimal("-Infinity")])
    assert (kind, str(values)) == (pa.float64(), "[nan, inf, -inf]")


def test_a_column_of_many_types_is_text_and_is_told(opened, caplog):
    found = table(opened, "SELECT 1 AS c UNION ALL SELECT 'x' AS c")
    assert found.column("c").to_pylist() == ["1", "x"]
    assert "column 'c' holds" in caplog.text
    assert "it is read as text" in caplog.text


def test_no_secret_is_told_logged_or_left_in_a_cause(opened, caplog):
    caplog.set_level(logging.DEBUG)
    who = Connection(login="me", password=SECRET, options={"sslcert": SECRET})
    errors = [
        refused(opened, contract(ALL, source), None, who)
        for source in (
            "postgresql://127.0.0.1:1/db",
            "mysql+pymysql://h/d",
            "postgresql://127.0.0.1:x/db",
            "sqlite:///flats.db",
        )
    ]
    assert "the connection's options are none that sqlite takes" in str(errors[3])
    assert errors[0].transient
    assert "the database does not answer: " in str(errors[0])
    assert SECRET not in " ".join(map(texts, errors)) + caplog.text


def texts(error: BaseException | None) -> str:
    found = []
    while error is not None:
        found.append(f"{error} {error!r} {vars(error)}")
        error = error.__cause__ or error.__context__
    return " ".join(found)
