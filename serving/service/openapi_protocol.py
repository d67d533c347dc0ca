"""The Open Inference Protocol, as the OpenAPI document tells of it."""

from typing import Any

from pydantic import BaseModel, Field

from pipeline.contract import Contract
from serving.service.openapi_parts import NOT_READY, answer, body, reference
from serving.service.tensors import datatype

_TAG = "open inference protocol"
_NOT_READY = {503: NOT_READY}
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


def protocol_paths(model: str) -> dict[str, Any]:
    """Return the routes by their paths; `model` is the name to show as an example."""
    told = {"type": "object"}
    paths: dict[str, Any] = {
        "/v2": _get("server", "What server this is", told, {}),
        "/v2/health/live": _get("live", "Whether the process runs", told, {}),
        "/v2/health/ready": _get("ready", "Whether predictions are answered", told, _NOT_READY),
    }
    errors = _NOT_HERE | _NOT_READY
    for base, name in (("/v2/models/{model}", "model"), ("/v2/models/{model}/versions/{version}", "version")):
        named = _named(base, model)
        paths[base] = _get(name, "What the model takes and gives", reference("ModelMetadata"), errors) | named
        paths[f"{base}/ready"] = _get(f"{name}_ready", "Whether the model is served", told, errors) | named
        paths[f"{base}/infer"] = {"post": _infer(f"{name}_infer")} | named
    return paths


def example_request(contract: Contract) -> dict[str, Any]:
    """Return a request that can be sent as it is: the contract's example, a tensor for each field."""
    columns = contract.features
    return {
        "inputs": [
            {"name": name, "shape": [1], "datatype": datatype(columns[name]), "data": [value]}
            for name, value in contract.example().items()
        ]
    }


def _get(name: str, summary: str, schema: dict[str, Any], errors: dict[int, str]) -> dict[str, Any]:
    responses = {"200": answer(summary, schema), **_errors(errors)}
    return {"get": {"operationId": f"v2_{name}", "tags": [_TAG], "summary": summary, "responses": responses}}


def _infer(name: str) -> dict[str, Any]:
    errors = {400: "Refused, and why", 409: "The key was used for another body", 413: "Too many rows"}
    return {
        "operationId": f"v2_{name}",
        "tags": [_TAG],
        "summary": "Predict records that are given field by field",
        "description": "A tensor for each field; that of a field that is not required may be left out. A row that "
        "`/predict` would refuse refuses the request. All rows are logged before they are answered.",
        "requestBody": body(reference("InferenceRequest")),
        "responses": {
            "200": answer("The predictions", reference("InferenceResponse")),
            **_errors(errors | {415: "Another kind of body"} | _NOT_HERE | _NOT_READY),
        },
    }


def _named(path: str, model: str) -> dict[str, Any]:
    examples = {"model": model, "version": "1"}
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "example": example}
            for name, example in examples.items()
            if f"{{{name}}}" in path
        ]
    }


def protocol_error(text: str) -> dict[str, Any]:
    """Return the description of an error in the protocol's form."""
    return answer(text, reference("ProtocolError"))


def _errors(statuses: dict[int, str]) -> dict[str, Any]:
    return {str(status): protocol_error(text) for status, text in statuses.items()}
