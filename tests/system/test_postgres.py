"""A query on a real PostgreSQL as the source of batches."""

import logging
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.errors import SourceError
from ingestion.sources import open_source
from pipeline.connection import Connection
from pipeline.contract import Window, parse_contract
from pipeline.settings import Settings
from tests.conftest import SMALL

READER, SECRET = "reader", "sesame-open-0"
ADMIN = "admin"
QUERY = "SELECT area, rent FROM flats WHERE sold >= :start AND sold < :end ORDER BY sold"


def program(name: str) -> str:
    places = [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join([*places, os.environ["PATH"]]))
    assert found, f"{name} is missing: apt-get install postgresql"
    return found


def run(*command: str, **keys: Any) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, **keys)
    assert ran.returncode == 0, f"{command[0]}: {ran.stderr or ran.stdout}"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """PostgreSQL on a free loopback port, which asks for passwords; it refuses root, so root runs it as `postgres`."""
    folder = tmp_path_factory.mktemp("postgres")
    account: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    if account:
        shutil.chown(folder, "postgres", "postgres")
        for parent in [folder, *folder.parents][:3]:
            parent.chmod(parent.stat().st_mode | 0o011)
    (folder / "password").write_text(SECRET)
    (folder / "password").chmod(0o644)
    login = ("--auth", "scram-sha-256", "--username", ADMIN, "--pwfile", str(folder / "password"))
    run(program("initdb"), "--no-sync", "--encoding", "UTF8", *login, str(folder / "data"), cwd="/", **account)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    options = {"listen_addresses": "127.0.0.1", "port": number, "unix_socket_directories": folder, "fsync": "off"}
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [program("postgres"), "-D", str(folder / "data"), *settings], cwd="/", stdout=log, stderr=log, **account
        )
    try:
        fill(number, lambda: server.poll() is None)
        yield number
    finally:
        server.terminate()
        server.wait(30)


def admin(port: int) -> Any:
    return psycopg.connect(host="127.0.0.1", port=port, user=ADMIN, password=SECRET, dbname="postgres", autocommit=True)


def fill(port: int, alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            connection = admin(port)
            break
        except psycopg.OperationalError:
            assert alive(), "PostgreSQL did not start"
            assert time.monotonic() < deadline, "PostgreSQL did not start within a minute"
            time.sleep(0.1)
    with connection:
        connection.execute(
            "CREATE TABLE flats AS "
            "SELECT (date '2020-01-01' + i % 366) AS sold, (50 + i % 100)::numeric(8, 2) AS area, "
            "500 + i AS rent, i % 2 = 0 AS lift, timestamptz '2020-01-01 12:00+02' AS seen, gen_random_uuid() AS id, "
            "CASE WHEN i > 60000 THEN i END AS late, NULL::text AS empty, 'größe' AS word, i::numeric AS whole "
            "FROM generate_series(0, 119999) AS i"
        )
        connection.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{SECRET}'")
        connection.execute(f"GRANT SELECT, INSERT, DELETE ON flats TO {READER}")
        connection.execute("CREATE TABLE hidden (a int)")
        connection.execute("CREATE SEQUENCE numbers")
        connection.execute(f"GRANT ALL ON SEQUENCE numbers TO {READER}")


WHO = Connection(login=READER, password=SECRET)


@pytest.fixture
def opened(settings: Settings, port: int) -> Callable[..., Any]:
    @contextmanager
    def run(
        query: str,
        window: Window | None = None,
        who: Connection | None = WHO,
        scheme: str = "postgresql",
        **changes: Any,
    ) -> Iterator[Any]:
        source = changes.pop("source", f"{scheme}://127.0.0.1:{port}/postgres")
        contract = parse_contract({**SMALL, "ingestion": {"source": source, "query": query}})
        here = settings.model_copy(update=changes)
        with open_source(contract, here, source, window or Window(), who) as (file,):
            yield file

    return run


def table(opened: Callable[..., Any], *args: Any, **keys: Any) -> Any:
    with opened(*args, **keys) as file:
        return pq.read_table(file.path)


def refused(opened: Callable[..., Any], *args: Any, **keys: Any) -> SourceError:
    with pytest.raises(SourceError) as error, opened(*args, **keys):
        pass
    assert "\n" not in str(error.value)
    return error.value


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_windows_rows_come_as_a_parquet_file(opened, port, scheme):
    with opened(QUERY, Window(start="2020-02-01", end="2020-02-03"), scheme=scheme) as file:
        found = pq.read_table(file.path)
        assert file.name == f"{scheme}://127.0.0.1:{port}/postgres"
    assert found.schema == pa.schema({"area": pa.float64(), "rent": pa.int64()})
    assert found.num_rows == 2 * 328
    assert not file.path.exists()


def test_the_edges_of_an_open_window_leave_out_nothing(opened):
    assert table(opened, QUERY).num_rows == 120_000
    assert table(opened, QUERY, Window(end="2020-01-02")).num_rows == 328


def test_every_type_of_value_comes_as_what_it_is(opened):
    found = table(opened, "SELECT * FROM flats ORDER BY rent")
    text, time_of, utc = pa.string(), pa.timestamp("us"), pa.timestamp("us", tz="UTC")
    assert found.schema == pa.schema(
        {
            "sold": time_of, "area": pa.float64(), "rent": pa.int64(), "lift": pa.bool_(), "seen": utc, "id": text,
            "late": pa.int64(), "empty": text, "word": text, "whole": pa.int64(),
        }
    )  # fmt: skip
    assert found.column("late").null_count == 60_001
    assert found.column("rent").to_pylist() == [500 + i for i in range(120_000)]
    assert found.column("seen")[0].as_py().isoformat() == "2020-01-01T10:00:00+00:00"
    assert found.column("word")[0].as_py() == "größe"


def test_casts_and_positions_can_be_written(opened, settings, port):
    source = f"postgresql://127.0.0.1:{port}/postgres"
    content = {**SMALL, "columns": {"area": {"type": "number"}}, "demo": None}
    query = "SELECT area::float8 FROM flats ORDER BY rent LIMIT :end - :start OFFSET :start"
    contract = parse_contract({**content, "ingestion": {"source": source, "query": query}})
    for window, rows in ((Window(start=10, end=15), 5), (Window(start=119_990), 10), (Window(), 120_000)):
        with open_source(contract, settings, source, window, WHO) as (file,):
            assert pq.read_table(file.path).num_rows == rows
            assert file.first_row == (window.start or 0)


def test_a_query_writes_nothing(opened):
    assert "in a read-only transaction" in str(refused(opened, "SELECT nextval('numbers')"))
    for query in ("DELETE FROM flats RETURNING rent", "SELECT 1; DELETE FROM flats", "COMMIT"):
        assert "cannot be read: " in str(refused(opened, query))
    assert table(opened, "SELECT count(*) AS n FROM flats").to_pylist() == [{"n": 120_000}]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT rent, area AS rent FROM flats", "more than one column of the query is called 'rent'"),
        ("SELECT nothing_there FROM flats", 'column "nothing_there" does not exist'),
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT * FROM hidden", "permission denied for table hidden"),
        ("SELECT 'infinity'::date", "cannot be read: "),
        ("SELECT 1 / (rent - 60500) FROM flats ORDER BY rent", "division by zero"),
    ],
)
def test_a_query_that_cannot_be_run_is_one_clear_error(opened, query, message):
    error = refused(opened, query)
    assert message in str(error)
    assert not error.transient


