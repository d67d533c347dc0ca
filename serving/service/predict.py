"""POST /predict: one record in, one prediction out, logged before it is answered."""

import json
import math
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import numpy as np
from fastapi import Request, Response

from pipeline.prediction_log import Answer, utc_text
from serving.service.problems import Problem
from serving.service.served import Served
from serving.service.state import State, read_body, state_of

ANONYMOUS = "anonymous"
LONGEST_CALLER = 64
LONGEST_KEY = 255


async def predict(request: Request) -> Response:
    """Answer one record. Nothing here blocks: the model takes microseconds, the log's commit is awaited."""
    started = time.perf_counter()
    state = state_of(request)
    served = state.served
    record = served.records.read(await read_body(request))
    prediction_id, repeatable = _identify(request, state.model)
    body = _body(served, record, prediction_id)
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    answer = Answer(
        id=prediction_id,
        time=utc_text(datetime.now(UTC)),
        model=state.model,
        version=served.release.version,
        features=record,
        prediction=body["prediction"],
        low=body["interval"]["low"],
        high=body["interval"]["high"],
        latency_ms=(time.perf_counter() - started) * 1000,
        caller=request.headers.get("x-caller", "").strip()[:LONGEST_CALLER] or ANONYMOUS,
        sent=text if repeatable else None,
    )
    return Response(await _log(state, answer, text), media_type="application/json")


def _body(served: Served, record: dict[str, Any], prediction_id: str) -> dict[str, Any]:
    matrix = served.bundle.encoder.record(record)
    with np.errstate(over="ignore"):  # what is not finite is told as a problem
        predicted = served.bundle.predict(matrix)
        low, high = served.bundle.interval(predicted)
    numbers = [float(values[0]) for values in (predicted, low, high)]
    if not all(map(math.isfinite, numbers)):
        detail = f"Version {served.release.version} has no finite number for this record: its values are too extreme"
        raise Problem(500, "No prediction", detail, kind="no-prediction")
    return {
        "prediction": numbers[0],
        "unit": served.bundle.contract.target.unit,
        "interval": {"low": numbers[1], "high": numbers[2], "level": served.bundle.metadata.interval.level},
        "model": served.release.model,
        "model_version": served.release.version,
        "data_version": served.release.data_version,
        "id": prediction_id,
        "warnings": served.unusual.warnings(record, matrix),
    }


def _identify(request: Request, model: str) -> tuple[str, bool]:
    """Return the prediction's id, and whether the client may repeat the request."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return str(uuid.uuid4()), False
    if not 0 < len(key) <= LONGEST_KEY:
        detail = f"Idempotency-Key has {len(key)} letters; allowed: 1 to {LONGEST_KEY}"
        raise Problem(400, "A header was refused", detail, kind="refused-header")
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{model}\x1f{key}")), True


async def _log(state: State, answer: Answer, text: str) -> str:
    """Make the answer durable and return what is sent: the first answer, where the request is a repeated one."""
    logged = await state.turns.log(answer)
    if logged is answer:
        state.metrics.predictions.labels(str(answer.version)).inc()
        return text
    if logged.sent is None or logged.features != answer.features:
        raise Problem(
            409,
            "The key was used before",
            "Another record was sent with this Idempotency-Key; send a new key with a new record",
            kind="key-used-before",
        )
    return logged.sent
