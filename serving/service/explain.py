"""GET /explain/{prediction_id}: an answered prediction taken apart, field by field."""

import hashlib
import math
from typing import Any

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from pipeline.bundle.load import Bundle
from pipeline.bundle.parity import TOLERANCE
from pipeline.bundle.shapley import Shapley, shapley_values
from pipeline.prediction_log import Answer
from pipeline.readable import feature_value
from serving.service.problems import MEDIA_TYPE, Problem
from serving.service.served import Served
from serving.service.state import State, state_of

_PROBLEMS = {
    404: "No prediction has this id",
    409: "The version in service, or the log, does not hold what an explanation needs",
    410: "The version that answered is no longer in service",
    503: "No model is released, or the log cannot be read",
}


class FieldEffect(BaseModel):
    """What one field adds to a prediction."""

    model_config = ConfigDict(extra="forbid")

    field: str
    value: str = Field(description="The field's value, for people")
    effect: float = Field(description="Its Shapley value, in the target's unit")


class Explanation(BaseModel):
    """A prediction taken apart: `base` and all effects add up to `prediction`."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    id: str
    model: str
    model_version: int
    prediction: float
    unit: str | None
    base: float = Field(description="The mean prediction of the training rows that the record is compared with")
    background_rows: int = Field(description="How many training rows these are")
    effects: list[FieldEffect] = Field(description="The largest first, whatever its sign")


def explain_router() -> APIRouter:
    """Return the route, for one application."""
    router = APIRouter()
    # One at a time, and none in the threads that health checks run in: predictions go first.
    one = CapacityLimiter(1)

    @router.get("/explain/{prediction_id}", response_model=Explanation, **_documented())
    async def explain(request: Request) -> dict[str, Any]:
        """Return the sampled Shapley values of a prediction's fields; the same id always gives the same numbers."""
        state, prediction_id = state_of(request), request.path_params["prediction_id"]
        return await to_thread.run_sync(_look_up_and_explain, state, prediction_id, limiter=one)

    return router


def explanation(served: Served, answer: Answer) -> dict[str, Any]:
    """Explain an answer of the log by the version in service.

    Raises:
        Problem: when another version gave the answer, its bundle has no background rows, the logged record is not all
            that the answer was made of, or the model has no finite numbers around it.
    """
    bundle = served.bundle
    _check_version(served, answer)
    background = np.array(bundle.metadata.background, dtype=np.float32)
    with np.errstate(all="ignore"):  # what is not finite is told as a problem
        row = bundle.encoder.record(answer.features)[0]
        found = shapley_values(bundle.predict, row, background, _seed(bundle, answer.id))
    _check_numbers(bundle, answer, found)
    effects = _effects(bundle, answer, found)
    return {
        "id": answer.id,
        "model": answer.model,
        "model_version": answer.version,
        "prediction": answer.prediction,
        "unit": bundle.contract.target.unit,
        # Rows of one call and of many differ in the last digits of a float32; what was answered is what adds up.
        "base": answer.prediction - math.fsum(found.effects),
        "background_rows": len(background),
        "effects": sorted(effects, key=lambda one: -abs(one["effect"])),
    }


def _look_up_and_explain(state: State, prediction_id: str) -> dict[str, Any]:
    assert state.served  # noqa: S101 (or it raises)
    answer = state.outbox.find(prediction_id) or state.elsewhere.find(prediction_id)
    if answer is None:
        detail = f"{prediction_id!r} is not in the prediction log; it takes the id of an answer of /predict"
        raise Problem(404, "No such prediction", detail, kind="no-such-prediction")
    return explanation(state.version(answer.version), answer)


def _effects(bundle: Bundle, answer: Answer, found: Shapley) -> list[dict[str, Any]]:
    return [
        {"field": name, "value": feature_value(column, answer.features.get(name)), "effect": float(effect)}
        for (name, column), effect in zip(bundle.contract.features.items(), found.effects, strict=True)
    ]


def _seed(bundle: Bundle, prediction_id: str) -> int:
    content = f"{bundle.contract.training.seed}\x1f{prediction_id}".encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")


def _check_version(served: Served, answer: Answer) -> None:
    version = served.release.version
    if answer.version != version:
        detail = f"Version {answer.version} answered it, and version {version} is in service: ask for it again"
        raise Problem(410, "The version is gone", detail, kind="version-gone")
    if not served.bundle.metadata.background:
        detail = f"The bundle of version {version} carries no background rows; versions trained from now on do"
        raise Problem(409, "No background rows", detail, kind="no-background")


def _check_numbers(bundle: Bundle, answer: Answer, found: Shapley) -> None:
    if not np.isfinite([found.base, found.predicted, *found.effects]).all():
        detail = f"Version {answer.version} has no finite numbers around this record: its values are too extreme"
        raise Problem(409, "No explanation", detail, kind="no-explanation")
    close = TOLERANCE * abs(found.base)  # near zero a relative difference means nothing
    absent = [name for name in bundle.contract.features if name not in answer.features]
    if absent or not math.isclose(found.predicted, answer.prediction, rel_tol=TOLERANCE, abs_tol=close):
        which = ", ".join(absent) or "a value that it was made from"
        detail = f"The log does not hold all that the answer was made from: {which} is not stored"
        raise Problem(409, "The record is not whole", detail, kind="record-not-whole")


def _documented() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    answers: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}} for status, text in _PROBLEMS.items()
    }
    described = {"description": "The `id` of the prediction's answer", "schema": {"type": "string"}}
    return {
        "tags": ["predictions"],
        "summary": "Explain a prediction",
        "responses": answers,
        "openapi_extra": {"parameters": [{"name": "prediction_id", "in": "path", "required": True, **described}]},
    }
