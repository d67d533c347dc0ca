"""`mlops release follow`: the process beside a service that shares no disk with the pipeline."""

import logging
import signal
import threading
from typing import Annotated

import typer

from cli.commands.options import Model
from cli.console import command, contract_of
from pipeline.settings import load_settings


@command
def follow(
    model: Model = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at Git.")] = 1.0,
) -> None:
    """Beside a service that shares no disk with the pipeline: make it serve what Git says, until stopped."""
    from serving.follow import follow as stage

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings, stopped = load_settings(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    stage(settings, contract_of(settings, model).name, every, stopped)
