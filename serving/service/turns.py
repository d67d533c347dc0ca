"""Between the event loop and the log's writer: the answers of one turn of the loop travel as one.

One wake-up of a thread each way instead of one per answer, and fuller commits.
"""

import asyncio
from concurrent.futures import Future

from pipeline.prediction_log import Answer, Outbox

_Waiting = list[tuple[Answer, asyncio.Future[Answer]]]


class Turns:
    """Collects answers until the event loop's turn ends. Belongs to one event loop."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: _Waiting = []

    async def log(self, answer: Answer) -> Answer:
        """Make an answer durable, and return what the log holds under its id: this answer, or an earlier one.

        Raises:
            PredictionLogError: when the log cannot be written.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._hand_over, loop)
        logged: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((answer, logged))
        return await logged

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, []
        done = self._outbox.add_all([answer for answer, _ in waiting])
        done.add_done_callback(lambda _: loop.call_soon_threadsafe(_resolve, waiting, done))


def _resolve(waiting: _Waiting, done: Future[list[Answer]]) -> None:
    error = done.exception()
    for place, (_, logged) in enumerate(waiting):
        if logged.done():  # its client went away
            continue
        if error is None:
            logged.set_result(done.result()[place])
        else:
            logged.set_exception(error)
