"""System tests need programs that the lock does not bring. A missing one is an error that names it, never a skip."""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from pipeline.prediction_log.database import Database
from pipeline.prediction_log.migrate import migrate_database
from tests.system.postgres_server import Server

Ask = Callable[[str], list[tuple[Any, ...]]]
_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium (or Chrome, where that is what a machine has)."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "chromium is missing: apt-get install chromium"
    options: dict[str, Any] = {
        "executable_path": chromium,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
    }
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(**options)
        yield started
        started.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    # Not in pytest's own folder: another run closes that to other users, and PostgreSQL is one when it starts again.
    with tempfile.TemporaryDirectory(prefix="mlops-postgres-") as folder:
        started = Server(Path(folder))
        started.start()
        yield started
        started.stop()


@pytest.fixture
def empty(server: Server) -> Database:
    name = f"test{next(_NUMBERS)}"
    with server.admin("postgres") as admin:
        admin.execute(f"CREATE DATABASE {name}")
    return server.database(name)


@pytest.fixture
def database(empty: Database) -> Database:
    assert migrate_database(empty) == 0
    return empty


@pytest.fixture
def ask(empty: Database) -> Ask:
    def asked(query: str) -> list[tuple[Any, ...]]:
        with empty.connect() as session:
            return session.execute(query.encode()).fetchall()

    return asked
