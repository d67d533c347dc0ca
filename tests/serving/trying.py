"""What tests of trials share: a registry, the real service, and a version that is live there."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from pipeline.contract import Contract, parse_contract
from pipeline.errors import NothingToDo
from pipeline.release_log import Release, commit_release, read_release
from pipeline.settings import Settings
from serving.reconcile import reconcile
from serving.release import deploy, evidence
from serving.trial import read_trial
from serving.trial_run import watch
from serving.trial_verdict import Seen
from serving.verify import verify
from tests.conftest import SMALL
from tests.serving.conftest import MODEL, RECORD, service_process
from tests.serving.releasing import fresh, register, stock_settings

SMALLER = {"minimum_requests": 20, "minutes": 0.02}
LIVE, NEAR, FAR, ENDLESS, SPOILT = 1, 2, 3, 4, 5  # the versions


def trying(mode: str, **changed: Any) -> Contract:
    """Return the small contract with a trial of about a second."""
    return parse_contract({**SMALL, "release": {"trial": {"mode": mode, **SMALLER, **changed}}})


def registry(folder: Path, contract: Contract) -> Settings:
    """Return settings of a registry with versions: the live one, 10 % above it, far above it, one that has no number
    for large flats, and one that the service refuses."""
    settings = stock_settings(folder)
    for bias in (1.0, 1.1, 2.0, 705.0):
        register(settings, contract, bias)
    register(settings, contract, 1.2, spoilt=True)
    return settings


@contextmanager
def real_service(stock: Settings, folder: Path, contract: Contract) -> Iterator[Settings]:
    """Run the real service with nothing released; give settings that lead to it."""
    settings = fresh(stock, folder).model_copy(update={"swap_seconds": 0.05, "ready_seconds": 5})
    more = {"RELEASES_DIR": settings.releases_dir, "SHADOW_PER_SECOND": 100_000}  # none is skipped
    with service_process(settings, contract, **more) as (_, url):
        yield settings.model_copy(update={"service_uri": url})


def make_live(settings: Settings, contract: Contract) -> None:
    """Release the first version, unless something is."""
    if read_release(settings, MODEL) is None:
        commit_release(settings, evidence(contract, settings, LIVE, None))
        reconcile(settings, MODEL)


def approved(settings: Settings, contract: Contract, version: int) -> Release:
    """Return a version as its approval leaves it; a spoilt one would not get so far."""
    if version != SPOILT:
        return evidence(contract, settings, version, None)
    from pipeline import model_registry

    registered = model_registry.read_version(settings, MODEL, version)
    digest = {"bundle_digest": registered.tags["bundle_digest"], "run_id": registered.run_id}
    return evidence(contract, settings, NEAR, None).model_copy(update={"version": version, **digest})


def ask(settings: Settings, count: int, **changed: Any) -> set[int]:
    """Send records, each of another customer; return the statuses of the answers."""
    with httpx.Client(base_url=settings.place("service_uri", MODEL)) as http:
        answers = [
            http.post("/predict", json=RECORD | changed, headers={"X-Routing-Key": f"customer {number}"})
            for number in range(count)
        ]
    return {answer.status_code for answer in answers}


def watched(contract: Contract, settings: Settings, tried: Release, run: str, seconds: float = 20) -> Seen:
    """Look again and again, as the DAG's task does, until there is a verdict."""
    deadline = time.monotonic() + seconds
    while (seen := watch(contract, settings, tried, run)).outcome in ("running", "waiting"):
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    return seen


def tried_way(settings: Settings, contract: Contract, tried: Release, run: str, send: Callable[[], Any]) -> int:
    """Go from an approval to a verified release as the DAG does; requests are sent once the trial has begun."""
    with suppress(NothingToDo):  # the task is skipped then, and the release goes on
        if watch(contract, settings, tried, run).outcome == "running":
            send()
            watched(contract, settings, tried, run)
    return verify(settings, deploy(contract, settings, tried, run)).version


def on_trial(settings: Settings) -> bool:
    """Whether the trial's file is there."""
    return read_trial(Path(settings.place("releases_dir", MODEL))) is not None
