"""`mlops serve-key`: a key for a client of the prediction service."""

import json
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from pipeline.settings import PREFIX, KeyName


def serve_key(
    name: Annotated[str, typer.Argument(help="Who will use it; logged with each of its predictions.")],
) -> None:
    """Make an API key. It is shown this once; the setting keeps only its hash."""
    from serving.service.keys import new_key

    key, digest = new_key()
    entry = json.dumps({_checked(name): digest})
    typer.echo(f"The key of {name}; its requests send it as X-API-Key:\n\n  {key}\n")
    typer.echo(f"The service knows it once it is started with this in its setting, beside its other keys:\n\n  {entry}")
    typer.echo(f"\nSuch as {PREFIX}API_KEYS='{entry}'")


def _checked(name: str) -> str:
    try:
        return TypeAdapter(KeyName).validate_python(name)
    except ValidationError as error:
        raise typer.BadParameter(
            "a name is 1 to 64 of A-Z, a-z, 0-9, dot, dash, underscore, @ and space, the first one a letter or digit"
        ) from error
