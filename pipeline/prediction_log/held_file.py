"""Whether the log's file is still there: SQLite goes on writing to one that was deleted or replaced."""

import math
import sqlite3
import time
from pathlib import Path

_SECONDS = 1.0  # between two looks: each gives the interpreter away, and to get it back takes long under load


class HeldFile:
    """The file that a writer has open. Belongs to the writer's thread, but for `look_at_once`."""

    def __init__(self, path: Path) -> None:
        self._path, self._opened = path, _identity(path)
        self._next = 0.0

    def look_at_once(self) -> None:
        """Make the next `check` look, however short ago the last one was."""
        self._next = -math.inf

    def check(self) -> None:
        """Raise sqlite3.OperationalError when another file, or none, stands under the name."""
        now = time.monotonic()
        if now < self._next:
            return
        if _identity(self._path) != self._opened:
            raise sqlite3.OperationalError("its file was taken away; restart the service")
        self._next = now + _SECONDS


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
