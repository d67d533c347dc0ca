"""The OpenAPI document that is committed beside each contract: what clients generate code from, and see change."""

import json
from pathlib import Path

from pipeline.contract import Contract
from pipeline.settings import Settings


def openapi_text(contract: Contract, settings: Settings) -> str:
    """Return the document of a contract's service as it is committed, whatever is served at the moment."""
    from serving.service.app import create_app  # what serves is only loaded where it is asked for

    document = create_app(settings.model_copy(update={"api_keys": {}}), contract.name).openapi()
    document["info"]["version"] = f"as of {contract.name}.yaml"  # a running service tells the model's version here
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def openapi_path(contract: Contract, settings: Settings) -> Path:
    """Return where the document stands: beside the contract."""
    return settings.contracts_dir / f"{contract.name}.openapi.json"


def write_openapi(contract: Contract, settings: Settings) -> bool:
    """Write the document, and return whether it has changed."""
    path, text = openapi_path(contract, settings), openapi_text(contract, settings)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True
