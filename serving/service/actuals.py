"""POST /actuals: truths that come later, by prediction id."""

import math
from typing import Any, Literal

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.contract import NumberColumn
from pipeline.prediction_log import Outcome
from pipeline.refusal import Refusal
from serving.service.problems import Problem
from serving.service.state import State, read_body, state_of

Reason = Literal["unknown", "contradiction", "range", "not finite", "type"]


class Actual(BaseModel):
    """What a predicted number turned out to be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prediction_id: str = Field(description="The `id` of the prediction's answer")
    actual: float = Field(description="The true number, in the target's unit")


class ActualOutcome(BaseModel):
    """What became of one truth."""

    prediction_id: str | None = None
    outcome: Literal["accepted", "repeated", "refused"] = Field(
        description="`repeated`: the same truth is known already, which is harmless"
    )
    reason: Reason | None = None
    message: str | None = None


_Rows = TypeAdapter(list[Any] | dict[str, Any])
_STATUS = {"unknown": 404, "contradiction": 409}  # of a single refused row; any other reason is 422
_MESSAGES = {
    "unknown": "no prediction has this id",
    "contradiction": "another truth was told before, which stays",
    "not finite": "the number is not finite",
}


async def actuals(request: Request) -> Response:
    """Store truths. A list is answered row by row with status 200; a single object that is refused is a problem."""
    try:
        content = _Rows.validate_json(await read_body(request))
    except ValidationError as error:
        detail = "The body must be a list of objects with prediction_id and actual, or one such object, as JSON"
        raise Problem(400, "The request is not readable", detail, kind="unreadable-request") from error
    rows = content if isinstance(content, list) else [content]
    outcomes = await run_in_threadpool(_store, state_of(request), rows)
    if isinstance(content, list):
        return JSONResponse([outcome.model_dump(exclude_none=True) for outcome in outcomes])
    return _single(outcomes[0])


def _single(outcome: ActualOutcome) -> Response:
    if outcome.outcome != "refused":
        return JSONResponse(outcome.model_dump(exclude_none=True))
    status = _STATUS.get(outcome.reason or "", 422)
    raise Problem(status, "The truth was refused", outcome.message or "", kind="refused-truth")


def _store(state: State, rows: list[Any]) -> list[ActualOutcome]:
    served = state.watcher.live.served
    target = served.bundle.contract.target_column if served else None
    checked = [_check(row, target) for row in rows]
    stored = iter(
        state.outbox.add_actuals([(row.prediction_id, row.actual) for row in checked if isinstance(row, Actual)])
    )
    return [row if isinstance(row, ActualOutcome) else _outcome(row, next(stored)) for row in checked]


def _check(row: Any, target: NumberColumn | None) -> Actual | ActualOutcome:
    try:
        actual = Actual.model_validate(row)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc'])) or 'row'}: {item['msg']}" for item in error.errors()]
        prediction_id = row.get("prediction_id") if isinstance(row, dict) else None
        return _refused(prediction_id if isinstance(prediction_id, str) else None, "type", "; ".join(problems))
    low = -math.inf if target is None or target.minimum is None else target.minimum
    high = math.inf if target is None or target.maximum is None else target.maximum
    if target is not None and math.isfinite(actual.actual) and not low <= actual.actual <= high:
        message = Refusal("actual", "range", actual.actual, target.allowed).message
        return _refused(actual.prediction_id, "range", message)
    return actual


def _outcome(row: Actual, outcome: Outcome) -> ActualOutcome:
    if outcome == "accepted" or outcome == "repeated":
        return ActualOutcome(prediction_id=row.prediction_id, outcome=outcome)
    return _refused(row.prediction_id, outcome, f"{row.prediction_id}: {_MESSAGES[outcome]}")


def _refused(prediction_id: str | None, reason: Reason, message: str) -> ActualOutcome:
    return ActualOutcome(prediction_id=prediction_id, outcome="refused", reason=reason, message=message)
