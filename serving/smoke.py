"""The smoke test: the running service reports the released version and gives the trained model's numbers."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.bundle.format import read_metadata
from pipeline.bundle.parity import TOLERANCE, relative_difference
from pipeline.prediction_log import SMOKE_CALLER
from pipeline.release_log import Release
from pipeline.settings import Settings
from serving.client import ServiceClient
from serving.errors import ReleaseError, ServiceError

_EVERY = 0.1  # seconds between two looks at the service
_IN_A_ROW = 10  # looks at a cluster's service that must agree: while it rolls out, old and new pods answer
_PATIENCE = 3  # looks for a release that the service takes before what it says of the last one counts


def wait_for(settings: Settings, wanted: Release) -> None:
    """Wait until the service reports the version; several times in a row where several pods answer.

    Raises:
        ReleaseError: when it does not in time, or says that it refuses the version, with its reason.
    """
    needed = _IN_A_ROW if wanted.image else 1
    started, row, served = time.monotonic(), 0, None
    while (waited := time.monotonic() - started) < settings.ready_seconds:
        served = _look(settings, wanted.model)
        row = row + 1 if served.get("version") == wanted.version else 0
        if row >= needed:
            return
        if waited > 1 + _PATIENCE * settings.swap_seconds:
            _check_refused(wanted, served)
        time.sleep(_EVERY)
    raise ReleaseError(
        f"{wanted.model}: the service did not take up version {wanted.version} within {settings.ready_seconds:g} s; "
        f"it says {served}. Its log says why; `mlops status` shows whether it runs"
    )


def compare(settings: Settings, wanted: Release, folder: Path) -> tuple[int, float]:
    """Send the bundle's smoke rows; return how many, and by how much the answers differ at most, relatively.

    Raises:
        ReleaseError: when an answer is of another version, or another number than the trained model's.
        ServiceError: when the service does not answer.
    """
    smoke = read_metadata(folder).smoke
    with client(settings, wanted.model) as service:
        answers = [service.predict(row.record, caller=SMOKE_CALLER) for row in smoke]
    expected = np.array([row.prediction for row in smoke])
    answered = np.array([answer["prediction"] for answer in answers])
    difference = relative_difference(expected, answered)
    versions = {answer["model_version"] for answer in answers}
    if versions != {wanted.version} or not difference.max() <= TOLERANCE:
        worst = int(np.argmax(np.nan_to_num(difference, nan=np.inf)))
        raise ReleaseError(
            f"{wanted.model} version {wanted.version}: the service (version {', '.join(map(str, sorted(versions)))}) "
            f"answers {answered[worst]:.10g} where the trained model says {expected[worst]:.10g}"
        )
    return len(smoke), float(difference.max())


def client(settings: Settings, model: str) -> ServiceClient:
    """Return a client of the model's service."""
    return ServiceClient(settings.place("service_uri", model), key=settings.service_key)


def _look(settings: Settings, model: str) -> dict[str, Any]:
    try:
        with client(settings, model) as service:  # a connection of its own: it may meet another pod
            return service.model() or {}
    except ServiceError as error:  # not up yet, or being restarted
        return {"error": str(error)}


def _check_refused(wanted: Release, served: dict[str, Any]) -> None:
    refused = served.get("refused") or {}
    if refused.get("version") == wanted.version:
        raise ReleaseError(f"{wanted.model}: the service refuses version {wanted.version}: {refused.get('reason')}")
