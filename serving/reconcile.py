"""Reconcile: read what Git says is live and make the local service follow. Only this moves the champion alias."""

import os
import time
from pathlib import Path

import numpy as np

from pipeline import model_registry
from pipeline.bundle.format import read_metadata
from pipeline.bundle.parity import TOLERANCE, relative_difference
from pipeline.contract.base import Section
from pipeline.errors import NothingToDo
from pipeline.prediction_log import SMOKE_CALLER
from pipeline.release_log import CURRENT, RELEASE_FILE, Release, read_release
from pipeline.settings import Settings
from serving.client import ServiceClient
from serving.errors import ReleaseError, ServiceError


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
    with ServiceClient(settings.place("service_uri", model), key=settings.service_key) as service:
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
    part = folder / f".{RELEASE_FILE}.{os.getpid()}"
    part.write_text(wanted.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(folder / RELEASE_FILE)
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
    smoke = read_metadata(folder).smoke
    answers = [service.predict(row.record, caller=SMOKE_CALLER) for row in smoke]
    expected = np.array([row.prediction for row in smoke])
    answered = np.array([answer["prediction"] for answer in answers])
    difference = relative_difference(expected, answered)
    versions = {answer["model_version"] for answer in answers}
    if versions != {wanted.version} or not difference.max() <= TOLERANCE:
        worst = int(np.argmax(np.nan_to_num(difference, nan=np.inf)))
        raise ReleaseError(
            f"{wanted.model} version {wanted.version}: the service (version {', '.join(map(str, sorted(versions)))}) "
            f"answers {answered[worst]:.10g} where the trained model says {expected[worst]:.10g}; go back with "
            "`mlops release rollback`"
        )
    return len(smoke), float(difference.max())
