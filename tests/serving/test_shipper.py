"""The shipper without a database: nothing is lost, nothing waits for it. tests/system has it with a real PostgreSQL."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.connection import Connection
from pipeline.prediction_log import Answer, Outbox, PredictionLogError
from pipeline.prediction_log.database import Database, database_of
from pipeline.settings import Settings
from serving.shipper import Shipper
from serving.shipping import Copier, _storable

TIME = "2026-03-01T12:00:00.000000+00:00"
WHO = Connection(login="writer", password="sesame-open-0", options={"sslpassword": "sesame-open-1"})  # noqa: S106 (no one's)


def answer(name: str) -> Answer:
    return Answer(name, TIME, "small", 1, {"kind": "Flat"}, 1.0, 0.5, 2.0, 1.0, "me")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "small.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    opened = Outbox(path)
    yield opened
    opened.close()


@pytest.fixture
def away() -> Iterator[Database]:
    """A database at a port that is taken, but on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield Database(f"postgresql://127.0.0.1:{taken.getsockname()[1]}/predictions", WHO)


@pytest.fixture
def silent() -> Iterator[Database]:
    """A database that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Database(f"postgresql://127.0.0.1:{server.getsockname()[1]}/predictions", WHO)


def test_a_database_that_is_away_is_one_line_and_a_number(outbox, path, away, caplog, eventually):
    caplog.set_level(logging.INFO)
    shipper = Shipper(path, away, "small", every=0.01)
    shipper.start()
    for turn in range(20):
        outbox.add(answer(f"p{turn}")).result(5)
        time.sleep(0.02)
    outbox.refuse({("area", "range"): 1})
    eventually(lambda: shipper.waiting == 21)
    shipper.stop()
    waits = [line for line in caplog.messages if "predictions wait to be copied" in line]
    assert len(waits) == 1
    assert "the database of predictions: connection failed" in waits[0]
    assert "21 rows are not copied yet; they are at the next start" in caplog.messages[-1]
    assert "sesame" not in caplog.text


def test_stopping_takes_a_bounded_time_whatever_the_database_does(outbox, path, silent):
    outbox.add(answer("a")).result(5)
    shipper = Shipper(path, silent, "small", every=0.01)
    shipper.start()
    time.sleep(0.2)
    started = time.monotonic()
    shipper.stop(0.5)
    assert time.monotonic() - started < 1.5


def test_with_nothing_to_copy_the_database_is_not_asked(outbox, path, away, caplog):
    shipper = Shipper(path, away, "small", every=0.01)
    shipper.start()
    time.sleep(0.1)
    shipper.stop()
    assert (shipper.waiting, caplog.messages) == (0, [])


def test_an_outbox_that_is_not_there_is_named_and_not_made(path, away):
    with pytest.raises(PredictionLogError, match=r"small\.db: the prediction log cannot be read for its copy"):
        Copier(path, away, "small").copy()
    assert not path.exists()


def test_no_error_holds_a_secret(outbox, path, away):
    outbox.add(answer("a")).result(5)
    odd = Connection(password="sesame-open-0", options={"passwort": "sesame-open-1"})  # noqa: S106 (no one's)
    for database in (away, Database(away.uri, odd)):
        with pytest.raises(PredictionLogError) as failed:
            Copier(path, database, "small").copy()
        error: BaseException | None = failed.value
        while error is not None:
            assert "sesame" not in f"{error} {error!r} {vars(error)}"
            error = error.__cause__ or error.__context__
    assert "sesame" not in repr(away)


def test_the_settings_say_where_and_the_connections_say_who(settings: Settings):
    assert database_of(settings, "small") is None
    uri = "postgresql://db.example.org/{model}"
    here = settings.model_copy(update={"predictions_uri": uri, "connections": {"predictions": WHO}})
    assert database_of(here, "small") == Database("postgresql://db.example.org/small", WHO)


@pytest.mark.parametrize("word", ["Flat", "a\x00b", "\x00\x00", "\\u0000", "\\\x00", "\\\\u0000\x00", "\\", 'ü"'])
def test_every_word_is_kept_but_for_the_letter_that_postgresql_does_not_know(word):
    kept = json.loads(_storable(json.dumps({"kind": word}, ensure_ascii=False)))
    assert kept == {"kind": word.replace("\x00", "\ufffd")}
