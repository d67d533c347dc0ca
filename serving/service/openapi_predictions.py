"""The routes for predictions and truths, as the OpenAPI document tells of them."""

from typing import Any

from serving.service.openapi_parts import NOT_READY, answer, body, list_of, problems, reference
from serving.service.repeats import LONGEST_KEY

_HEADERS = {
    "X-Caller": "Who asks, in at most 64 letters; logged with the prediction",
    "Idempotency-Key": "Asked again with the same key and record, the first answer comes back, and nothing is logged",
    "X-Routing-Key": "Whom the request is for: while a canary is tried, one key always meets the same version",
    "X-Request-ID": "Comes back with the answer; one is made when there is none",
}
_BATCH_HEADERS = _HEADERS | {
    "Idempotency-Key": "Sent again with the same key and body, the first answer comes back, and nothing is logged"
}
_CSV = {"type": "string", "description": "UTF-8 with the header `prediction_id,actual`"}
_CSV_EXAMPLE = "prediction_id,actual\n0b0c3b1e-6b5f-4b0e-9a53-0d0f4f0f7c11,181000\n"


def prediction_paths() -> dict[str, Any]:
    """Return the routes by their paths."""
    return {
        "/predict": {"post": _predict()},
        "/predict/batch": {"post": _predict_batch()},
        "/actuals": {"post": _actuals()},
    }


def _predict() -> dict[str, Any]:
    return {
        "operationId": "predict",
        "tags": ["predictions"],
        "summary": "Predict one record",
        "description": "Words are compared without regard to case and spaces. A field that is not required may be "
        "null or absent. The answer is logged before it is given.",
        "parameters": _parameters(_HEADERS),
        "requestBody": body(reference("Record")),
        "responses": {
            "200": answer("The prediction", reference("Prediction")),
            **problems({400: "No JSON", 409: "The key was used for another record", 422: "Refused, and why"}),
            **problems({413: "Too long", 415: "Another kind of body", 503: NOT_READY}),
        },
    }


def _predict_batch() -> dict[str, Any]:
    return {
        "operationId": "predict_batch",
        "tags": ["predictions"],
        "summary": "Predict many records",
        "description": "Each row is answered or refused by itself, in the order of the list, with status 200. All are "
        "answered by the same version of the model, and logged together.",
        "parameters": _parameters(_BATCH_HEADERS),
        "requestBody": body(list_of(reference("Record"))),
        "responses": {
            "200": answer(
                "A prediction or a refusal for each", list_of(reference("Prediction"), reference("RefusedRow"))
            ),
            **problems({400: "No list in JSON", 409: "The key was used for another body", 413: "Too many rows"}),
            **problems({415: "Another kind of body", 503: NOT_READY}),
        },
    }


def _actuals() -> dict[str, Any]:
    row, outcome = reference("Actual"), reference("ActualOutcome")
    csv = _CSV | {"example": _CSV_EXAMPLE}
    return {
        "operationId": "actuals",
        "tags": ["predictions"],
        "summary": "Tell what predicted numbers turned out to be",
        "description": "A list, or CSV, is answered row by row with status 200, whatever becomes of its rows. A single "
        "object that is refused has a status of its own. The same truth told again is harmless; the first one stays.",
        "requestBody": body({"anyOf": [list_of(row), row]}, csv=csv),
        "responses": {
            "200": answer("What became of each", {"anyOf": [list_of(outcome), outcome]}),
            **problems({400: "Not readable", 404: "A single truth of an unknown prediction"}),
            **problems({409: "A single truth that contradicts an earlier one", 413: "Too long"}),
            **problems({415: "Another kind of body", 422: "A single truth that is no number in range"}),
            **problems({503: "The log cannot be written"}),
        },
    }


def _parameters(headers: dict[str, str]) -> list[dict[str, Any]]:
    limits = {"Idempotency-Key": {"minLength": 1, "maxLength": LONGEST_KEY}}
    return [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string", **limits.get(name, {})}}
        for name, text in headers.items()
    ]
