"""What other replicas answered: their outboxes are on other disks, but all are copied to one database."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeVar

from pipeline.prediction_log import Answer, Outbox, Outcome, PredictionLogError

if TYPE_CHECKING:
    from pipeline.prediction_log.copied import CopiedLog  # psycopg is loaded only where it is used

_PATIENCE = 10.0  # seconds in which a database that was away is not asked again: who asks would wait each time

_AT_ONCE = 1000  # truths of one commit: predictions that wait for the log come in between

Truth = tuple[str, float]  # a prediction's id, and what it turned out to be
Added = Outcome | Literal["away"]  # away: not known here, and others could not be asked
T = TypeVar("T")

_log = logging.getLogger(__name__)


class AwayError(PredictionLogError):
    """The copy cannot be asked just now."""

    def __init__(self) -> None:
        super().__init__("the copy of all replicas' predictions cannot be asked just now; try again later")


class Elsewhere:
    """Asks the copy, one at a time. Without a copy, nothing is known of others.

    Both methods raise AwayError, which tells callers nothing of the database.
    """

    def __init__(self, copy: "CopiedLog | None" = None) -> None:
        self._copy = copy
        self._one, self._away_until = Lock(), 0.0

    def find(self, prediction_id: str) -> Answer | None:
        """Return the answer with this id, or None."""
        copy = self._copy
        return None if copy is None else self._asked(lambda: copy.find(prediction_id))

    def truths(self, ids: Sequence[str]) -> dict[str, float | None]:
        """Return those ids that are predictions, each with its truth, None while that is unknown."""
        copy = self._copy
        return {} if copy is None else self._asked(lambda: copy.truths(ids))

    def _asked(self, ask: Callable[[], T]) -> T:
        with self._one:
            if time.monotonic() < self._away_until:
                raise AwayError
            try:
                return ask()
            except PredictionLogError as error:
                self._away_until = time.monotonic() + _PATIENCE
                _log.warning("predictions of other replicas cannot be looked up: %s", error)
                raise AwayError from error


def add_truths(outbox: Outbox, elsewhere: Elsewhere, told: Sequence[Truth]) -> list[Added]:
    """Store truths, those of other replicas' predictions too, and hold them to what other replicas were told.

    What a replica was told in the last second or two may not be in the copy yet: then the copy keeps the first one.
    """
    others: Mapping[str, float | None] = {}
    unknown: Added = "unknown"
    try:
        others = elsewhere.truths([key for key, _ in told])
    except AwayError:
        unknown = "away"
    earlier = {key: truth for key, truth in others.items() if truth is not None}
    before = [earlier.get(key) if math.isfinite(actual) else None for key, actual in told]
    stored = _stored(outbox, [one for one, truth in zip(told, before, strict=True) if truth is None], others)
    pairs = zip(told, before, strict=True)
    outcomes = [next(stored) if truth is None else _held(actual, truth) for (_, actual), truth in pairs]
    return [unknown if outcome == "unknown" else outcome for outcome in outcomes]


def _stored(outbox: Outbox, told: Sequence[Truth], others: Mapping[str, float | None]) -> Iterator[Outcome]:
    for start in range(0, len(told), _AT_ONCE):
        yield from outbox.add_actuals(told[start : start + _AT_ONCE], others)


def _held(actual: float, truth: float) -> Outcome:
    return "repeated" if actual == truth else "contradiction"
