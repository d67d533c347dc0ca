"""The model image: the serving base image and one release, put together in a registry without any engine.

An image is a list of layers by their digests. One more is added by a few requests to the registry, so that a task in a
cluster can do it: no daemon, no root, no nested container, and the base's layers hardly ever travel. Of the packages
that were looked at, `oras` (PyPI) pushes files as artifacts but neither resolves an index to a platform nor
writes a configuration with a layer added, which is what there is to do here; `crane append` does just this, and is a Go
program that neither PyPI nor Debian has; buildah wants root, or user namespaces that clusters seldom allow.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.contract import Contract
from pipeline.release_log import Release, read_release
from pipeline.settings import Settings
from serving.errors import ImageError
from serving.image_content import Base, added, read_base
from serving.image_layer import release_layer
from serving.image_reference import Reference, parse
from serving.image_registry import Repository

PUSH, BASE = "images", "image_base"  # names among the settings' connections


def build(settings: Settings, contract: Contract, release: Release, folder: Path) -> str:
    """Add a release to the serving base image, push the result, and return it as `registry/name@sha256:…`.

    The same release on the same base gives the same digest, however often and wherever it is built: a task may repeat
    it. Each image has a tag of its own, which is never moved, so that a registry's clean-up leaves what Git names.

    Args:
        settings: where the base image is and where the model image goes.
        contract: the contract of the model.
        release: what is served; who approved it and why do not count.
        folder: the bundle's files.

    Raises:
        ImageError: when a setting is missing or a registry refuses.
        RegistryAwayError: when a registry cannot be reached.
        BundleError: when the folder does not hold the release's bundle.
    """
    if release.model != contract.name:
        raise ImageError(f"the release is of {release.model}, but the contract is {contract.name}'s")
    target, base = _places(settings, contract.name)
    who = settings.connections
    base_who = who.get(PUSH) if base.registry == target.registry else who.get(BASE)
    with Repository(target, who.get(PUSH)) as images, Repository(base, base_who) as bases:
        found = read_base(bases, base, settings.image_platform)
        layer = release_layer(folder, release, found.releases)
        config, manifest = added(found, layer, _labels(release, found))
        for part in found.layers:
            images.copy(part["digest"], part["size"], bases)
        images.push(layer)
        images.push(config)
        images.put(manifest, f"{release.model}-{release.version}-{manifest.digest.partition(':')[2][:12]}")
    return str(target.at(manifest.digest))


def build_version(settings: Settings, contract: Contract, version: int | None) -> str:
    """Build the image of a registered model version; without one, of the newest that passed the gate.

    Raises:
        NothingToDo: when none has passed the gate yet.
        ModelRegistryError: when there is no such version or its bundle is gone.
    """
    from pipeline import model_registry  # MLflow, which the deployment's own call does not need
    from serving.release import evidence

    release = evidence(contract, settings, version, None)
    with TemporaryDirectory(prefix="mlops-image-") as scratch:
        folder = Path(scratch) / "bundle"
        model_registry.fetch_bundle(settings, release.run_id, release.bundle_digest, folder)
        return build(settings, contract, release, folder)


def describe(settings: Settings, contract: Contract, image: str | None) -> dict[str, Any]:
    """Say what an image is: its digest, its layers and their bytes, its labels.

    Args:
        settings: where the registry is.
        contract: the contract of the model.
        image: the image; None for that of the release that Git names.

    Raises:
        ImageError: when nothing is released with an image, or the registry does not have it.
    """
    reference = parse(image or _released(settings, contract.name))
    with Repository(reference, settings.connections.get(PUSH)) as repository:
        found = read_base(repository, reference, settings.image_platform)
    sizes = [layer["size"] for layer in found.layers]
    return {"image": str(reference.at(found.digest)), "layers": len(sizes), "bytes": sum(sizes), **found.labels}


def _places(settings: Settings, model: str) -> tuple[Reference, Reference]:
    for field in ("image_repository", "image_base"):
        if not getattr(settings, field):
            raise ImageError(f"{model}: MLOPS_{field.upper()} is not set, so no image can be made; see docs/images.md")
    target = parse(settings.place("image_repository", model))
    if target.tag or target.digest:
        raise ImageError(
            f"MLOPS_IMAGE_REPOSITORY: {target} names one image; write registry/name without :tag or @digest"
        )
    return target, parse(settings.place("image_base", model))


def _released(settings: Settings, model: str) -> str:
    release = read_release(settings, model)
    if release is None or release.image is None:
        raise ImageError(f"{model}: Git names no release with an image; say which image is meant")
    if "@" in release.image:
        return release.image
    return str(parse(settings.place("image_repository", model)).at(release.image))


def _labels(release: Release, base: Base) -> dict[str, str]:
    """OCI's annotation keys where there is one. The revision is the base's: the commit of the code that runs."""
    return {
        "org.opencontainers.image.title": release.model,
        "org.opencontainers.image.description": f"The prediction service of {release.model}, version {release.version}",
        "org.opencontainers.image.version": str(release.version),
        "org.opencontainers.image.base.name": base.name,
        "org.opencontainers.image.base.digest": base.digest,
        "mlops.bundle-digest": release.bundle_digest,
        "mlops.data-version": release.data_version,
        "mlops.model": release.model,
        "mlops.model-version": str(release.version),
        "mlops.run-id": release.run_id,
    }
