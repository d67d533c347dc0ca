"""Releasing: look up what is known of a model version, package it, and commit it as what is live."""

import tempfile
from pathlib import Path

from pipeline import model_registry
from pipeline.bundle.load import load_bundle
from pipeline.contract import Contract
from pipeline.errors import NothingToDo
from pipeline.release_history import commit_of_run, release_history
from pipeline.release_log import Release, commit_release, read_release
from pipeline.settings import Settings
from serving.errors import ReleaseError
from serving.image import build
from serving.reconcile import fetch_release

OPERATOR = "operator"


def evidence(
    contract: Contract, settings: Settings, version: int | None, reason: str | None, by: str = OPERATOR
) -> Release:
    """Propose a release, after checking that its bundle is whole, loads and gives the trained model's answers.

    A version that was live before keeps the image that it had then.

    Args:
        contract: the contract of the model.
        settings: where MLflow is.
        version: the model version; None for the newest that passed the gate.
        reason: why it is released; None where the gate's verdict is the reason.
        by: who gives the reason.

    Raises:
        NothingToDo: when no version has passed the gate yet.
        ModelRegistryError: when there is no such version or its bundle is gone.
        BundleError: when the bundle is damaged or fails its smoke rows.
    """
    model = contract.name
    number = version or model_registry.challenger(settings, model)
    if number is None:
        raise NothingToDo(f"{model}: no version has passed the gate yet, so there is nothing to release")
    registered = model_registry.read_version(settings, model, number)
    digest = registered.tags.get("bundle_digest")
    if not digest:
        raise ReleaseError(f"{model} version {number} was registered without a bundle; train again")
    with tempfile.TemporaryDirectory(prefix="mlops-evidence-") as folder:
        model_registry.fetch_bundle(settings, registered.run_id, digest, Path(folder) / "bundle")
        bundle = load_bundle(Path(folder) / "bundle")
        bundle.check_smoke()
    proposed = Release(
        model=model,
        version=number,
        data_version=bundle.metadata.data_version,
        run_id=registered.run_id,
        bundle_digest=digest,
        metrics=bundle.metadata.metrics,
        approved_by=f"gate ({contract.release.approval})" if reason is None else by,
        reason=reason or registered.tags.get("gate", "passed the gate"),
        card=model_registry.run_url(settings, registered.run_id),
    )
    earlier = released_before(settings, proposed)
    return proposed.model_copy(update={"image": earlier.image}) if earlier else proposed


def released_before(settings: Settings, proposed: Release) -> Release | None:
    """Return the newest release of the same version and bundle in Git's history, if there is one."""
    same = (proposed.version, proposed.bundle_digest)
    releases = (period.release for period in release_history(settings, proposed.model))
    return next((one for one in releases if one and (one.version, one.bundle_digest) == same), None)


def package(contract: Contract, settings: Settings, approved: Release) -> Release:
    """Make what is deployed: the model image, built and pushed, or where no images are built the bundle's folder.

    A version that has its image already keeps it.

    Returns:
        The release, with the image's digest.
    """
    if settings.image_repository and approved.image is None:
        with tempfile.TemporaryDirectory(prefix="mlops-image-") as scratch:
            folder = Path(scratch) / "bundle"
            model_registry.fetch_bundle(settings, approved.run_id, approved.bundle_digest, folder)
            image = build(settings, contract, approved, folder)
        return approved.model_copy(update={"image": image})
    if approved.image is None and settings.releases_dir:
        fetch_release(settings, approved)
    return approved


def release(settings: Settings, proposed: Release, run: str = "") -> Release:
    """Commit the release to the GitOps repository; one that is live already makes no commit.

    Args:
        settings: where that is.
        proposed: what to release.
        run: names the run that releases it: repeated, the run makes no second commit.

    Returns:
        The release as Git names it; the proposed one where another came since.

    Raises:
        GitError: when the repository refuses or cannot be reached; nothing is half done then.
    """
    commit_release(settings, proposed, run)
    live = read_release(settings, proposed.model)
    same = live and (live.version, live.bundle_digest) == (proposed.version, proposed.bundle_digest)
    return live if live and same else proposed


def deploy(contract: Contract, settings: Settings, approved: Release, run: str) -> Release:
    """Package an approved version and release it; a run that has done so does neither again."""
    if commit_of_run(settings, approved.model, run):
        return release(settings, approved, run)
    return release(settings, package(contract, settings, approved), run)
