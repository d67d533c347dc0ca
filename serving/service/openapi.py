"""The OpenAPI document: written for the contract that is served at the moment, so that its examples can be sent."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pipeline.contract import Contract, load_contract
from pipeline.settings import Settings
from serving.service.actuals import Actual, ActualOutcome
from serving.service.documents import Prediction, ProblemDocument
from serving.service.problems import MEDIA_TYPE
from serving.service.records import Records
from serving.service.watcher import Watcher

_TEMPLATE = "#/components/schemas/{model}"
_HEADERS = {
    "X-Caller": "Who asks, in at most 64 letters; logged with the prediction",
    "Idempotency-Key": "Asked again with the same key and record, the first answer comes back, and nothing is logged",
    "X-Request-ID": "Comes back with the answer; one is made when there is none",
}


def documented(app: FastAPI, settings: Settings, model: str, watcher: Watcher) -> Callable[[], dict[str, Any]]:
    """Return what makes the application's OpenAPI document.

    Raises (the function that is returned):
        ContractError: when nothing is served and the contract's file cannot be read.
    """

    def openapi() -> dict[str, Any]:
        served = watcher.live.served
        if served:
            return _document(app, served.bundle.contract, served.records, f"{served.release.version}")
        contract = load_contract(settings.contracts_dir / f"{model}.yaml")
        return _document(app, contract, Records(contract), "not released yet")

    return openapi


def _document(app: FastAPI, contract: Contract, records: Records, version: str) -> dict[str, Any]:
    document = get_openapi(
        title=contract.title or contract.name,
        version=version,
        description=contract.description,
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_schemas((records.model, Prediction, ProblemDocument, Actual, ActualOutcome)))
    schemas["Record"]["example"] = contract.example()  # here, since pydantic would sort its names
    document["paths"] = {"/predict": {"post": _predict()}, "/actuals": {"post": _actuals()}, **document["paths"]}
    return document


def _schemas(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=_TEMPLATE)
    found: dict[str, Any] = definitions["$defs"]
    return found


def _predict() -> dict[str, Any]:
    return {
        "tags": ["predictions"],
        "summary": "Predict one record",
        "description": "Words are compared without regard to case and spaces. A field that is not required may be "
        "null or absent. The answer is logged before it is given.",
        "parameters": [
            {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
            for name, text in _HEADERS.items()
        ],
        "requestBody": _body(_reference("Record")),
        "responses": {
            "200": _answer("The prediction", _reference("Prediction")),
            **_problems({400: "No JSON", 409: "The key was used for another record", 422: "Refused, and why"}),
            **_problems({413: "Too long", 503: "No model is released, or the log cannot be written"}),
        },
    }


def _actuals() -> dict[str, Any]:
    row, outcome = _reference("Actual"), _reference("ActualOutcome")
    return {
        "tags": ["predictions"],
        "summary": "Tell what predicted numbers turned out to be",
        "description": "A list is answered row by row with status 200, whatever becomes of its rows. A single object "
        "that is refused has a status of its own. The same truth told again is harmless; the first one stays.",
        "requestBody": _body({"anyOf": [{"type": "array", "items": row}, row]}),
        "responses": {
            "200": _answer("What became of each", {"anyOf": [{"type": "array", "items": outcome}, outcome]}),
            **_problems({400: "Not readable", 404: "A single truth of an unknown prediction"}),
            **_problems({409: "A single truth that contradicts an earlier one", 413: "Too long"}),
            **_problems({422: "A single truth that is no number in range", 503: "The log cannot be written"}),
        },
    }


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": _TEMPLATE.format(model=name)}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answer(description: str, schema: dict[str, Any], media_type: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _problems(statuses: dict[int, str]) -> dict[str, Any]:
    problem = _reference("ProblemDocument")
    return {str(status): _answer(text, problem, MEDIA_TYPE) for status, text in statuses.items()}
