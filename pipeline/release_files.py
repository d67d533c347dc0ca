"""What a release is in the GitOps repository: the files of a model, where they are and what they hold."""

import json

from pydantic import ValidationError

from pipeline.contract.base import Section
from pipeline.errors import PipelineError
from pipeline.settings import Settings

# What reconcile leaves for the local service: the folder of what is live, and the release beside its bundle.
CURRENT = "current"
RELEASE_FILE = "release.json"
_APPLIED = "release.yaml"  # what Flux applies of a release


class ReleaseLogError(PipelineError):
    """A release log that cannot be read, or has no place for a release."""


class Release(Section):
    """What is to run: a model version and all that identifies it. The commit says when and by whom."""

    model: str
    version: int
    data_version: str
    run_id: str  # of the MLflow run that holds the model and its bundle
    bundle_digest: str  # sha256 over the bundle's files; what is served is what was approved
    metrics: dict[str, float]  # on the held-out rows: mae and rmse in the target's unit, r2
    approved_by: str
    reason: str
    image: str | None = None  # `registry/name@sha256:...` of the model image, where a cluster runs it
    card: str = ""  # MLflow's page of the run, which holds the model card; empty where no MLflow serves pages

    @property
    def identity(self) -> tuple[int, str, str | None]:
        """What runs: two releases with the same are one."""
        return self.version, self.bundle_digest, self.image


def release_path(settings: Settings, model: str) -> str:
    """Return where the repository holds what is live: of the laptop, or of the cluster's overlay."""
    return f"{_folder(settings, model)}/{RELEASE_FILE}" if settings.gitops_overlay else f"releases/{model}.json"


def applied_path(settings: Settings, model: str) -> str | None:
    """Return the file that Flux applies; None where no cluster follows the repository."""
    return f"{_folder(settings, model)}/{_APPLIED}" if settings.gitops_overlay else None


def files_of(settings: Settings, release: Release) -> dict[str, bytes]:
    """Return the files of a release by their paths.

    Raises:
        ReleaseLogError: when a cluster is to run it and it has no image.
    """
    text = json.dumps(release.model_dump(), indent=2, ensure_ascii=False) + "\n"
    files = {release_path(settings, release.model): text.encode()}
    applied = applied_path(settings, release.model)
    return files | ({applied: _applied(release)} if applied else {})


def parse_release(content: str, uri: str) -> Release:
    """Return the release that a file holds.

    Raises:
        ReleaseLogError: naming the repository, when it holds none.
    """
    try:
        return Release.model_validate_json(content)
    except ValidationError as error:
        raise ReleaseLogError(
            f"{uri}: a release that cannot be read; revert the commit that broke it, or release a version: {error}"
        ) from error


def _folder(settings: Settings, model: str) -> str:
    return f"gitops/apps/{settings.gitops_overlay}/predictions/{model.replace('_', '-').lower()}"


def _applied(release: Release) -> bytes:
    """Return the ConfigMap whose values the overlay's kustomization copies into the service."""
    if release.image is None or "@sha256:" not in release.image:
        raise ReleaseLogError(
            f"{release.model} version {release.version} has no image with a digest, which a cluster needs: "
            "set MLOPS_IMAGE_REPOSITORY"
        )
    data = {
        "image": release.image,
        "model": release.model,
        "model-version": str(release.version),
        "data-version": release.data_version,
        "bundle-digest": release.bundle_digest,
    }
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata:", "  name: release", "data:"]
    lines += [f"  {name}: {json.dumps(value)}" for name, value in data.items()]
    return ("\n".join(lines) + "\n").encode()
