"""Folders for work that is under way: they go away afterwards, and show whether their process still lives."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OWNER = ".owner"


@contextmanager
def work_folder(prefix: str) -> Iterator[Path]:
    """Give an empty folder in the temporary folder; a lock on a file beside it lasts as long as this process."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder, Path(folder, _OWNER).open("w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        work = Path(folder).resolve() / "work"
        work.mkdir()
        yield work


def is_abandoned(folder: Path) -> bool:
    """Whether the process that made a work folder is gone. One that was made just now may not have its lock yet."""
    try:
        with (folder / _OWNER).open() as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:  # locked, or another user's
        return False
    return True
