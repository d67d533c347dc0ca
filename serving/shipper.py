"""The shipper: a thread beside the service that copies the outbox of predictions to PostgreSQL.

The way of an answer never meets it: answers are durable in the outbox, and a database that is away only means that
more rows wait there.
"""

import logging
import threading
from pathlib import Path

from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from pipeline.prediction_log.database import Database
from pipeline.prediction_log.steps import PredictionLogError
from serving.shipping import Copier

_EVERY = 1.0  # seconds between two looks at the outbox
_LONGEST_WAIT = 30.0  # seconds between two attempts while the database is away

_log = logging.getLogger(__name__)


class Shipper:
    """Copies the outbox from `start` until `stop`."""

    def __init__(self, outbox: Path, database: Database, model: str, every: float = _EVERY) -> None:
        self._outbox, self._every = outbox, every
        self._copier = Copier(outbox, database, model)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-shipper", daemon=True)
        self._away = False

    @property
    def waiting(self) -> int:
        """How many rows were not copied when it last looked."""
        return self._copier.waiting

    def start(self) -> None:
        """Begin to copy. The outbox must be there."""
        self._thread.start()

    def stop(self, seconds: float = 5) -> None:
        """Copy what still waits, unless the database is away or it takes longer; the rest stays in the outbox."""
        self._stopping.set()
        self._thread.join(seconds)
        if self.waiting or self._thread.is_alive():
            _log.warning("%s: about %d rows are not copied yet; they are at the next start", self._outbox, self.waiting)

    def _run(self) -> None:
        retrying = Retrying(
            sleep=sleep_using_event(self._stopping),
            stop=stop_when_event_set(self._stopping),
            wait=wait_random_exponential(multiplier=self._every / 2, max=_LONGEST_WAIT),
            before_sleep=self._tell,
        )
        try:
            while not self._stopping.wait(self._every):
                retrying(self._ship)
            if not self._away:
                self._ship()
        except (RetryError, PredictionLogError) as error:
            _log.debug("stopped without the database: %s", error)
        finally:
            self._copier.close()

    def _ship(self) -> None:
        copied = self._copier.copy()
        if self._away and copied:
            _log.info("%s: predictions are copied again; %d rows had waited", self._outbox, copied)
            self._away = False

    def _tell(self, state: RetryCallState) -> None:
        """One line for an outage, not one for each attempt."""
        if not self._away:
            error = state.outcome.exception() if state.outcome else None
            _log.warning("%s: predictions wait to be copied: %s", self._outbox, error)
        self._away = True
