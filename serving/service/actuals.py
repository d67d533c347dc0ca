"""POST /actuals: truths that come later, by prediction id, as JSON or CSV."""

import math
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, to_json

from pipeline.contract import NumberColumn
from pipeline.refusal import Refusal
from serving.service.actuals_csv import is_csv, read_csv
from serving.service.elsewhere import Added, AwayError, add_truths
from serving.service.problems import Problem
from serving.service.state import State, state_of

Reason = Literal["unknown", "contradiction", "range", "not finite", "type", "away"]


class Actual(BaseModel):
    """What a predicted number turned out to be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prediction_id: str = Field(description="The `id` of the prediction's answer")
    actual: float = Field(description="The true number, in the target's unit")


class ActualOutcome(BaseModel):
    """What became of one truth."""

    row: int | None = Field(default=None, description="Of a CSV: the row's number below the header, from 1")
    prediction_id: str | None = None
    outcome: Literal["accepted", "repeated", "refused"] = Field(
        description="`repeated`: the same truth is known already, which is harmless"
    )
    reason: Reason | None = None
    message: str | None = None


_Rows = TypeAdapter(list[Any] | dict[str, Any])
_STATUS = {"unknown": 404, "contradiction": 409, "away": 503}  # of a single refused row; any other reason is 422
_MESSAGES = {
    "unknown": "no prediction has this id",
    "contradiction": "{actual} contradicts the truth that was told before, which stays",
    "not finite": "{actual} is not finite",
    "away": f"not answered by this replica, and {AwayError()}",
}


def actuals() -> Callable[[Request], Awaitable[Response]]:
    """Return the route, for one application."""
    few = CapacityLimiter(4)  # who waits for a database holds none of the threads that health checks run in

    async def tell(request: Request) -> Response:
        """Store truths. Lists, CSV: answered row by row with status 200; a single refused object is a problem."""
        answer = _answer_csv if is_csv(request.headers.get("content-type", "")) else _answer_json
        text = await to_thread.run_sync(answer, state_of(request), await request.body(), limiter=few)
        return Response(text, media_type="application/json")

    return tell


def _answer_csv(state: State, body: bytes) -> bytes:
    rows = read_csv(body)
    outcomes = _store(state, [cells for _, cells in rows])
    numbered = zip(rows, outcomes, strict=True)
    return to_json([outcome.model_copy(update={"row": number}) for (number, _), outcome in numbered], exclude_none=True)


def _answer_json(state: State, body: bytes) -> bytes:
    try:
        content = _Rows.validate_json(body)
    except ValidationError as error:
        detail = "The body must be a list of objects with prediction_id and actual, or one such object, as JSON"
        raise Problem(400, "The request is not readable", detail, kind="unreadable-request") from error
    outcomes = _store(state, content if isinstance(content, list) else [content])
    return to_json(outcomes if isinstance(content, list) else _single(outcomes[0]), exclude_none=True)


def _single(outcome: ActualOutcome) -> ActualOutcome:
    if outcome.outcome != "refused":
        return outcome
    status = _STATUS.get(outcome.reason or "", 422)
    raise Problem(status, "The truth was refused", outcome.message or "", kind="refused-truth")


def _store(state: State, rows: list[Any]) -> list[ActualOutcome]:
    served = state.watcher.live.served
    target = served.bundle.contract.target_column if served else None
    checked = [_check(row, target) for row in rows]
    told = [(row.prediction_id, row.actual) for row in checked if isinstance(row, Actual)]
    stored = iter(add_truths(state.outbox, state.elsewhere, told))
    return [row if isinstance(row, ActualOutcome) else _outcome(row, next(stored)) for row in checked]


def _check(row: Any, target: NumberColumn | None) -> Actual | ActualOutcome:
    try:
        actual = Actual.model_validate(row)
    except ValidationError as error:
        prediction_id = row.get("prediction_id") if isinstance(row, dict) else None
        told = "; ".join(map(_told, error.errors(include_url=False)))
        return _refused(prediction_id if isinstance(prediction_id, str) else None, "type", told)
    low = -math.inf if target is None or target.minimum is None else target.minimum
    high = math.inf if target is None or target.maximum is None else target.maximum
    if target is not None and math.isfinite(actual.actual) and not low <= actual.actual <= high:
        message = Refusal("actual", "range", actual.actual, target.allowed).message
        return _refused(actual.prediction_id, "range", message)
    return actual


def _told(error: ErrorDetails) -> str:
    place = ".".join(map(str, error["loc"])) or "row"
    shown = "" if error["type"] in ("missing", "extra_forbidden") else f", not {error['input']!r:.60}"
    return f"{place}: {error['msg']}{shown}"


def _outcome(row: Actual, outcome: Added) -> ActualOutcome:
    if outcome == "accepted" or outcome == "repeated":
        return ActualOutcome(prediction_id=row.prediction_id, outcome=outcome)
    return _refused(row.prediction_id, outcome, f"{row.prediction_id}: {_MESSAGES[outcome].format(actual=row.actual)}")


def _refused(prediction_id: str | None, reason: Reason, message: str) -> ActualOutcome:
    return ActualOutcome(prediction_id=prediction_id, outcome="refused", reason=reason, message=message)
