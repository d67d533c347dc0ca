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
from serving.service.batch import RefusedRow
from serving.service.documents import Prediction, ProblemDocument
from serving.service.open_inference_model import OUTPUTS
from serving.service.openapi_parts import TEMPLATE
from serving.service.openapi_predictions import prediction_paths
from serving.service.openapi_protocol import (
    InferenceResponse,
    ModelMetadata,
    ProtocolError,
    example_request,
    protocol_paths,
)
from serving.service.openapi_security import secured
from serving.service.problems import Problem
from serving.service.records import Records
from serving.service.tensors import InferenceRequest
from serving.service.watcher import Watcher

_SHAPES: tuple[type[BaseModel], ...] = (
    *(Prediction, RefusedRow, ProblemDocument, Actual, ActualOutcome),
    *(InferenceRequest, InferenceResponse, ModelMetadata, ProtocolError),
)


def documented(app: FastAPI, settings: Settings, model: str, watcher: Watcher) -> Callable[[], dict[str, Any]]:
    """Return what makes the application's OpenAPI document.

    Raises (the function that is returned):
        ContractError: when nothing is served and the contract's file cannot be read.
    """

    def openapi() -> dict[str, Any]:
        served = watcher.live.served
        if served:
            return _document(app, served.bundle.contract, served.records, f"{served.release.version}")
        path = settings.contracts_dir / f"{model}.yaml"
        if not path.exists():  # an image holds a release only
            raise Problem(
                503,
                "No model",
                f"No release of {model} is served, so there is nothing to document yet",
                kind="no-model",
            )
        contract = load_contract(path)
        return _document(app, contract, Records(contract), "not released yet")

    return (lambda: secured(openapi())) if settings.api_keys else openapi


def _document(app: FastAPI, contract: Contract, records: Records, version: str) -> dict[str, Any]:
    document = get_openapi(
        title=contract.title or contract.name,
        version=version,
        description=contract.description,
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_schemas((records.model, *_SHAPES)))
    schemas["Record"]["example"] = contract.example()  # here, since pydantic would sort its names
    schemas["RequestedOutput"]["properties"]["name"]["enum"] = list(OUTPUTS)
    schemas["InferenceRequest"]["example"] = example_request(contract)
    routes = {getattr(route, "path", None) for route in app.routes}
    before, after = (
        {path: told for path, told in paths.items() if path in routes}
        for paths in (prediction_paths(), protocol_paths(contract.name))
    )
    document["paths"] = {**before, **document["paths"], **after}
    return document


def _schemas(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=TEMPLATE)
    found: dict[str, Any] = definitions["$defs"]
    return found
