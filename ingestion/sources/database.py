"""Connecting to a database: to read, for a limited time, and with errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ingestion.errors import SourceError, SourceUnreachable
from ingestion.sources.address import DRIVERS, Address, shown
from pipeline.connection import Connection as Who
from pipeline.settings import Settings

_CONNECT_SECONDS = 10
# SQLSTATE classes (ISO 9075; PostgreSQL's appendix A) of what may be over later: connection, rollback, resources,
# intervention by the operator, and the system.
_PASSING = ("08", "40", "53", "57", "58")
_PASSING_WORDS = (
    "refused",
    "timeout",
    "timed out",
    "locked",
    "starting up",
    "shutting down",
    "too many",
    "unreachable",
)
_TIMED_OUT = "57014"
_LONGEST = 400  # characters of what the database says


@contextmanager
def session(address: Address, settings: Settings, who: Who | None) -> Iterator[Connection]:
    """Give a connection in a transaction that reads only and is never committed.

    Raises:
        SourceError: when the database is not there, or does not let one in.
        SourceUnreachable: when it does not answer.
    """
    name = shown(address.text)
    engine = _engine(name, _url(address, settings, who), who)
    try:
        connection = _connect(name, engine)
        try:
            _restrict(connection, settings)
            yield connection
        finally:
            connection.close()
    except SQLAlchemyError as error:
        raise _explain(name, error) from error
    finally:
        engine.dispose()


def _explain(name: str, error: SQLAlchemyError) -> SourceError:
    original = getattr(error, "orig", None)
    state = str(getattr(original, "sqlstate", None) or "")
    words = " ".join(str(original or error).split())[:_LONGEST] or type(error).__name__
    if state == _TIMED_OUT:
        return SourceUnreachable(
            f"{name}: the query took too long ({words}); MLOPS_SOURCE_SECONDS says how long it may"
        )
    if _may_pass(error, state, words):
        return SourceUnreachable(f"{name}: the database does not answer: {words}; try again later")
    if state.startswith("28") or "authentication failed" in words or "no password" in words:
        return SourceError(f"{name}: may not be read: {words}; name a `connection` in the contract that may read it")
    return SourceError(f"{name}: cannot be read: {words}")


def _may_pass(error: SQLAlchemyError, state: str, words: str) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    told = isinstance(error, OperationalError) and any(word in words.lower() for word in _PASSING_WORDS)
    return state.startswith(_PASSING) or error.connection_invalidated or (not state and told)


def _url(address: Address, settings: Settings, who: Who | None) -> URL:
    scheme = DRIVERS.get(address.scheme, address.scheme)
    try:
        url = make_url(scheme + address.text[len(address.scheme) :])
    except (ArgumentError, ValueError) as error:
        raise SourceError(f"{shown(address.text)}: is no address of a database") from error
    if url.get_backend_name() == "sqlite":
        return _sqlite(address, settings, url)
    if who and who.login:
        url = url.set(username=who.login)
    return url.set(password=who.password.get_secret_value()) if who and who.password.get_secret_value() else url


def _sqlite(address: Address, settings: Settings, url: URL) -> URL:
    if not url.database or url.database == ":memory:":
        raise SourceError(f"{address.text}: names no file; write sqlite:///path/to/file.db")
    path: Path = settings.project_dir / url.database
    if not path.is_file():  # which SQLite would make
        raise SourceError(f"{address.text}: there is no such file (looked for {path})")
    return url.set(database=str(path))


def _engine(name: str, url: URL, who: Who | None) -> Engine:
    arguments: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        arguments["connect_timeout"] = _CONNECT_SECONDS
    arguments |= who.options.get_secret_value() if who else {}
    try:
        return create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
    except ImportError as error:
        raise SourceError(
            f"{name}: needs the package {error.name}, which is not installed; install it, or name another driver, "
            f"such as {url.get_backend_name()}+driver://"
        ) from error
    except (NoSuchModuleError, ArgumentError) as error:
        raise SourceError(f"{name}: is no address of a database: {error}") from error


def _connect(name: str, engine: Engine) -> Connection:
    try:
        return engine.connect()
    except TypeError as error:
        raise SourceError(f"{name}: the connection's options are none that {engine.name} takes: {error}") from error


def _restrict(connection: Connection, settings: Settings) -> None:
    if connection.dialect.name == "postgresql":
        connection.execution_options(postgresql_readonly=True)
        connection.execute(text(f"SET statement_timeout = {int(settings.source_seconds * 1000)}"))
    elif connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA query_only = ON"))
    elif connection.dialect.name in ("mysql", "mariadb"):
        connection.execute(text("SET TRANSACTION READ ONLY"))
