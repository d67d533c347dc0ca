"""The PostgreSQL that a prediction log is copied to: how it is reached, and what it holds."""

from dataclasses import dataclass, field
from typing import Any

import psycopg

from pipeline.connection import Connection as Who
from pipeline.prediction_log.steps import PredictionLogError
from pipeline.settings import Settings

CREDENTIALS = "predictions"  # their name among the settings' connections
VERSION_TABLE = "prediction_log_version"  # MLflow's or Airflow's own may stand in the same database
SCHEMA = "1"
# Copying holds this lock shared while it reads the outbox, erasing holds it alone after it has written to the outbox:
# so what is erased is never copied afterwards.
LOCK = 0x6D6C6F7073
_SECONDS = 5

Session = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Database:
    """An address and who may write there. Printing it shows no password."""

    uri: str
    who: Who = field(default_factory=Who)

    def connect(self) -> Session:
        """Connect; statements are committed one by one, unless they are within `session.transaction()`.

        Raises:
            PredictionLogError: when the database is away, or does not let one in.
        """
        try:
            return psycopg.connect(self.uri, autocommit=True, **self._options())
        except psycopg.Error as error:
            told = self.told(error)
        raise PredictionLogError(told)  # out of the handler: the context of an error may hold credentials

    def told(self, error: Exception) -> str:
        """Return what went wrong on one line, without secrets."""
        text = " ".join(str(error).split()) or type(error).__name__
        options = self.who.options.get_secret_value()
        secrets = [self.who.password.get_secret_value(), *(str(options[name]) for name in options if "pass" in name)]
        for secret in filter(None, secrets):
            text = text.replace(secret, "•••")
        return f"the database of predictions: {text}"

    def _options(self) -> dict[str, Any]:
        given = {"user": self.who.login, "password": self.who.password.get_secret_value()}
        return {
            "connect_timeout": _SECONDS,
            "tcp_user_timeout": 2 * _SECONDS * 1000,  # ms; a cut cable shows
            "application_name": "mlops-predictions",
            **{name: value for name, value in given.items() if value},
            **self.who.options.get_secret_value(),
        }


def database_of(settings: Settings, model: str) -> Database | None:
    """Return the database that the settings name, or None."""
    uri = settings.place("predictions_uri", model)
    return Database(uri, settings.connections.get(CREDENTIALS, Who())) if uri else None


def identify(session: Session) -> str:
    """Return the database's id, which its first migration drew.

    Raises:
        PredictionLogError: when its tables are not there, or of another schema.
    """
    found = session.execute("SELECT to_regclass(%s)", (VERSION_TABLE,)).fetchone()
    row = session.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone() if found and found[0] else None  # noqa: S608 (own name)
    if row is None:
        raise PredictionLogError("the database of predictions has no tables yet: run `mlops predictions migrate`")
    if row[0] != SCHEMA:
        raise PredictionLogError(f"the database of predictions {other_schema(row[0])}")
    return str(session.execute("SELECT id::text FROM prediction_log").fetchone()[0])  # type: ignore[index] # one row


def other_schema(version: str) -> str:
    """Say that a database's schema is not this code's, and what to do."""
    way = "run the release that made it" if int(version) > int(SCHEMA) else "run `mlops predictions migrate`"
    return f"has schema {version}, this code writes {SCHEMA}: {way}"