def test_a_query_that_takes_too_long_is_ended(opened):
    error = refused(opened, "SELECT pg_sleep(30)", source_seconds=0.3)
    assert "the query took too long (canceling statement due to statement timeout); MLOPS_SOURCE_SECONDS" in str(error)
    assert error.transient


def test_a_database_that_goes_away_in_the_middle_may_come_back(opened):
    error = refused(opened, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert error.transient


def test_the_size_is_limited(opened):
    assert "is larger than the 100000 bytes" in str(refused(opened, QUERY, source_max_bytes=100_000))


def test_wrong_credentials_name_the_way_out(opened, port):
    wrong = Connection(login=READER, password="wrong-sesame-1")  # noqa: S106 (it opens nothing)
    for who in (wrong, None, Connection(login=READER)):
        error = refused(opened, QUERY, who=who)
        assert "name a `connection` in the contract that may read it" in str(error)
        assert not error.transient
    assert 'database "none" does not exist' in str(refused(opened, QUERY, source=f"postgresql://127.0.0.1:{port}/none"))


def test_no_secret_is_told_logged_or_left_in_a_cause(opened, port, caplog):
    caplog.set_level(logging.DEBUG)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        unreachable = f"postgresql://127.0.0.1:{taken.getsockname()[1]}/postgres"
        errors = [refused(opened, QUERY, source=unreachable)]
    assert errors[0].transient
    errors += [
        refused(opened, QUERY, who=Connection(login=ADMIN + "x", password=SECRET)),
        refused(opened, QUERY, source=f"postgresql://127.0.0.1:{port}/none"),
        refused(opened, "SELECT * FROM hidden"),
        refused(opened, QUERY, who=Connection(login=READER, password=SECRET, options={"sslmode": "require"})),
        refused(opened, QUERY, who=Connection(login=READER, password=SECRET, options={"passwort": SECRET + "1"})),
    ]
    assert SECRET not in " ".join(map(texts, errors)) + caplog.text


def texts(error: BaseException | None) -> str:
    found = []
    while error is not None:
        found.append(f"{error} {error!r} {vars(error)}")
        error = error.__cause__ or error.__context__
    return " ".join(found)
