"""The thread that writes the prediction log: one transaction for all that waits (group commit)."""

import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.prediction_log import statements
from pipeline.prediction_log.held_file import HeldFile
from pipeline.prediction_log.schema import Answer
from pipeline.prediction_log.steps import PredictionLogError

LARGEST_BATCH = 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """Work for the writer's next transaction, and who waits for it."""

    work: Callable[[sqlite3.Connection], Any]
    answers: Sequence[Answer] = ()  # where that is all the work
    done: Future[Any] = field(default_factory=Future)


class Writer:
    """Does work on one log, in the order in which it was submitted. Safe to call from any thread.

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

    def submit(self, work: Callable[[sqlite3.Connection], Any], answers: Sequence[Answer] = ()) -> Future[Any]:
        """Have work done within the next transaction, and give what it returns once that is on disk.

        The future fails with PredictionLogError when the log cannot be written, or is closed.

        Args:
            work: what is done; it neither begins nor ends a transaction.
            answers: where writing new answers is all the work: those, for the short way.
        """
        job = _Job(work, answers)
        with self._entering:  # nothing may enter the queue behind its end
            if self._closed:
                job.done.set_exception(PredictionLogError(f"{self._path}: the prediction log is closed"))
            else:
                self._jobs.put(job)
        return job.done

    def look_at_once(self) -> None:
        """Look whether the file is still there before the next transaction, however short ago that was done."""
        self._file.look_at_once()

    def close(self) -> None:
        """Write what waits, and end."""
        with self._entering:
            if not self._closed:
                self._jobs.put(None)
            self._closed = True
        self._thread.join()

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
