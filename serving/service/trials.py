"""The version on trial beside the live one: which requests it answers, and what is known of it so far."""

import hashlib
import math
import threading
from dataclasses import dataclass, field
from typing import Any

from serving.service.served import Served
from serving.trial import Trial

_WHOLE = 2**64


@dataclass
class Tally:
    """What a trial's numbers are like beside the live version's. Counted from several threads.

    Differences are told relative to the mean size of the live numbers, not one by one: a number near zero would make
    any difference from it a giant.
    """

    answered: int = 0  # records that it has a number for
    refused: int = 0  # records that its contract does not allow
    failed: int = 0  # records that it broke on, or has no finite number for
    skipped: int = 0  # a shadow's: more came than it may score
    _apart: float = 0.0  # sum of absolute differences
    _bias: float = 0.0  # of those with their sign
    _largest: float = 0.0
    _live_size: float = 0.0  # sum of the live numbers without their signs
    _tried_size: float = 0.0
    _compared: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, answered: int = 0, refused: int = 0, failed: int = 0, skipped: int = 0) -> None:
        """Count records."""
        with self._lock:
            self.answered += answered
            self.refused += refused
            self.failed += failed
            self.skipped += skipped

    def compare(self, live: float, tried: float) -> None:
        """Take in what both versions say of one record."""
        difference = tried - live
        if math.isfinite(difference):
            with self._lock:
                self._compared += 1
                self._live_size += abs(live)
                self._tried_size += abs(tried)
                self._apart += abs(difference)
                self._bias += difference
                self._largest = max(self._largest, abs(difference))

    def told(self) -> dict[str, Any]:
        """Return the counts, and the relative differences from the live version's numbers (None before any)."""
        with self._lock:
            found, size = self._compared, self._live_size or self._tried_size or 1.0
            return {
                "answered": self.answered,
                "refused": self.refused,
                "failed": self.failed,
                "skipped": self.skipped,
                "compared": found,
                "mean_absolute_difference": self._apart / size if found else None,
                "mean_difference": self._bias / size if found else None,
                "largest_difference": self._largest / size * found if found else None,
            }


@dataclass(frozen=True)
class OnTrial:
    """A version on trial. A canary is sticky: one routing key always meets the same version."""

    trial: Trial
    served: Served
    tally: Tally = field(default_factory=Tally)

    @property
    def shadow(self) -> bool:
        """Whether its numbers are logged only."""
        return self.trial.mode == "shadow"

    def takes(self, key: str) -> bool:
        """Whether it answers the requests with a routing key.

        The key's place is a hash of it alone, so a canary whose share grows keeps those whom it had.
        """
        place = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
        return not self.shadow and place < self.trial.share * _WHOLE

    def describe(self) -> dict[str, Any]:
        """Say what is tried, for people and for the deployment."""
        share = {} if self.shadow else {"share": self.trial.share}
        began = {"began": self.trial.began.isoformat()} if self.trial.began else {}
        return {"version": self.served.release.version, "mode": self.trial.mode, **share, **began, **self.tally.told()}
