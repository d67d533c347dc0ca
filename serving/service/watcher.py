"""The hot swap: follows the `current` release, and switches one reference once the new one has proven itself."""

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.release_log import CURRENT, RELEASE_FILE
from pipeline.settings import Settings
from serving.service.served import Served, load_served

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refused:
    """A release that is not served, and why."""

    version: int | None  # None where not even the folder's name tells it
    reason: str


@dataclass(frozen=True)
class Live:
    """What is served now, and what was refused in its place."""

    served: Served | None = None
    refused: Refused | None = None


class Watcher:
    """Looks for releases of one model. `live` is replaced as a whole; readers take it once."""

    def __init__(self, settings: Settings, model: str) -> None:
        self.live = Live()
        self._model = model
        self._current = Path(settings.place("releases_dir", model)) / CURRENT
        self._seconds = settings.swap_seconds
        self._seen: tuple[Path, int] | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="release-watcher", daemon=True)

    def start(self) -> None:
        """Take up what is released already, and go on looking."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """End looking."""
        self._stopped.set()
        self._thread.join()

    def look(self) -> None:
        """Take up the current release if it is another one than at the last look; a bad one leaves the old in place."""
        target = self._target()
        if target is None or target == self._seen:
            return
        self._seen = target
        folder = target[0]
        try:
            served = load_served(folder, self._model)
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, the old one goes on)
            _log.error("%s: refused, what is served stays: %s", folder, error)
            self.live = replace(self.live, refused=Refused(_version(folder), str(error)))
        else:
            _log.info("%s: version %d is served from now on", self._model, served.release.version)
            self.live = Live(served)

    def _target(self) -> tuple[Path, int] | None:
        if not self._current.is_symlink() and not self._current.exists():
            return None
        folder = self._current.resolve()
        release = folder / RELEASE_FILE  # a repaired release in the same folder is looked at again
        return folder, release.stat().st_mtime_ns if release.exists() else 0

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self.look()
            except OSError as error:  # the disk may come back
                _log.error("%s: cannot be looked at: %s", self._current, error)


def _version(folder: Path) -> int | None:
    number = folder.name.partition("-")[0]
    return int(number) if number.isdecimal() else None
