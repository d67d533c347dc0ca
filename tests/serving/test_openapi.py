"""The OpenAPI document tells of what there is, and answers are as it says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from pipeline.contract import Contract, load_contract, load_contracts
from pipeline.settings import Settings
from serving.openapi_file import openapi_path, openapi_text, write_openapi
from serving.service.app import create_app
from serving.service.documents import ServedModel
from tests.conftest import ROOT, SMALL
from tests.serving.conftest import MODEL

Record = dict[str, Any]
Publish = Callable[..., Path]


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    """The document of the served contract."""
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/predict", "post"),
        ("/predict/batch", "post"),
        ("/actuals", "post"),
        ("/v2", "get"),
        ("/v2/health/live", "get"),
        ("/v2/health/ready", "get"),
        ("/v2/models/{model}", "get"),
        ("/v2/models/{model}/ready", "get"),
        ("/v2/models/{model}/infer", "post"),
        ("/v2/models/{model}/versions/{version}", "get"),
        ("/v2/models/{model}/versions/{version}/ready", "get"),
        ("/v2/models/{model}/versions/{version}/infer", "post"),
    ],
)
def test_each_route_is_told_with_its_answers(document: dict[str, Any], path: str, method: str) -> None:
    route = document["paths"][path][method]
    named = {one["name"] for one in document["paths"][path].get("parameters", ())}
    assert route["summary"]
    assert "200" in route["responses"]
    assert named == {part.strip("{}") for part in path.split("/") if part.startswith("{")}


def test_an_answer_of_the_protocol_has_the_members_that_are_told(
    client: TestClient, document: dict[str, Any], record: Record
) -> None:
    schemas = document["components"]["schemas"]
    datatypes = {bool: "BOOL", str: "BYTES", int: "INT64", float: "FP64"}
    inputs = [
        {"name": name, "shape": [1], "datatype": datatypes[type(value)], "data": [value]}
        for name, value in record.items()
    ]
    answer = client.post("/v2/models/small/infer", json={"inputs": inputs, "id": "1"}).json()
    assert set(answer) == set(schemas["InferenceResponse"]["properties"])
    assert set(answer["outputs"][0]) == set(schemas["OutputTensor"]["properties"])
    assert set(client.get("/v2/models/small").json()) == set(schemas["ModelMetadata"]["properties"])
    assert set(inputs[0]) <= set(schemas["InputTensor"]["properties"])


def test_the_document_is_valid_and_names_each_operation_for_generated_clients(document: dict[str, Any]) -> None:
    validate(document)
    operations = [item for path in document["paths"].values() for name, item in path.items() if name != "parameters"]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)
    assert {"predict", "predict_batch", "actuals", "explain", "model", "v2_model_infer"} <= set(names)


def test_what_the_service_refuses_the_document_forbids(client: TestClient, document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    fields = schemas["Record"]["properties"]
    garden = fields["größe des gartens"]["anyOf"][0]
    checks = [
        ({"größe des gartens": 1e300}, garden, 1e300),
        ({"district": " "}, fields["district"], " "),
        ({"district": "x" * 201}, fields["district"], "x" * 201),
        ({"kind": "hut"}, fields["kind"], "hut"),
        ({"class": 2.5}, fields["class"], 2.5),
    ]
    for change, schema, value in checks:
        assert client.post("/predict", json=schemas["Record"]["example"] | change).status_code == 422
        assert not Draft202012Validator(schema).is_valid(value)
    (key,) = [one["schema"] for one in document["paths"]["/predict"]["post"]["parameters"] if "Idemp" in one["name"]]
    for value in ("", "k" * 256):
        answer = client.post("/predict", json=schemas["Record"]["example"], headers={"Idempotency-Key": value})
        assert answer.status_code == 400
        assert not Draft202012Validator(key).is_valid(value)


def test_examples_can_be_sent_as_they_are(client: TestClient, document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    path = "/v2/models/{model}/versions/{version}/infer"
    named = {one["name"]: one["example"] for one in document["paths"][path]["parameters"]}
    assert client.post("/predict", json=schemas["Record"]["example"]).is_success
    assert client.post(path.format(**named), json=schemas["InferenceRequest"]["example"]).is_success


def test_what_is_served_is_as_it_is_described(client: TestClient, document: dict[str, Any]) -> None:
    described = document["paths"]["/model"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert described == {"$ref": "#/components/schemas/ServedModel"}
    ServedModel.model_validate(client.get("/model").json())


def test_where_keys_are_asked_for_each_closed_route_says_so_in_its_own_form(swift: Settings, publish: Publish) -> None:
    publish(1)
    with TestClient(create_app(swift.model_copy(update={"api_keys": {"website": "0" * 64}}), MODEL)) as client:
        document = client.get("/openapi.json").json()
        validate(document)
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if method == "parameters":
                    continue
                response = client.request(method, path.format(model=MODEL, version=1, prediction_id="x"))
                assert (response.status_code == 401) == ("security" in operation)
                if response.status_code == 401:
                    kind = response.headers["content-type"]
                    assert list(operation["responses"]["401"]["content"]) == [kind]


def test_truths_may_be_told_in_both_media_types(document: dict[str, Any]) -> None:
    assert list(document["paths"]["/actuals"]["post"]["requestBody"]["content"]) == ["application/json", "text/csv"]


@pytest.mark.parametrize("contract", load_contracts(ROOT / "contracts").values(), ids=lambda one: one.name)
def test_the_committed_document_is_that_of_the_contract(contract: Contract) -> None:
    settings = Settings(project_dir=ROOT)
    path = openapi_path(contract, settings)
    hint = f"{path.name} is not what the contract gives: run `mlops contract openapi` and commit it"
    assert path.exists(), hint
    assert path.read_text(encoding="utf-8") == openapi_text(contract, settings), hint


def test_a_document_is_written_when_the_contract_has_changed(small_contract: Contract, tmp_path: Path) -> None:
    settings, folder = Settings(project_dir=tmp_path), tmp_path / "contracts"
    folder.mkdir()
    file = folder / f"{small_contract.name}.yaml"
    file.write_text(yaml.safe_dump(SMALL, sort_keys=False, allow_unicode=True), encoding="utf-8")
    assert [write_openapi(small_contract, settings) for _ in range(2)] == [True, False]
    document = json.loads(openapi_path(small_contract, settings).read_text(encoding="utf-8"))
    assert list(document["components"]["schemas"]["Record"]["properties"]) == list(small_contract.features)
    file.write_text(file.read_text(encoding="utf-8").replace("Small flats", "Large flats"), encoding="utf-8")
    assert write_openapi(load_contract(file), settings)


def test_without_a_release_and_without_a_contract_there_is_nothing_to_document(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(project_dir=tmp_path, state_dir=tmp_path), "small")) as client:
        answer = client.get("/openapi.json")
    assert (answer.status_code, answer.json()["title"]) == (503, "No model")
