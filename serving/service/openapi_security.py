"""What the OpenAPI document says of API keys, where they are asked for."""

from typing import Any

from serving.service.admission import is_open
from serving.service.openapi_parts import problems
from serving.service.openapi_protocol import protocol_error

_SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key that the operator gave out"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same key, as a bearer token"},
}


def secured(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the two ways to send a key, and 401 on every operation that needs one."""
    components = {**document["components"], "securitySchemes": _SCHEMES}
    paths = {path: item if is_open(path) else _needing_key(path, item) for path, item in document["paths"].items()}
    return {**document, "components": components, "paths": paths}


def _needing_key(path: str, item: dict[str, Any]) -> dict[str, Any]:
    text = "No known API key"
    unknown = {"401": protocol_error(text)} if path.startswith("/v2") else problems({401: text})
    return {name: value if name == "parameters" else _closed(value, unknown) for name, value in item.items()}


def _closed(operation: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
    return {
        **operation,
        "security": [{name: []} for name in _SCHEMES],
        "responses": operation["responses"] | unknown,
    }
