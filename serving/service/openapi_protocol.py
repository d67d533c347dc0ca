"""The Open Inference Protocol, as the OpenAPI document tells of it."""

from typing import Any

from pydantic import BaseModel, Field

from serving.service.openapi_parts import answer, body, reference

_TAG = "open inference protocol"
_NOT_READY = {503: "No model is released, or the log cannot be written"}
_NOT_HERE = {404: "Another model or version"}


class OutputTensor(BaseModel):
    """One number, or the id, of each row."""

    name: str = Field(description="`prediction`, `low`, `high` (the interval's ends), or `id` of the logged prediction")
    datatype: str
    shape: list[int]
    data: list[float | str]


class InferenceResponse(BaseModel):
    """What was asked for, tensor by tensor."""

    model_name: str
    model_version: str
    id: str | None = Field(default=None, description="The request's own, if it had one")
    outputs: list[OutputTensor]


class TensorMetadata(BaseModel):
    """What a tensor is."""

    name: str
    datatype: str
    shape: list[int] = Field(description="-1: as many as there are rows")


class ModelMetadata(BaseModel):
    """What the model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ProtocolError(BaseModel):
    """What went wrong, as the protocol tells it."""

    error: str


def protocol_paths() -> dict[str, Any]:
    """Return the routes by their paths."""
    told = {"type": "object"}
    paths: dict[str, Any] = {
        "/v2": _get("What server this is", told, {}),
        "/v2/health/live": _get("Whether the process runs", told, {}),
        "/v2/health/ready": _get("Whether predictions are answered", told, _NOT_READY),
    }
    for base in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        named = _named(base)
        paths[base] = _get("What the model takes and gives", reference("ModelMetadata"), _NOT_HERE | _NOT_READY) | named
        paths[f"{base}/ready"] = _get("Whether the model is served", told, _NOT_HERE | _NOT_READY) | named
        paths[f"{base}/infer"] = {"post": _infer()} | named
    return paths


def _get(summary: str, schema: dict[str, Any], errors: dict[int, str]) -> dict[str, Any]:
    responses = {"200": answer(summary, schema), **_errors(errors)}
    return {"get": {"tags": [_TAG], "summary": summary, "responses": responses}}


def _infer() -> dict[str, Any]:
    errors = {400: "Refused, and why", 409: "The key was used for another body", 413: "Too many rows"}
    return {
        "tags": [_TAG],
        "summary": "Predict records that are given field by field",
        "description": "A tensor for each field; that of a field that is not required may be left out. A row that "
        "`/predict` would refuse refuses the request. All rows are logged before they are answered.",
        "requestBody": body(reference("InferenceRequest")),
        "responses": {
            "200": answer("The predictions", reference("InferenceResponse")),
            **_errors(errors | _NOT_HERE | _NOT_READY),
        },
    }


def _named(path: str) -> dict[str, Any]:
    names = [name for name in ("model", "version") if f"{{{name}}}" in path]
    text = {"type": "string"}
    return {"parameters": [{"name": name, "in": "path", "required": True, "schema": text} for name in names]}


def _errors(statuses: dict[int, str]) -> dict[str, Any]:
    return {str(status): answer(text, reference("ProtocolError")) for status, text in statuses.items()}
