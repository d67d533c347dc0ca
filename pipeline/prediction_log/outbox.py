"""What the service writes into the prediction log."""

from collections.abc import Container, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from pipeline.prediction_log import statements
from pipeline.prediction_log.reader import find_answer
from pipeline.prediction_log.schema import Answer, utc_text
from pipeline.prediction_log.statements import Outcome
from pipeline.prediction_log.writer import Writer


class Outbox:
    """Writes one prediction log. Safe to call from any thread; a future is resolved when its commit is on disk.

    Raises:
        PredictionLogError: when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = Writer(path)

    def add(self, answer: Answer) -> Future[Answer]:
        """Write an answer. The future gives what the log holds under its id: this answer, or an earlier one.

        The future fails with PredictionLogError when the log cannot be written, or is closed.
        """
        return self._writer.submit(lambda connection: statements.add_answer(connection, answer))

    def add_all(self, answers: Sequence[Answer]) -> Future[list[Answer]]:
        """Write answers, all or none. The future gives for each what `add` would."""
        return self._writer.submit(lambda connection: statements.add_answers(connection, answers), answers)

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
        stored: Future[list[Outcome]] = self._writer.submit(
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
        self._writer.submit(lambda connection: statements.count_refusals(connection, counts, second))

    def check(self) -> None:
        """Raise PredictionLogError unless the log can be written just now. Blocks until that is known."""
        self._writer.look_at_once()
        self._writer.submit(statements.touch).result()

    def close(self) -> None:
        """Write what waits, and take nothing more."""
        self._writer.close()
