"""Reconcile: read what Git says is live and make the service follow. Only this moves the champion alias.

A release without an image is applied here: the local service serves the bundle's folder that `current` points to. One
with an image is applied by the cluster, and where no releases folder is shared with the service, `serving.follow` that
runs beside it applies it: such a release is only waited for and tested here.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline import model_registry
from pipeline.contract.base import Section
from pipeline.errors import NothingToDo
from pipeline.release_log import CURRENT, RELEASE_FILE, Release, read_release
from pipeline.settings import Settings
from serving import smoke


class Reconciled(Section):
    """What runs now, and how it was shown to."""

    model: str
    version: int
    smoke_rows: int
    largest_difference: float  # relative, of the served numbers from the trained model's
    seconds: float


def reconcile(settings: Settings, model: str) -> Reconciled:
    """Make the service follow what Git says, compare its answers, and move the champion alias.

    Raises:
        NothingToDo: when nothing is released: the local service finds nothing then when it starts anew.
        ReleaseError: when the service does not take the version up in time, or answers other numbers.
        ServiceError: when it stops answering.
    """
    started = time.monotonic()
    wanted = read_release(settings, model)
    if wanted is None:
        withdraw(settings, model)
        raise NothingToDo(f"{model}: Git names no release yet")
    with _applied(settings, wanted) as folder:
        smoke.wait_for(settings, wanted)
        rows, difference = smoke.compare(settings, wanted, folder)
    if read_release(settings, model) != wanted:
        raise NothingToDo(f"{model}: another release came after version {wanted.version}, and is reconciled by itself")
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
    folder = fetch_release(settings, wanted)
    part = folder / f".{RELEASE_FILE}.{os.getpid()}"
    part.write_text(wanted.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(folder / RELEASE_FILE)
    return folder


def fetch_release(settings: Settings, wanted: Release) -> Path:
    """Put the release's bundle into its own folder of the local service, which nothing looks at yet, and return it."""
    folder = Path(settings.place("releases_dir", wanted.model)) / f"{wanted.version}-{wanted.bundle_digest[:12]}"
    model_registry.fetch_bundle(settings, wanted.run_id, wanted.bundle_digest, folder)
    return folder


def switch(folder: Path) -> None:
    """Make `current` point to the folder, in one step: a reader sees the old release or the new one."""
    link = folder.parent / f".{CURRENT}.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name, target_is_directory=True)
    link.replace(folder.parent / CURRENT)


def withdraw(settings: Settings, model: str) -> None:
    """Leave nothing for the local service to find, and no champion, where there was one."""
    followed = not settings.releases_dir or settings.gitops_overlay  # by others, who leave nothing there
    if followed:
        model_registry.withdraw_champion(settings, model)
        return
    link = Path(settings.place("releases_dir", model)) / CURRENT
    if link.is_symlink():
        model_registry.withdraw_champion(settings, model)
        link.unlink(missing_ok=True)


@contextmanager
def _applied(settings: Settings, wanted: Release) -> Iterator[Path]:
    """Give the folder of the release's bundle; without an image the local service is switched to it."""
    if wanted.image is None and settings.releases_dir:
        folder = place_release(settings, wanted)
        switch(folder)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="mlops-smoke-") as scratch:
        folder = Path(scratch) / "bundle"
        model_registry.fetch_bundle(settings, wanted.run_id, wanted.bundle_digest, folder)
        yield folder
