"""Scoring live requests with the version on trial, after they were answered: nobody waits for it."""

import logging
import math
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from pipeline.prediction_log.shadow_log import ShadowAnswer, ShadowLog
from serving.service.answers import Numbers
from serving.service.records import RecordRefused
from serving.service.trials import OnTrial

_EVERY = 0.05  # seconds: few at a time, since all that is done here holds up the answers for so long
_WRITTEN_EVERY = 20  # turns: once a second
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that the live version has answered."""

    id: str
    time: str
    body: bytes
    prediction: float
    on_trial: OnTrial


class Shadow:
    """A thread that scores a bounded number of requests a second, so that a shadow costs the answers next to nothing.

    What comes beyond that is skipped, and counted.
    """

    def __init__(self, outbox: Path, per_second: int) -> None:
        self._log_file, self._most = ShadowLog(outbox), max(1, round(per_second * _EVERY))
        self._waiting: deque[Answered] = deque()
        self._scored: list[ShadowAnswer] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        """Begin to score."""
        self._thread.start()

    def stop(self) -> None:
        """Score what waits, write it, and end."""
        self._stopped.set()
        self._thread.join()

    def offer(self, answered: Answered) -> None:
        """Take a request, or skip it when enough wait."""
        if len(self._waiting) < self._most:
            self._waiting.append(answered)
        else:
            answered.on_trial.tally.add(skipped=1)

    def _run(self) -> None:
        turn, running = 0, True
        while running:
            running = not self._stopped.wait(_EVERY)
            self._score_waiting()
            turn += 1
            if turn % _WRITTEN_EVERY == 0 or not running:
                self._write()
        self._log_file.close()

    def _score_waiting(self) -> None:
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        for on_trial in {id(one.on_trial): one.on_trial for one in taken}.values():
            self._score(on_trial, [one for one in taken if one.on_trial is on_trial])

    def _score(self, on_trial: OnTrial, requests: list[Answered]) -> None:
        try:
            read = [(one, record) for one in requests if (record := _read(on_trial, one)) is not None]
            found = on_trial.served.answers.of([record for _, record in read]) if read else []
        except Exception as error:  # noqa: BLE001 (that a version breaks is what a trial is there to find out)
            on_trial.tally.add(failed=len(requests))
            _log.error("the version on trial broke on %d requests: %s", len(requests), type(error).__name__)
            return
        version = on_trial.served.release.version
        numbered = [(one, numbers) for (one, _), (numbers, _) in zip(read, found, strict=True) if _finite(numbers)]
        for one, numbers in numbered:
            self._scored.append(ShadowAnswer(one.id, version, *numbers, one.time))
            on_trial.tally.compare(one.prediction, numbers[0])
        on_trial.tally.add(answered=len(numbered), failed=len(read) - len(numbered))

    def _write(self) -> None:
        scored, self._scored = self._scored, []
        try:
            self._log_file.add(scored)
        except Exception as error:  # noqa: BLE001 (the answers do not depend on it)
            _log.error("%d numbers of the version on trial are lost: %s", len(scored), error)


def _finite(numbers: Numbers) -> bool:
    return all(map(math.isfinite, numbers))


def _read(on_trial: OnTrial, answered: Answered) -> dict[str, object] | None:
    try:
        return on_trial.served.read(answered.body)
    except RecordRefused:
        on_trial.tally.add(refused=1)
        return None
