"""`mlops predictions`, on a project of its own: what people see, and what machines read."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.commands.predictions import app
from cli.console import console
from pipeline.prediction_log import Answer, Outbox, read_predictions, utc_text
from tests.conftest import SMALL

EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}


@pytest.fixture
def log(tmp_path, monkeypatch) -> Path:
    """The log of a project with the small contract: ten predictions, one a day, and the newest one's truth."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "small.yaml").write_text(yaml.safe_dump(SMALL, allow_unicode=True, sort_keys=False))
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(tmp_path))
    monkeypatch.setattr(console, "width", 400)
    path = tmp_path / ".mlops" / "predictions" / "small.db"
    outbox = Outbox(path)
    for days in range(10):
        time = utc_text(datetime.now(UTC) - timedelta(days=days))
        record = {"kind": "Villa" if days % 2 else "Flat"}
        outbox.add(Answer(f"p{days}", time, "small", 1, record, 1.0, 0.5, 2.0, 1.0, "me")).result(5)
    outbox.add_actuals([("p0", 1.0)])
    outbox.close()
    return path


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done.output


def left(path: Path) -> list[str]:
    return sorted(row["id"] for row in read_predictions(path, **EVER))


def test_status_says_what_is_held(log):
    told = json.loads(said("status", "--json"))
    assert told["model"] == "small"
    assert (
        told["outbox"] | {"predictions": 10, "actuals": 1, "refusals": 0, "schema": 2, "waiting": 11} == told["outbox"]
    )
    assert told["outbox"]["bytes"] == sum(
        file.stat().st_size for file in log.parent.glob("small.db*") if "shm" not in file.name
    )
    assert "predictions" in said("status")


def test_erasing_counts_first_and_erases_when_told(log):
    told = json.loads(said("erase", "--key", "kind=villa", "--json"))
    assert told == {"model": "small", "erased": False, "outbox": {"predictions": 5, "actuals": 0, "refusals": 0}}
    assert "nothing is erased yet: add --yes" in said("erase", "--key", "kind=villa")
    assert len(left(log)) == 10
    assert "small: erased" in said("erase", "--key", "kind=villa", "--yes")
    assert b"Villa" not in b"".join(file.read_bytes() for file in log.parent.glob("small.db*"))
    assert json.loads(said("erase", "--id", "p0", "--yes", "--json"))["outbox"]["actuals"] == 1
    assert left(log) == ["p2", "p4", "p6", "p8"]


def test_a_field_that_nobody_knows_is_told_since_nothing_found_looks_like_success(log):
    told = said("erase", "--key", "knid=villa")
    assert "knid: no field of the contract, nor of any prediction; it has area, class, größe des gartens, kind" in told
    assert "no field of the contract" not in said("erase", "--key", "kind=none of them")
    assert json.loads(said("erase", "--key", "knid=villa", "--json"))["outbox"]["predictions"] == 0


def test_retention_is_the_settings_or_the_commands(log, monkeypatch):
    assert "say how many days are kept" in said("prune", code=2)
    assert json.loads(said("prune", "--days", "8", "--json"))["outbox"]["predictions"] == 2
    monkeypatch.setenv("MLOPS_PREDICTIONS_KEEP_DAYS", "3")
    assert json.loads(said("prune", "--yes", "--json")) == {
        "model": "small", "erased": True, "outbox": {"predictions": 7, "actuals": 0, "refusals": 0},
    }  # fmt: skip
    assert left(log) == ["p0", "p1", "p2"]


def test_migrating_says_what_was(log):
    assert json.loads(said("migrate", "--json"))["schema_before"] == {"outbox": 2, "database": None}
    assert "up to date (was schema 2)" in said("migrate")


def test_a_database_that_is_away_is_said_and_what_was_done_without_it(log, monkeypatch):
    monkeypatch.setenv("MLOPS_PREDICTIONS_URI", "postgresql://127.0.0.1:1/predictions")
    monkeypatch.setenv("MLOPS_CONNECTIONS", '{"predictions": {"login": "me", "password": "sesame-open-0"}}')
    assert "connection failed" in json.loads(said("status", "--json"))["database"]["error"]
    told = (
        said("erase", "--id", "p0", "--yes", code=1) + said("ship", code=1) + said("migrate", code=1) + said("status")
    )
    assert "erased from the outbox only: the database of predictions: connection failed" in told
    assert "sesame" not in told
    assert "p0" not in left(log)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("postgresql://me:sesame@db/predictions", "MLOPS_PREDICTIONS_URI: holds a password; give it as that of"),
        ("postgres://db/predictions?password=sesame", "MLOPS_PREDICTIONS_URI: holds a password; give it as that of"),
        ("mysql://db/predictions", "MLOPS_PREDICTIONS_URI: is no PostgreSQL; write postgresql://host:port/database"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(log, monkeypatch, uri, message):
    monkeypatch.setenv("MLOPS_PREDICTIONS_URI", uri)
    told = said("status", code=1)
    assert message in told
    assert "sesame" not in told


def test_without_a_database_there_is_nothing_to_ship_to(log):
    assert "no database is set: MLOPS_PREDICTIONS_URI" in said("ship", code=2)
