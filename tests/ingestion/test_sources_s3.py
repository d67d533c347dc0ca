"""Sources in object stores and other places that fsspec knows: S3 as moto serves it, and memory."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import fsspec
import httpx
import pytest
from moto.server import ThreadedMotoServer

from ingestion.errors import SourceError, SourceUnreachable
from ingestion.sources import SourceFile, open_source
from ingestion.sources.address import parse
from ingestion.sources.limit import Counter
from ingestion.sources.store import fetch
from pipeline.connection import Connection
from pipeline.contract import Window, parse_contract
from pipeline.settings import Settings
from tests.conftest import SMALL
from tests.ingestion.web import Answer, serving

SECRET = "sesame-open-0"  # noqa: S105 (it opens nothing)
CONTENT = b"area,rent\n70,900\n"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str) -> Any:
    httpx.post(f"{endpoint}/moto-api/reset")
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",  # noqa: S106
    )
    client.create_bucket(Bucket="sales")
    return client


@pytest.fixture
def who(endpoint: str) -> Connection:
    options = {"endpoint_url": endpoint, "client_kwargs": {"region_name": "us-east-1"}}
    return Connection(login="k", password=SECRET, options=options)


@pytest.fixture
def opened(settings: Settings) -> Callable[..., Any]:
    @contextmanager
    def run(source: str, who: Connection | None = None, limit: int = 10**6, **keys: Any) -> Iterator[list[SourceFile]]:
        contract = parse_contract({**SMALL, "ingestion": {"source": source, **keys}})
        here = settings.model_copy(update={"source_max_bytes": limit})
        with open_source(contract, here, source, Window(), who) as files:
            yield files

    return run


def put(s3: Any, *names: str, content: bytes = CONTENT) -> None:
    for name in names:
        s3.put_object(Bucket="sales", Key=name, Body=content)


def refused(opened: Callable[..., Any], source: str, *args: Any, **keys: Any) -> SourceError:
    with pytest.raises(SourceError) as error, opened(source, *args, **keys):
        pass
    assert "\n" not in str(error.value)
    return error.value


def test_an_object_is_fetched_and_its_copy_goes_away(opened, s3, who):
    put(s3, "2006/a.csv")
    with opened("s3://sales/2006/a.csv", who) as (file,):
        assert file.path.read_bytes() == CONTENT
        assert (file.name, file.format) == ("s3://sales/2006/a.csv", "csv")
    assert not file.path.exists()


def test_the_objects_of_a_glob_come_in_the_order_of_their_names(opened, s3, who):
    put(s3, "b.csv", "a.csv.gz", "c.parquet", "deep/d.csv")
    with opened("s3://sales/*.csv*", who) as files:
        assert [file.name for file in files] == ["s3://sales/a.csv.gz", "s3://sales/b.csv"]
        assert [file.path.suffix for file in files] == [".gz", ".csv"]
    with opened("s3://sales/**/*.csv", who) as files:
        assert "s3://sales/deep/d.csv" in [file.name for file in files]


def test_credentials_of_the_environment_are_used_where_there_is_no_connection(opened, s3, endpoint, monkeypatch):
    put(s3, "a.csv")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with opened("s3://sales/a.csv") as (file,):
        assert file.path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("s3://sales/none.csv", "s3://sales/none.csv: there is no such file, or no such bucket"),
        ("s3://nothing/a.csv", "s3://nothing/a.csv: there is no such file, or no such bucket"),
        ("s3://sales/*.zst", "s3://sales/*.zst: no file matches"),
        ("s3://sales/deep", "s3://sales/deep: is a folder; name its files, such as s3://sales/deep/*.csv"),
        ("s3://sales/*", "s3://sales/*: mixes formats: s3://sales/a.csv is csv and s3://sales/b.pq is parquet"),
        ("s3://sales/note.txt", "s3://sales/note.txt: files of this kind are not supported"),
    ],
)
def test_what_cannot_be_fetched_is_one_clear_error(opened, s3, who, source, message):
    put(s3, "a.csv", "b.pq", "deep/c.csv")
    if source.endswith(".txt"):
        put(s3, "note.txt")
    error = refused(opened, source, who)
    assert message in str(error)
    assert not error.transient


def test_the_limit_is_that_of_all_files_together(opened, s3, who):
    put(s3, "a.csv", "b.csv", content=b"x" * 600)
    with opened("s3://sales/a.csv", who, limit=1000):
        pass
    assert "s3://sales/*.csv: is larger than the 1000 bytes" in str(
        refused(opened, "s3://sales/*.csv", who, limit=1000)
    )


def test_the_checksum_is_that_of_one_object(opened, s3, who):
    put(s3, "a.csv", "b.csv")
    assert "its sha256 is " in str(refused(opened, "s3://sales/a.csv", who, sha256="0" * 64))
    assert "is 2 files" in str(refused(opened, "s3://sales/*.csv", who, sha256="0" * 64))


def test_a_store_that_refuses_says_to_name_a_connection(opened, s3, who, endpoint):
    put(s3, "a.csv")
    httpx.post(f"{endpoint}/moto-api/reset-auth", content="0")  # from now on moto asks who may do what
    try:
        error = refused(opened, "s3://sales/a.csv", who)
    finally:
        httpx.post(f"{endpoint}/moto-api/reset-auth", content="inf")
    assert "s3://sales/a.csv: may not be read (" in str(error)
    assert "name a `connection` in the contract that may read it" in str(error)
    assert not error.transient


def test_without_any_credentials_the_error_says_what_to_do(opened, s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    error = refused(opened, "s3://sales/a.csv")
    assert "may not be read (Unable to locate credentials); name a `connection`" in str(error)


def unreachable(who: Connection) -> Connection:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    options = {**who.options.get_secret_value(), "endpoint_url": f"http://127.0.0.1:{port}"}
    return who.model_copy(update={"options": type(who.options)(options)})


def test_a_store_that_does_not_answer_may_come_back(opened, who):
    error = refused(opened, "s3://sales/a.csv", unreachable(who))
    assert error.transient
    assert "s3://sales/a.csv: the store does not answer as it should" in str(error)


def test_a_store_with_a_fault_of_its_own_may_come_back(opened, who):
    with serving(lambda _: Answer(status=503)) as web:
        options = {**who.options.get_secret_value(), "endpoint_url": web.url("")}
        assert refused(opened, "s3://sales/a.csv", Connection(login="k", password=SECRET, options=options)).transient


def test_an_object_that_changes_while_it_is_fetched_is_told(s3, who, tmp_path):
    """The object is larger than what is fetched at once, and is replaced after its first piece."""
    put(s3, "a.csv", content=b"x" * (17 << 20))

    class Replacing(Counter):
        def add(self, size: int) -> None:
            if not self.count:
                put(s3, "a.csv", content=b"y" * (17 << 20))
            super().add(size)

    with pytest.raises(SourceUnreachable, match="changed while it was fetched"):
        fetch(parse("s3://sales/a.csv"), tmp_path, Replacing("a", 10**9), who)


def test_other_places_that_fsspec_knows_are_sources_too(opened):
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/flats/b.csv", CONTENT)
    memory.pipe_file("/flats/a.csv", CONTENT)
    with opened("memory://flats/*.csv") as files:
        assert [(file.name, file.path.read_bytes()) for file in files] == [
            ("memory://flats/a.csv", CONTENT),
            ("memory://flats/b.csv", CONTENT),
        ]
    with opened("memory://flats/a.csv") as (file,):
        assert file.name == "memory://flats/a.csv"
    assert "there is no such file" in str(refused(opened, "memory://flats/none.csv"))


def test_a_place_whose_package_is_missing_names_it(opened):
    error = refused(opened, "gs://bucket/a.csv")
    assert "gs://bucket/a.csv: reading gs:// needs " in str(error)
    assert "gcsfs" in str(error)


def test_no_secret_is_told_logged_or_left_in_a_cause(opened, s3, who, endpoint, caplog):
    caplog.set_level(logging.DEBUG)
    put(s3, "a.csv")
    errors = [refused(opened, "s3://sales/none.csv", who), refused(opened, "s3://sales/a.csv", unreachable(who))]
    httpx.post(f"{endpoint}/moto-api/reset-auth", content="0")
    errors.append(refused(opened, "s3://sales/a.csv", who))
    httpx.post(f"{endpoint}/moto-api/reset-auth", content="inf")
    assert SECRET not in " ".join(map(texts, errors)) + caplog.text


def texts(error: BaseException | None) -> str:
    found = []
    while error is not None:
        found.append(f"{error} {error!r} {vars(error)}")
        error = error.__cause__ or error.__context__
    return " ".join(found)
