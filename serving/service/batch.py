"""POST /predict/batch: many records in, each answered or refused by itself, all logged by one commit."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from pipeline.prediction_log import Answer
from pipeline.settings import Settings
from serving.service.documents import ProblemDocument
from serving.service.problems import Problem
from serving.service.records import RecordRefused
from serving.service.rows import Asked, Done, Said, check_count, respond, say
from serving.service.served import Served
from serving.service.state import state_of


class RefusedRow(BaseModel):
    """A row of a batch that is not answered, and why."""

    model_config = ConfigDict(extra="forbid")

    refused: ProblemDocument


def predict_batch(settings: Settings) -> Callable[[Request], Awaitable[Response]]:
    """Return the route; `batch_rows` of the settings is its limit."""

    async def answer(request: Request) -> Response:
        """Answer a list of records with a list, in their order."""
        return await respond(request, state_of(request).served_to(request.scope), work)

    def work(asked: Asked) -> Done:
        rows = _rows(asked.body)
        check_count(len(rows), settings.batch_rows)
        return _done(asked, say(asked, rows))

    return answer


def _rows(body: bytes) -> list[Any]:
    try:
        rows = from_json(body)
    except ValueError as error:
        raise _unreadable(f": {error}") from error
    if not isinstance(rows, list):
        raise _unreadable("")
    return rows


def _unreadable(why: str) -> Problem:
    detail = f"The body must be a list of records, as JSON{why}"
    return Problem(400, "The request is not readable", detail, kind="unreadable-request")


def _done(asked: Asked, said: Sequence[Said | Problem]) -> Done:
    answers = [one[0] for one in said if not isinstance(one, Problem)]
    if asked.key:
        answers = _kept(asked.served, said)
    texts = [_text(asked.served, one) for one in said]

    def tell(logged: Sequence[Answer]) -> str:
        found = zip(answers, logged, strict=True)
        sent = (None if one is own else one.sent for own, one in found)  # the first answer, where this is not it
        told = (text if isinstance(one, Problem) else next(sent) or text for one, text in zip(said, texts, strict=True))
        return f"[{', '.join(told)}]"

    refused = [one for one in said if isinstance(one, RecordRefused)]
    return Done(answers, refused, tell, failed=len(said) - len(answers) - len(refused))


def _kept(served: Served, said: Sequence[Said | Problem]) -> list[Answer]:
    """Return the answers with what a repeated request gets; its rows that are refused are refused again."""
    hide = served.loggable.warnings
    answered = [one for one in said if not isinstance(one, Problem)]
    return [replace(answer, sent=_text(served, (answer, hide(warned)))) for answer, warned in answered]


def _text(served: Served, said: Said | Problem) -> str:
    if isinstance(said, Problem):
        return f'{{"refused": {bytes(said.response().body).decode()}}}'
    answer, warnings = said
    return served.answers.text((answer.prediction, answer.low, answer.high), answer.id, warnings)
