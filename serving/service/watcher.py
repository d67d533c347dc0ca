"""The hot swap: follows the `current` release, and switches one reference once the new one has proven itself."""

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.release_files import CURRENT, RELEASE_FILE
from pipeline.settings import Settings
from serving.errors import ReleaseError
from serving.service.served import Served, load_served
from serving.service.trials import OnTrial
from serving.trial import TRIAL, Trial, read_trial

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refused:
    """A release that is not served, and why."""

    version: int | None  # None where not even the folder's name tells it
    reason: str


@dataclass(frozen=True)
class Live:
    """What is served now, what is tried beside it, and what was refused in the place of either."""

    served: Served | None = None
    refused: Refused | None = None
    on_trial: OnTrial | None = None
    trial_refused: str | None = None

    @property
    def shadow(self) -> OnTrial | None:
        """The version that scores what the live one answers, if there is one."""
        return self.on_trial if self.on_trial and self.on_trial.shadow else None


class Watcher:
    """Looks for releases of one model. `live` is replaced as a whole; readers take it once."""

    def __init__(self, settings: Settings, model: str) -> None:
        if not settings.releases_dir:
            raise ReleaseError(f"{model}: MLOPS_RELEASES_DIR is empty; it must be the folder with its releases")
        self.live = Live()
        self._model = model
        self._releases = Path(settings.place("releases_dir", model))
        self._current = self._releases / CURRENT
        self._seconds = settings.swap_seconds
        self._seen: tuple[Path, int] | None = None
        self._seen_trial: int | None = None  # when its file was written
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
        """Take up the release and the trial if they are others than at the last look; a bad one leaves the old."""
        self._look_at_release()
        self._look_at_trial()

    def _look_at_release(self) -> None:
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
            self.live = replace(self.live, served=served, refused=None)

    def _look_at_trial(self) -> None:
        path = self._releases / TRIAL
        written = path.stat().st_mtime_ns if path.exists() else None
        if written == self._seen_trial:
            return
        self._seen_trial = written
        try:
            trial = read_trial(self._releases)
            on_trial = None if trial is None else OnTrial(trial, self._load(trial))
        except Exception as error:  # noqa: BLE001 (as with a release)
            _log.error("%s: refused, nothing is tried: %s", path, error)
            self.live = replace(self.live, on_trial=None, trial_refused=str(error))
        else:
            _log.info("%s: %s", self._model, f"{trial.folder} is tried as {trial.mode}" if trial else "the trial ended")
            self.live = replace(self.live, on_trial=on_trial, trial_refused=None)

    def _load(self, trial: Trial) -> Served:
        known = self.live.on_trial
        if known and known.trial.folder == trial.folder:  # only its share has changed
            return known.served
        return load_served(self._releases / trial.folder, self._model)

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
