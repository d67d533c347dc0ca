"""Reconcile: read what Git says is live and make the local service follow. Only this moves the champion alias."""

import os
import time
from pathlib import Path

from pipeline import model_registry
from pipeline.bundle.format import read_metadata
from pipeline.bundle.parity import TOLERANCE
from pipeline.contract.base import Section
from pipeline.errors import NothingToDo
from pipeline.prediction_log import SMOKE_CALLER
from pipeline.release_log import Release, read_release
from pipeline.settings import Settings
from serving.client import ServiceClient
from serving.errors import ReleaseError, ServiceError

CURRENT = "current"
RELEASE = "release.json"


class Reconciled(Section):
    """What runs now, and how it was shown to."""

    model: str
    version: int
    smoke_rows: int
    largest_difference: float  # relative, of the served numbers from the trained model's
    seconds: float


def reconcile(settings: Settings, model: str) -> Reconciled:
    """Fetch the released bundle, switch the service to it, compare its answers, and move the champion alias.

    Raises:
        NothingToDo: when nothing is released.
        ReleaseError: when the service does not take the version up in time, or answers other numbers.
    """
    started = time.monotonic()
    wanted = read_release(settings, model)
    if wanted is None:
        raise NothingToDo(f"{model}: Git names no release yet")
    folder = place_release(settings, wanted)
    switch(folder)
    with ServiceClient(settings.place("service_uri", model)) as service:
        _wait_for(service, wanted, settings.ready_seconds)
        rows, difference = _compare_smoke(service, folder, wanted)
    model_registry.set_champion(settings, model, wanted.version)
    return Reconciled(
        model=model,
        version=wanted.version,
        smoke_rows=rows,
        largest_difference=difference,
        seconds=round(time.monotonic() - started, 2),
    )


def place_release(settings: Settings, wanted: Release) -> Path:
    """Put the release's bundle where the local service looks, with the release beside it, and return the folder."""
    folder = Path(settings.place("releases_dir", wanted.model)) / f"{wanted.version}-{wanted.bundle_digest[:12]}"
    model_registry.fetch_bundle(settings, wanted.run_id, wanted.bundle_digest, folder)
    part = folder / f".{RELEASE}.{os.getpid()}"
    part.write_text(wanted.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(folder / RELEASE)
    return folder


def switch(folder: Path) -> None:
    """Make `current` point to the folder, in one step: a reader sees the old release or the new one."""
    link = folder.parent / f".{CURRENT}.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name, target_is_directory=True)
    link.replace(folder.parent / CURRENT)


def _wait_for(service: ServiceClient, wanted: Release, seconds: float) -> None:
    deadline, served = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            served = service.model()
        except ServiceError as error:  # not up yet, or being restarted
            served = {"error": str(error)}
        if served and served.get("version") == wanted.version:
            return
        time.sleep(0.1)
    raise ReleaseError(
        f"{wanted.model}: the service did not take up version {wanted.version} within {seconds:g} s; it says {served}. "
        "Its log says why; `mlops status` shows whether it runs"
    )


def _compare_smoke(service: ServiceClient, folder: Path, wanted: Release) -> tuple[int, float]:
    largest = 0.0
    smoke = read_metadata(folder).smoke
    for row in smoke:
        answer = service.predict(row.record, caller=SMOKE_CALLER)
        difference = abs(answer["prediction"] - row.prediction) / max(abs(row.prediction), 1e-12)
        if answer["model_version"] != wanted.version or not difference <= TOLERANCE:
            raise ReleaseError(
                f"{wanted.model} version {wanted.version}: the service (version {answer['model_version']}) answers "
                f"{answer['prediction']:.10g} where the trained model says {row.prediction:.10g}; roll back with "
                f"`mlops release rollback`"
            )
        largest = max(largest, difference)
    return len(smoke), largest
