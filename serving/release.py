"""Releasing: look up what is known of a model version, and commit it as what is live."""

import tempfile
from pathlib import Path

from pipeline import model_registry
from pipeline.bundle.load import load_bundle
from pipeline.contract import Contract
from pipeline.errors import NothingToDo
from pipeline.release_log import Release, commit_release
from pipeline.settings import Settings
from serving.errors import ReleaseError


def evidence(contract: Contract, settings: Settings, version: int | None, reason: str | None) -> Release:
    """Propose a release, after checking that its bundle is whole, loads and gives the trained model's answers.

    Args:
        contract: the contract of the model.
        settings: where MLflow is.
        version: the model version; None for the newest that passed the gate.
        reason: why it is released; None where the gate's verdict is the reason.

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
    return Release(
        model=model,
        version=number,
        data_version=bundle.metadata.data_version,
        run_id=registered.run_id,
        bundle_digest=digest,
        metrics=bundle.metadata.metrics,
        approved_by=f"gate ({contract.release.approval})" if reason is None else "operator",
        reason=reason or registered.tags.get("gate", "passed the gate"),
        card=model_registry.run_url(settings, registered.run_id),
    )


def release(settings: Settings, proposed: Release) -> Release:
    """Commit the release to the GitOps repository; one that is live already makes no commit. Returns it."""
    commit_release(settings, proposed)
    return proposed
