"""What descriptions of routes are made of."""

from typing import Any

from serving.service.problems import MEDIA_TYPE

TEMPLATE = "#/components/schemas/{model}"
JSON = "application/json"
NOT_READY = "No model is released, or the log cannot be written"


def reference(name: str) -> dict[str, Any]:
    """Return a reference to a schema."""
    return {"$ref": TEMPLATE.format(model=name)}


def list_of(*schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list with items of any of the schemas."""
    return {"type": "array", "items": schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}}


def body(schema: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    """Return a request's body as JSON; `others` gives schemas by the media type after `text/`."""
    content = {JSON: {"schema": schema}} | {f"text/{name}": {"schema": other} for name, other in others.items()}
    return {"required": True, "content": content}


def answer(description: str, schema: dict[str, Any], media_type: str = JSON) -> dict[str, Any]:
    """Return an answer's description."""
    return {"description": description, "content": {media_type: {"schema": schema}}}


def problems(statuses: dict[int, str]) -> dict[str, Any]:
    """Return the descriptions of problems by their status."""
    return {str(status): answer(text, reference("ProblemDocument"), MEDIA_TYPE) for status, text in statuses.items()}
