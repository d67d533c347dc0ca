"""POST /predict, the hot route: one record in, one prediction out, logged before it is answered.

Plain ASGI, since the framework would take longer than everything that is done here. What comes in together travels
together: one call of the model, one wake-up of the log's writer, one commit.
"""

import asyncio
import math
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.types import Receive, Scope, Send

from pipeline.prediction_log import Answer, PredictionLogError, utc_text
from serving.service.problems import Problem, log_failure
from serving.service.records import RecordRefused
from serving.service.repeats import id_of, read_key, same_record, used_before
from serving.service.served import Served
from serving.service.shadow import Answered
from serving.service.state import State
from serving.service.wire import caller_of, new_id, read_stream, send_json

ENOUGH = 32  # requests that travel together without waiting for more
Kept = tuple["Asked", Answer, str]  # with what is to be logged, and what is to be sent then


@dataclass(slots=True, eq=False)
class Asked:
    """A request on its way: what is served to it was taken once, so that no answer mixes two versions."""

    served: Served
    body: bytes
    record: dict[str, Any]
    id: str
    key: str | None  # the client's, by which it may repeat the request
    caller: str
    started: float
    answer: asyncio.Future[bytes]


class Predict:
    """The route. `state` is set when the application starts. Belongs to one event loop."""

    def __init__(self) -> None:
        self.state: State
        self._asked: list[Asked] = []
        self._writing = 0  # commits under way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that came through the framework."""
        try:
            await send_json(send, await self.answer(scope, receive))
        except Problem as problem:
            await problem.response()(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive) -> bytes:
        """Return the JSON of one request's answer. Raises Problem when there is none."""
        started = time.perf_counter()
        try:
            return await self._answer(scope, await read_stream(receive), started)
        except RecordRefused as refused:
            self.state.count(refused)
            raise
        except PredictionLogError as error:
            raise log_failure(error) from error

    async def _answer(self, scope: Scope, body: bytes, started: float) -> bytes:
        served = self.state.served_to(scope)
        try:
            record = served.read(body)
        except RecordRefused:
            self.state.tally_of(served).add(refused=1)
            raise
        scope["record"] = record  # for the request log, where features are wanted in it
        key = read_key(scope)
        identity = new_id() if key is None else id_of(self.state.model, caller_of(scope), key)
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._close_turn, loop, 1)
        answer: asyncio.Future[bytes] = loop.create_future()
        self._asked.append(Asked(served, body, record, identity, key, caller_of(scope), started, answer))
        return await answer

    def _close_turn(self, loop: asyncio.AbstractEventLoop, seen: int) -> None:
        if self._writing:  # the log has one writer: what would wait for it is better predicted and written together
            return
        if seen < len(self._asked) < ENOUGH:  # more are coming in: one commit for all of them costs least
            loop.call_soon(self._close_turn, loop, len(self._asked))
            return
        asked, self._asked = self._asked, []
        for served in {id(one.served): one.served for one in asked}.values():  # two, where a release was just taken up
            group = [one for one in asked if one.served is served]
            try:
                self._predict(loop, served, group)
            except Exception as error:  # noqa: BLE001 (whoever waits is told)
                self.state.tally_of(served).add(failed=len(group))
                _fail(group, error)

    def _predict(self, loop: asyncio.AbstractEventLoop, served: Served, asked: list[Asked]) -> None:
        answered = served.answers.of([one.record for one in asked])
        now, ended, release, kept = utc_text(datetime.now(UTC)), time.perf_counter(), served.release, []
        for one, (numbers, warnings) in zip(asked, answered, strict=True):
            if not all(map(math.isfinite, numbers)):
                self.state.tally_of(served).add(failed=1)
                _fail([one], served.answers.none())
                continue
            text = served.answers.text(numbers, one.id, warnings)
            taken, sent, digest = (ended - one.started) * 1000, None, None
            if one.key is not None:  # the text is kept, but for what the contract keeps out of the log
                logged = served.loggable.warnings(warnings)
                sent = text if logged is warnings else served.answers.text(numbers, one.id, logged)
                digest = served.loggable.digest(one.record, one.key)
            what = (one.id, now, release.model, release.version, served.loggable.features(one.record))
            kept.append((one, Answer(*what, *numbers, taken, one.caller, sent, digest), text))
        if kept:
            done, self._writing = self.state.outbox.add_all([one for _, one, _ in kept]), self._writing + 1
            # Not of `done` itself: it keeps its callbacks, which would be a ring of garbage for each commit.
            done.add_done_callback(lambda same: loop.call_soon_threadsafe(self._resolve, loop, kept, same))

    def _resolve(self, loop: asyncio.AbstractEventLoop, kept: list[Kept], done: Future[list[Answer]]) -> None:
        self._writing -= 1
        loop.call_soon(loop.call_soon, self._close_turn, loop, 0)  # a turn later: who is answered now mostly asks again
        if error := done.exception():
            _fail((one for one, _, _ in kept), error)
            return
        new, shadow = 0, self.state.watcher.live.shadow
        for (one, answer, text), logged in zip(kept, done.result(), strict=True):
            new += logged is answer
            if shadow and logged is answer:
                self.state.shadow.offer(Answered(answer.id, answer.time, one.body, answer.prediction, shadow))
            if one.answer.done():  # its client went away
                continue
            if logged is answer:
                one.answer.set_result(text.encode())
            elif logged.sent is None or logged.digest != answer.digest or not same_record(logged, answer):
                one.answer.set_exception(used_before("record"))
            else:
                one.answer.set_result(logged.sent.encode())  # the first answer, to a request that is repeated
        self.state.metrics.predictions.labels(str(kept[0][1].version)).inc(new)
        self.state.tally_of(kept[0][0].served).add(answered=new)


def _fail(asked: Iterable[Asked], error: BaseException) -> None:
    for one in asked:
        if not one.answer.done():
            one.answer.set_exception(error)
