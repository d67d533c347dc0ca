"""A real PostgreSQL for a test, which it may stop and start."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg

from pipeline.connection import Connection
from pipeline.prediction_log.database import Database
from tests.system.test_postgres import program, run

ADMIN, PASSWORD = "admin", "sesame-open-0"
WHO = Connection(login=ADMIN, password=PASSWORD)


class Server:
    """PostgreSQL on a free loopback port, which asks for passwords; it refuses root, so root runs it as `postgres`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._account: dict[str, Any] = {}
        if os.getuid() == 0:
            self._account = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(folder, "postgres", "postgres")
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        login = ("--auth", "scram-sha-256", "--username", ADMIN, "--pwfile", str(folder / "password"))
        run(
            program("initdb"), "--no-sync", "--encoding", "UTF8", *login, str(folder / "data"), cwd="/", **self._account
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        places = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder,
            "fsync": "off",
        }
        settings = [word for name, value in places.items() for word in ("-c", f"{name}={value}")]
        command = [program("postgres"), "-D", str(self._folder / "data"), *settings]
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **self._account)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL did not start within a minute"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.admin("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it; by default as a machine that is shut down does: connections are cut."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
        self._process = None

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    def admin(self, name: str) -> psycopg.Connection[Any]:
        """Connect to one of its databases."""
        where = {"host": "127.0.0.1", "port": self.port, "dbname": name}
        return psycopg.connect(**where, user=ADMIN, password=PASSWORD, autocommit=True)  # type: ignore[arg-type]

    def database(self, name: str) -> Database:
        """Return one of its databases as the settings name it."""
        return Database(f"postgresql://127.0.0.1:{self.port}/{name}", WHO)
