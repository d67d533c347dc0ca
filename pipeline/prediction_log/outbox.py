"""The writer of the prediction log: one thread, one transaction for all that waits (group commit)."""

import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.prediction_log import statements
from pipeline.prediction_log.held_file import HeldFile
from pipeline.prediction_log.reader import find_answer
from pipeline.prediction_log.schema import Answer, utc_text
from pipeline.prediction_log.statements import Outcome
from pipeline.prediction_log.steps import PredictionLogError

LARGEST_BATCH = 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """Work for the writer's next transaction, and who waits for it."""

    work: Callable[[sqlite3.Connection], Any]
    answers: Sequence[Answer] = ()  # where that is all the work
    done: Future[Any] = field(default_factory=Future)


class Outbox:
    """Writes one prediction log. Safe to call from any thread; a future is resolved when its commit is on disk.

    Raises:
        PredictionLogError: when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = statements.connect_for_writing(path)
        self._file = HeldFile(path)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._entering = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def add(self, answer: Answer) -> Future[Answer]:
        """Write an answer. The future gives what the log holds under its id: this answer, or an earlier one.

        The future fails with PredictionLogError when the log cannot be written, or is closed.
        """
        return self._submit(lambda connection: statements.add_answer(connection, answer))

    def add_all(self, answers: Sequence[Answer]) -> Future[list[Answer]]:
        """Write answers, all or none. The future gives for each what `add` would."""
        return self._submit(lambda connection: statements.add_answers(connection, answers), answers)

    def find(self, prediction_id: str) -> Answer | None:
        """Return the answer with this id, or None."""
        return find_answer(self._path, prediction_id)

    def add_actuals(self, actuals: Sequence[tuple[str, float]], elsewhere: Container[str] = ()) -> list[Outcome]:
        """Store truths by prediction id, in the target's unit, and return each one's outcome. Blocks until then.

        Args:
            actuals: pairs of an id and a truth.
            elsewhere: ids that are predictions even if this log does not hold them.

        Raises:
            PredictionLogError: when the log cannot be written; none is stored then.
        """
        now = utc_text(datetime.now(UTC))
        stored: Future[list[Outcome]] = self._submit(
            lambda connection: [
                statements.add_actual(connection, key, value, now, elsewhere=key in elsewhere) for key, value in actuals
            ]
        )
        return stored.result()

    def refuse(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Count refused values by field and reason.

        Nobody waits for it: a count that cannot be written is lost, with a line in the log.
        """
        second = utc_text(datetime.now(UTC).replace(microsecond=0))
        self._submit(lambda connection: statements.count_refusals(connection, counts, second))

    def check(self) -> None:
        """Raise PredictionLogError unless the log can be written just now. Blocks until that is known."""
        self._file.look_at_once()
        self._submit(statements.touch).result()

    def close(self) -> None:
        """Write what waits, and end the writer."""
        with self._entering:
            if not self._closed:
                self._jobs.put(None)
            self._closed = True
        self._thread.join()

    def _submit(self, work: Callable[[sqlite3.Connection], Any], answers: Sequence[Answer] = ()) -> Future[Any]:
        job = _Job(work, answers)
        with self._entering:  # nothing may enter the queue behind its end
            if self._closed:
                job.done.set_exception(PredictionLogError(f"{self._path}: the prediction log is closed"))
            else:
                self._jobs.put(job)
        return job.done

    def _run(self) -> None:
        while self._write_what_waits():
            pass
        self._connection.close()

    def _write_what_waits(self) -> bool:
        """Write once something waits; False after the last. Holds nothing afterwards: a batch is many megabytes."""
        batch = [self._jobs.get()]
        while len(batch) < LARGEST_BATCH and not self._jobs.empty():  # this thread is the only one that takes
            batch.append(self._jobs.get())
        # A request whose client went away has cancelled its future: it is not answered, so not logged.
        wanted = [job for job in batch if job is not None and job.done.set_running_or_notify_cancel()]
        if wanted:
            self._commit(wanted)
        return None not in batch

    def _commit(self, batch: list[_Job]) -> None:
        try:
            results = self._write(batch)
        except Exception as error:  # noqa: BLE001 (the writer outlives any failure; whoever waits is told)
            if len(batch) > 1 and not isinstance(error, sqlite3.OperationalError):
                self._commit_singly(batch)
                return
            _log.error("%s: %d entries could not be written: %s", self._path, len(batch), error)
            self._reject(batch, PredictionLogError(f"the prediction log cannot be written: {error}"))
        else:
            for job, result in zip(batch, results, strict=True):
                job.done.set_result(result)

    def _write(self, batch: list[_Job]) -> list[Any]:
        self._file.check()
        if all(job.answers for job in batch):  # nearly always
            answers = [answer for job in batch for answer in job.answers]
            if statements.add_new(self._connection, answers):
                return [job.answers for job in batch]
        self._connection.execute("BEGIN IMMEDIATE")
        results = [job.work(self._connection) for job in batch]
        self._connection.execute("COMMIT")
        return results

    def _commit_singly(self, batch: list[_Job]) -> None:
        """One entry is at fault, not the disk: the others must not be lost with it."""
        self._roll_back()
        for job in batch:
            self._commit([job])

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # a failed COMMIT has sometimes ended the transaction already
            self._connection.execute("ROLLBACK")

    def _reject(self, batch: list[_Job], error: PredictionLogError) -> None:
        self._roll_back()
        for job in batch:
            job.done.set_exception(error)
