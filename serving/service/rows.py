"""Many records that are asked together: read one by one, predicted by one call of the model, logged by one commit."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic_core import to_json

from pipeline.prediction_log import Answer, utc_text
from serving.service.problems import Problem
from serving.service.records import RecordRefused
from serving.service.repeats import Key, key_of
from serving.service.served import Served
from serving.service.state import State, state_of
from serving.service.wire import caller_of, new_id, read_stream

_LIGHT = 1000  # values that the event loop reads itself: about 100 rows of 10 fields

Said = tuple[Answer, list[str]]  # what is logged, and the warnings


@dataclass(frozen=True)
class Asked:
    """A body on its way. `served` was taken once, so that no two of its rows are of different versions."""

    served: Served
    body: bytes
    caller: str
    started: float
    key: Key | None


@dataclass(frozen=True)
class Done:
    """What is to be logged and counted, and what makes the text that is sent then.

    `tell` takes what the log holds in the place of each answer: that answer, or an earlier one of a repeated body.
    """

    answers: Sequence[Answer]
    refused: Sequence[RecordRefused]
    tell: Callable[[Sequence[Answer]], str]
    failed: int = 0  # records without a finite number


def check_count(count: int, batch_rows: int) -> None:
    """Raise Problem when more rows are asked than may be."""
    if count > batch_rows:
        detail = f"{count} rows were sent; at most {batch_rows} are answered at once: send them in parts"
        raise Problem(413, "Too many rows", detail, kind="too-many-rows")


async def respond(request: Request, served: Served, work: Callable[[Asked], Done]) -> Response:
    """Answer a body with what `work` makes of it, in a thread where that takes long."""
    started, state = time.perf_counter(), state_of(request)
    body = await read_stream(request.receive)
    key = key_of(request.scope, state.model, body)
    if key:  # told apart before anything is logged
        first = await run_in_threadpool(state.outbox.find, key.row(0))
        if first:
            key.check(first)
    asked = Asked(served, body, caller_of(request.scope), started, key)
    heavy = body.count(b",") > _LIGHT
    try:
        done = await run_in_threadpool(work, asked) if heavy else work(asked)
    except Exception as error:
        if not isinstance(error, Problem):  # which the client is to blame for
            state.tally_of(served).add(failed=1)
        raise
    state.tally_of(served).add(refused=len(done.refused), failed=done.failed)
    logged = await _log(state, done, key)
    text = await run_in_threadpool(done.tell, logged) if heavy else done.tell(logged)
    return Response(text, media_type="application/json")


def say(asked: Asked, rows: Sequence[Any]) -> list[Said | Problem]:
    """Return for each row, a value as JSON gave it, its answer or why there is none; in their order."""
    served = asked.served
    read = [_read(served, row) for row in rows]
    records = [row for row in read if isinstance(row, dict)]
    answers = _answers(asked, records)
    return [row if isinstance(row, Problem) else next(answers) for row in read]


def _answers(asked: Asked, records: list[dict[str, Any]]) -> Iterator[Said | Problem]:
    served, key = asked.served, asked.key
    found = served.answers.of(records) if records else []
    taken = (time.perf_counter() - asked.started) * 1000
    now, release = utc_text(datetime.now(UTC)), served.release
    place = 0
    for record, (numbers, warnings) in zip(records, found, strict=True):
        if not all(map(math.isfinite, numbers)):
            yield served.answers.none()
            continue
        identity = key.row(place) if key else new_id()
        what = (identity, now, release.model, release.version, served.loggable.features(record))
        yield Answer(*what, *numbers, taken, asked.caller, digest=key.digest if key else None), warnings
        place += 1


def _read(served: Served, row: Any) -> dict[str, Any] | RecordRefused:
    record = served.quick.take(row)
    if record is not None:
        return record
    try:  # as it came: a row that is not taken goes through the same door as a single record
        return served.records.read(to_json(row, inf_nan_mode="constants"))
    except RecordRefused as refused:
        return refused


async def _log(state: State, done: Done, key: Key | None) -> Sequence[Answer]:
    state.count(*done.refused)
    if not done.answers:
        return []
    logged: list[Answer] = await asyncio.wrap_future(state.outbox.add_all(done.answers))
    earlier = [(one, own) for one, own in zip(logged, done.answers, strict=True) if one is not own]
    for one, own in earlier:
        assert key  # noqa: S101 (other ids are never met twice)
        key.check(one, own)
    new = len(logged) - len(earlier)
    state.metrics.predictions.labels(str(done.answers[0].version)).inc(new)
    state.tally_of(state.version(done.answers[0].version)).add(answered=new)
    return logged
