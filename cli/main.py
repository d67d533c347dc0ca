"""`mlops`: every stage as a command, the local stack, and the demo."""

import os

import typer

from cli.commands import (
    backup,
    compose,
    contract,
    data,
    image,
    keys,
    model,
    monitor,
    predictions,
    release,
    replay,
    secrets,
    stack,
    train,
)

app = typer.Typer(
    name="mlops",
    help="One contract file drives ingestion, training, serving and monitoring.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(contract.app, name="contract")
app.add_typer(data.app, name="data")
app.add_typer(image.app, name="image")
app.add_typer(monitor.app, name="monitor")
app.add_typer(predictions.app, name="predictions")
app.add_typer(release.app, name="release")
app.add_typer(secrets.app, name="secrets")
app.add_typer(train.app, name="train")
for function in (
    backup.backup,
    backup.restore,
    compose.compose_env,
    keys.serve_key,
    model.serve,
    replay.replay,
    stack.up,
    stack.down,
    stack.status,
    stack.demo,
    stack.clean,
):
    app.command()(function)


def main() -> None:
    """Run the command."""
    os.environ.setdefault("DO_NOT_TRACK", "1")  # no telemetry from the libraries that a stage imports
    app()
