"""What is served: one release's bundle with all that answering a request needs, ready to be switched as one."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.bundle.format import check_digest
from pipeline.bundle.load import Bundle, load_bundle
from pipeline.prediction_log import Loggable
from pipeline.release_files import RELEASE_FILE, Release
from serving.errors import ReleaseError
from serving.service.answers import Answers
from serving.service.quick import Quick
from serving.service.records import RecordRefused, Records
from serving.service.unusual import Unusual


@dataclass(frozen=True)
class Served:
    """A release in use. A request takes one at its start and uses nothing else: no answer mixes two versions."""

    release: Release
    bundle: Bundle
    records: Records = field(init=False)
    quick: Quick = field(init=False)
    loggable: Loggable = field(init=False)
    answers: Answers = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", Records(self.bundle.contract))
        object.__setattr__(self, "quick", Quick(self.bundle.contract))
        object.__setattr__(self, "loggable", Loggable(self.bundle.contract))
        unusual = Unusual(self.bundle)
        object.__setattr__(self, "answers", Answers(self.release, self.bundle, self.quick, unusual))

    def read(self, body: bytes) -> dict[str, Any]:
        """Return the record of a request's body in its normal form: by the short way where that takes it.

        Raises:
            RecordRefused: naming each field that is refused.
        """
        return self.quick.read(body) or self.records.read(body)

    def describe(self) -> dict[str, Any]:
        """Say what is served, for people and for reconcile."""
        contract, metadata = self.bundle.contract, self.bundle.metadata
        return {
            "name": self.release.model,
            "title": contract.title,
            "version": self.release.version,
            "data_version": self.release.data_version,
            "run_id": self.release.run_id,
            "candidate": metadata.candidate,
            "metrics": metadata.metrics,
            "interval": metadata.interval.model_dump(),
            "interval_level": metadata.interval.level,
            "card": self.release.card,
            "target": contract.target.name,
            "unit": contract.target.unit,
            "fields": {name: column.model_dump(mode="json") for name, column in contract.features.items()},
        }


def load_served(folder: Path, model: str) -> Served:
    """Load a release's folder, and check that it is what was released and answers as it was trained to.

    Raises:
        ReleaseError: when the folder's release is missing, or another than its bundle's.
        BundleError: when the bundle is not the released one, is damaged, or gives other answers.
    """
    release = _read_release(folder)
    check_digest(folder, release.bundle_digest)
    served = Served(release, load_bundle(folder))
    released = (release.model, release.run_id, release.data_version)
    found = (served.bundle.metadata.model, served.bundle.metadata.run_id, served.bundle.metadata.data_version)
    if released != found or release.model != model:
        raise ReleaseError(f"{folder}: {model} is served here; the release names {released}, its bundle is of {found}")
    served.bundle.check_smoke()
    _check_requests(served)
    return served


def _read_release(folder: Path) -> Release:
    try:
        return Release.model_validate_json((folder / RELEASE_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise ReleaseError(f"{folder / RELEASE_FILE}: cannot be read: {error}") from error


def _check_requests(served: Served) -> None:
    try:
        for row in served.bundle.metadata.smoke:
            served.records.read(json.dumps(row.record).encode())
    except RecordRefused as error:  # a model whose own rows are refused serves nobody
        raise ReleaseError(
            f"version {served.release.version}: its smoke rows are refused as requests: {error}"
        ) from error
