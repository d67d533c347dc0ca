"""What the OpenAPI document says of API keys, where they are asked for."""

from typing import Any

from serving.service.admission import OPEN
from serving.service.openapi_parts import problems

_SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key that the operator gave out"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same key, as a bearer token"},
}


def secured(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the two ways to send a key, and 401 on every operation that needs one."""
    components = {**document["components"], "securitySchemes": _SCHEMES}
    paths = {path: item if path in OPEN else _needing_key(item) for path, item in document["paths"].items()}
    return {**document, "components": components, "paths": paths}


def _needing_key(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name == "parameters" else _closed(value) for name, value in item.items()}


def _closed(operation: dict[str, Any]) -> dict[str, Any]:
    unknown = problems({401: "No known API key"})
    return {
        **operation,
        "security": [{name: []} for name in _SCHEMES],
        "responses": operation["responses"] | unknown,
    }
