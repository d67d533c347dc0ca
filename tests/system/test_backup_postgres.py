"""The copy of the prediction log in PostgreSQL is backed up and put back, row for row."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app as mlops
from pipeline.prediction_log import Answer, Outbox
from pipeline.prediction_log.database import Database
from pipeline.settings import Settings
from serving.shipping import Copier
from tests.conftest import SMALL
from tests.system.conftest import Ask
from tests.system.postgres_server import ADMIN, PASSWORD

ROWS = "SELECT id, time, features, prediction, caller FROM predictions ORDER BY id"


def answer(name: str) -> Answer:
    told = {"kind": "Flat", "größe": 12.5, "tab\t": "back\\slash"}
    return Answer(name, "2026-03-01T12:00:00.000000+00:00", "small", 1, told, 0.1, 0.05, 0.2, 1.5, "me")


def test_rows_that_were_lost_come_back_and_those_that_are_there_stay(
    tmp_path: Path, database: Database, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "small.yaml").write_text(yaml.safe_dump(SMALL, sort_keys=False, allow_unicode=True))
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("MLOPS_PREDICTIONS_URI", database.uri)
    monkeypatch.setenv("MLOPS_CONNECTIONS", json.dumps({"predictions": {"login": ADMIN, "password": PASSWORD}}))
    path = Path(Settings(project_dir=tmp_path).place("prediction_log", "small"))
    outbox = Outbox(path)
    outbox.add_all([answer(f"p{number}") for number in range(50)]).result(5)
    outbox.add_actuals([("p1", 5.5)])
    outbox.refuse({("größe", "range"): 3})
    outbox.close()
    assert Copier(path, database, "small").copy() == 52
    held = ask(ROWS)
    file = tmp_path / "backup.tar.gz"
    assert CliRunner().invoke(mlops, ["backup", str(file)]).exit_code == 0
    with database.connect() as session:
        session.execute("DELETE FROM predictions WHERE id <> 'p7'")
        session.execute("DELETE FROM actuals")
    done = CliRunner().invoke(mlops, ["restore", str(file)])
    assert done.exit_code == 0, done.output
    assert ask(ROWS) == held
    assert ask("SELECT prediction_id, actual FROM actuals") == [("p1", 5.5)]
    assert ask("SELECT SUM(count)::int FROM refusals") == [(3,)]
    assert PASSWORD not in done.output
