"""What `make up` does to the database of an MLflow of another version."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli.errors import StackError
from cli.stack import mlflow
from pipeline.settings import Settings


def tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_the_database_is_upgraded_once_for_each_version_of_mlflow(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    folder = tmp_path / "mlflow"
    folder.mkdir()
    database = folder / "mlflow.db"
    database.touch()

    mlflow.migrate(settings)
    assert {"alembic_version", "model_versions"} <= tables(database)

    database.write_text("this is no database")
    mlflow.migrate(settings)  # it was done by this version already

    (folder / "migrated").write_text("3.0.0")
    with pytest.raises(StackError, match=r"mlflow db upgrade failed: [\s\S]*not a database"):
        mlflow.migrate(settings)
    assert (folder / "migrated").read_text() == "3.0.0"


def test_a_new_stack_leaves_the_making_of_its_database_to_the_server(tmp_path: Path) -> None:
    mlflow.migrate(Settings(state_dir=tmp_path))

    assert not (tmp_path / "mlflow" / "mlflow.db").exists()
    assert (tmp_path / "mlflow" / "migrated").exists()
