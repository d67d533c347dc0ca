"""Sources that are files of this machine, and what all sources have in common: addresses, formats, checksums."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.errors import SourceError, SourceUnreachable
from ingestion.sources import SourceFile, open_source, shown
from ingestion.sources.address import alike, parse
from pipeline.connection import Connection
from pipeline.contract import Contract, Window, parse_contract
from pipeline.settings import Settings
from tests.conftest import ROOT, SMALL

CONTENT = b"area,rent\n70,900\n"


@pytest.fixture
def project(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return settings.model_copy(update={"project_dir": tmp_path})


@pytest.fixture
def opened(project: Settings) -> Callable[..., Any]:
    """Open a source by itself or with more keys of the ingestion section."""

    @contextmanager
    def run(source: str, **keys: Any) -> Iterator[list[SourceFile]]:
        with open_source(contract(source, **keys), project, source, Window(), None) as files:
            yield files

    return run


def contract(source: str, **keys: Any) -> Contract:
    return parse_contract({**SMALL, "ingestion": {"source": source, **keys}})


def refused(opened: Callable[..., Any], source: str, **keys: Any) -> str:
    with pytest.raises(SourceError) as error, opened(source, **keys):
        pass
    assert "\n" not in str(error.value)
    return str(error.value)


def put(project: Settings, *names: str) -> None:
    for name in names:
        path = project.project_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)


def test_a_path_starts_at_the_project_and_is_read_where_it_lies(opened, project):
    put(project, "data/flats.csv")
    with opened("data/flats.csv") as files:
        assert [(file.name, file.path, file.format) for file in files] == [
            ("data/flats.csv", project.project_dir / "data/flats.csv", "csv")
        ]
    assert (project.project_dir / "data/flats.csv").exists()


def test_absolute_paths_and_file_addresses_are_sources_too(opened, project):
    put(project, "data/with space.csv")
    path = project.project_dir / "data/with space.csv"
    for source in (str(path), path.as_uri()):
        with opened(source) as files:
            assert files[0].path == path


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("s.csv", "csv"), ("s.CSV", "csv"), ("s.csv.gz", "csv"), ("s.csv.bz2", "csv"), ("s.csv.zst", "csv"),
        ("s.parquet", "parquet"), ("s.pq", "parquet"),
    ],
)  # fmt: skip
def test_the_extension_says_the_format(opened, project, name, format_):
    put(project, f"data/{name}")
    with opened(f"data/{name}") as files:
        assert files[0].format == format_


def test_the_files_of_a_glob_come_in_the_order_of_their_names(opened, project):
    put(project, "data/b.csv", "data/a.csv", "data/c.csv.gz", "data/deep/d.csv", "data/other.parquet")
    with opened("data/*.csv*") as files:
        assert [file.name for file in files] == ["data/a.csv", "data/b.csv", "data/c.csv.gz"]
    with opened(str(project.project_dir / "data/**/*.csv")) as files:
        assert [file.path.name for file in files] == ["a.csv", "b.csv", "d.csv"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(opened, project):
    put(project, "data/flats [2006].csv")
    with opened("data/flats [2006].csv") as files:
        assert len(files) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("data/none.csv", "data/none.csv: there is no such file (looked for "),
        ("data/*.pq", "data/*.pq: no file matches (looked in "),
        ("data", "data: is a folder; name its files, such as data/*.csv"),
        ("data/", "data/: is a folder; name its files, such as data/*.csv"),
        ("data/*", "data/*: mixes formats: data/a.csv is csv and data/b.parquet is parquet; choose a glob"),
        ("data/more/*", "data/more/note.txt: files of this kind are not supported; supported are .csv, .csv.gz,"),
        ("data/more/note.txt", "data/more/note.txt: files of this kind are not supported"),
        ("file://data/a.csv", "file://data/a.csv: names the host data; a file:// address has three slashes"),
        ("gopher://host/a.csv", "gopher://host/a.csv: sources of the kind gopher:// are not known; supported are"),
        ("postgresql+bogus://host/db", "sources of the kind postgresql+bogus:// are not known"),
        ("http:///a.csv", "http:///a.csv: names no host"),
        ("://a.csv", "://a.csv: is neither a path nor an address; supported are paths and globs"),
        ("simplecache::http://host/a.csv", "is neither a path nor an address"),
        ("zip://a.csv::http://host/a.zip", "chained addresses are not supported"),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_one_clear_error(opened, project, source, message):
    put(project, "data/a.csv", "data/b.parquet", "data/more/note.txt")
    assert message in refused(opened, source)


def test_a_source_that_is_not_there_is_no_matter_of_trying_again(opened):
    with pytest.raises(SourceError) as error, opened("data/none.csv"):
        pass
    assert not error.value.transient


def test_a_file_that_changes_while_it_is_read_is_told_and_may_be_read_later(opened, project):
    put(project, "data/a.csv")
    with opened("data/a.csv") as (file,):
        file.check_unchanged()
        file.path.write_bytes(CONTENT + b"80,950\n")
        with pytest.raises(SourceUnreachable, match=r"data/a\.csv: changed while it was read") as error:
            file.check_unchanged()
    assert error.value.transient


def test_a_file_that_is_replaced_or_taken_away_while_it_is_read_is_told(opened, project):
    put(project, "data/a.csv", "data/b.csv")
    with opened("data/a.csv") as (file,):
        (project.project_dir / "data/b.csv").replace(file.path)
        with pytest.raises(SourceUnreachable, match="changed while it was read"):
            file.check_unchanged()
        file.path.unlink()
        with pytest.raises(SourceUnreachable, match="went away while it was read"):
            file.check_unchanged()


def test_the_contracts_checksum_is_checked_before_anything_is_read(opened, project):
    put(project, "data/a.csv")
    right = hashlib.sha256(CONTENT).hexdigest()
    with opened("data/a.csv", sha256=right) as files:
        assert len(files) == 1
    told = refused(opened, "data/a.csv", sha256="0" * 64)
    assert f"data/a.csv: is not the file that the contract means: its sha256 is {right}, not {'0' * 64}" in told


def test_a_checksum_is_that_of_one_file(opened, project):
    put(project, "data/a.csv", "data/b.csv")
    assert "data/*.csv: is 2 files, but the contract's sha256 is that of one" in refused(
        opened, "data/*.csv", sha256="0" * 64
    )


def test_another_source_than_the_contracts_has_no_checksum(project):
    put(project, "data/a.csv", "data/b.csv")
    own = contract("data/a.csv", sha256="0" * 64)
    with open_source(own, project, "data/b.csv", Window(), None) as files:
        assert files[0].name == "data/b.csv"


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("data/a.csv", "data/a.csv"),
        ("https://host:8000/a@b.csv", "https://host:8000/a@b.csv"),
        ("https://me:pa:ss@host/a.csv", "https://host/a.csv"),
        ("https://me:p@ss@host/a.csv", "https://host/a.csv"),
        ("https://me:p/ss@host/a.csv", "https://host/a.csv"),
        ("https://host/a.csv?sig=abc&expires=9#frag", "https://host/a.csv?sig=…&expires=…"),
        ("https://host/a.csv?abc", "https://host/a.csv?…"),
        ("http://[::1]:80/a.csv", "http://[::1]:80/a.csv"),
        ("postgresql+psycopg://me:p/w@host:5432/db", "postgresql+psycopg://host:5432/db"),
        ("postgresql://me@host/db?password=abc", "postgresql://host/db?password=…"),
        ("sqlite:///flats.db", "sqlite:///flats.db"),
        ("s3://bucket/a@b.csv", "s3://bucket/a@b.csv"),
        ("://me:secret@host", "://host"),
    ],
)
def test_what_is_shown_of_an_address_has_no_user_no_password_and_no_values(source, seen):
    assert shown(source) == seen


@pytest.mark.parametrize(
    "source",
    [
        "https://me:secret@host/a.csv",
        "https://secret@host/a.csv",
        "s3://me:secret@bucket/a.csv",
        "sftp://me:secret@host/a.csv",
        "postgresql://me:sec/ret@host/db",
        "postgresql://host/db?user=me&password=secret",
        "mysql+pymysql://me:secret@host/db",
    ],
)
def test_an_address_with_a_password_is_refused_and_names_the_way_out(project, small_contract, source):
    with pytest.raises(SourceError, match="name a `connection` in the contract instead") as error:  # noqa: SIM117
        with open_source(small_contract, project, source, Window(), None):
            pass
    assert "sec" not in str(error.value)


def test_a_connection_that_nobody_knows_is_named_with_those_there_are(project, opened):
    assert (
        "data/a.csv: the contract's connection 'warehouse' is not known; there are: none. Set it in MLOPS_CONNECTIONS"
        in refused(opened, "data/a.csv", connection="warehouse")
    )
    settings = project.model_copy(update={"connections": {"lake": Connection(login="me")}})
    with pytest.raises(SourceError, match="there are: lake"):  # noqa: SIM117
        with open_source(contract("a.csv", connection="warehouse"), settings, "a.csv", Window(), None):
            pass


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://host/a.csv", "https://host/b.csv?x=1", True),
        ("https://host/a.csv", "http://host/a.csv", False),
        ("https://host/a.csv", "https://host:8443/a.csv", False),
        ("https://host/a.csv", "https://host.evil/a.csv", False),
        ("s3://bucket/a.csv", "s3://other/b.csv", True),
        ("sftp://host/a.csv", "sftp://other/a.csv", False),
        ("postgresql://host/a", "postgresql://host/b", True),
        ("postgresql://host/a", "postgresql://other/a", False),
        ("postgresql://host/a", "postgresql://host/a?host=other", False),
    ],
)
def test_credentials_are_for_the_same_service_at_the_same_host(one, other, same):
    assert alike(one, other) is same


def test_the_examples_of_the_guide_are_contracts_of_known_sources():
    guide = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)]

    contracts = [parse_contract({**SMALL, **example}) for example in examples]

    assert {parse(example.ingestion.source).kind for example in contracts} == {"file", "http", "store", "sql"}
