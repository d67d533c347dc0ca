"""The story: history, a first model, live traffic, its truth, new data, a verdict."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cli.airflow_client import AirflowClient
from cli.commands.stack import progress, show_links
from cli.console import console
from cli.demo.follow import Followed, finish_earlier, follow_chain
from cli.demo.replay import replay
from cli.demo.summary import show_summary
from cli.errors import DemoError
from cli.stack import lifecycle
from pipeline.contract import Contract, Window
from pipeline.release_log import read_release
from pipeline.settings import Settings

KINDS = ("data_ingestion", "drift_monitoring", "model_training", "model_deployment")


def tell(settings: Settings, contract: Contract) -> None:
    """Run the demo. What an earlier demo has done already is found again, not done twice.

    Raises:
        DemoError: when the contract has no demo section, or a run fails.
        StackError: when the local stack does not come up.
    """
    if contract.demo is None:
        raise DemoError(
            f"{contract.name}: the contract has no section `demo` that says what is history and what is replayed"
        )
    seconds: dict[str, float] = {}
    with _step(seconds, "start the stack"), progress("starting") as shown:
        lifecycle.up(settings, shown.update)
    with AirflowClient(settings) as client:
        client.wait_for_dags([f"{contract.name}.{kind}" for kind in KINDS])
        finish_earlier(client, contract.name, KINDS)
        with _step(seconds, f"history {contract.demo.history.id}: ingest, train, deploy"):
            _history(client, settings, contract, contract.demo.history)
        with _step(seconds, f"replay {contract.demo.replay.id} as live traffic"):
            replayed = replay(contract, settings, contract.demo.replay)
            console.print(f"    {replayed.rows} requests answered, and their true values posted")
        with _step(seconds, f"ingest {contract.demo.replay.id}, monitor"):
            runs = _ingest(client, contract, contract.demo.replay)
            if len(runs) == 1:  # nothing new: the version was published by an earlier demo
                runs += follow_chain(client, contract.name, KINDS[1], {})
        show_summary(client, settings, contract, runs, replayed, seconds)
    show_links(settings)


def _history(client: AirflowClient, settings: Settings, contract: Contract, window: Window) -> None:
    runs = _ingest(client, contract, window)
    if read_release(settings, contract.name) is None and len(runs) == 1:  # an earlier demo was stopped after ingesting
        runs = follow_chain(client, contract.name, KINDS[1], {})
    release = read_release(settings, contract.name)
    if release is None:
        raise DemoError(f"{contract.name}: no model was released; the runs above say where the chain ended")
    console.print(f"    version {release.version} is live, trained on {release.data_version}")


def _ingest(client: AirflowClient, contract: Contract, window: Window) -> list[Followed]:
    conf: dict[str, Any] = {**window.model_dump(mode="json"), "source": None}
    return follow_chain(client, contract.name, KINDS[0], conf)


@contextmanager
def _step(seconds: dict[str, float], title: str) -> Iterator[None]:
    console.print(f"[bold cyan]{len(seconds) + 1}. {title}[/]")
    started = time.monotonic()
    yield
    seconds[title] = time.monotonic() - started
