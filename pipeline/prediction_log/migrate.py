"""Bring the tables of a prediction log up to date, by Alembic: of the outbox, and of the PostgreSQL it is copied to."""

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from pipeline.prediction_log.database import LOCK, SCHEMA, VERSION_TABLE, Database, other_schema
from pipeline.prediction_log.steps import SCHEMA_VERSION, PredictionLogError, version_of

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate_outbox(path: Path) -> int:
    """Migrate the outbox at the path; a service that opens it takes the same steps by itself.

    Returns:
        The schema that it had.

    Raises:
        PredictionLogError: when there is none, it cannot be written, or is of a later schema.
    """
    if not path.exists():
        raise PredictionLogError(f"{path}: there is no prediction log; a service makes it when it starts")
    engine = create_engine("sqlite://", creator=lambda: _open(path), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            before = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            config = _config("outbox", connection)
            if before:  # the service may have taken steps without Alembic's knowledge
                command.stamp(config, str(before), purge=True)
            command.upgrade(config, str(SCHEMA_VERSION))
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise PredictionLogError(f"{path}: cannot be migrated: {error}") from error
    return before


def migrate_database(database: Database) -> int:
    """Migrate the PostgreSQL; several at once wait for each other. Returns and raises as `migrate_outbox` does."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: _session(database), poolclass=NullPool)
    try:
        return _migrate_database(engine)
    except SQLAlchemyError as error:
        told = database.told(getattr(error, "orig", None) or error)
    raise PredictionLogError(told)  # out of the handler: the context of an error may hold credentials


def _migrate_database(engine: Engine) -> int:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        before = _revision(connection)
        if int(before) > int(SCHEMA):
            raise PredictionLogError(f"the database of predictions {other_schema(before)}")
        command.upgrade(_config("database", connection), SCHEMA)
    return int(before)


def _revision(connection: Connection) -> str:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision() or "0"


def _config(branch: str, connection: Connection) -> Config:
    config = Config()
    for name, value in (("script_location", _SCRIPTS), ("version_locations", _SCRIPTS / branch)):
        config.set_main_option(name, str(value).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    return config


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    version_of(connection, path)
    connection.execute("PRAGMA secure_delete = ON")  # the old tables leave no copy of their rows behind
    return connection


def _session(database: Database) -> object:
    session = database.connect()
    session.autocommit = False
    return session
