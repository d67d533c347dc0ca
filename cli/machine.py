"""Commands for machines: with `--json`, standard output holds one JSON document and nothing else."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from pipeline.errors import PipelineError

Json = Annotated[bool, typer.Option("--json", help="Write one JSON document instead of tables.")]


def machine_readable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show expected errors of a command that was called with `--json` on standard error, and exit with 1."""

    @wraps(function)
    def guarded(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except PipelineError as error:
            if not options.get("as_json"):
                raise
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from None

    return guarded


def write_json(content: Any) -> None:
    """Write a JSON document to standard output."""
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))
