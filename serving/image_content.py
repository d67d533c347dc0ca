"""What an image consists of: reading a base image, and describing the image that has one layer more."""

import json
from dataclasses import dataclass
from typing import Any

from serving.errors import ImageError
from serving.image_layer import Blob, Layer
from serving.image_reference import Reference
from serving.image_registry import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Manifest, Repository

_RELEASES = "MLOPS_RELEASES_DIR="  # how a serving image says where it looks for its release
_LAYER = {  # the kind of a compressed layer, by the kind of manifest
    OCI_MANIFEST: "application/vnd.oci.image.layer.v1.tar+gzip",
    DOCKER_MANIFEST: "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


@dataclass(frozen=True)
class Base:
    """An image of one platform, as its registry describes it."""

    name: str
    digest: str
    media_type: str
    manifest: dict[str, Any]
    config: dict[str, Any]

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The descriptors of its layers, the lowest first; sizes in bytes, compressed."""
        return list(self.manifest["layers"])

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return dict(self.config.get("config", {}).get("Labels") or {})

    @property
    def releases(self) -> str:
        """The folder in which its service looks for releases.

        Raises:
            ImageError: when it is no serving image.
        """
        for variable in self.config.get("config", {}).get("Env") or []:
            if variable.startswith(_RELEASES):
                return str(variable.removeprefix(_RELEASES))
        raise ImageError(f"{self.name}: is no serving base image: it sets no {_RELEASES[:-1]}; see docs/images.md")


def read_base(repository: Repository, reference: Reference, platform: str) -> Base:
    """Read an image's manifest and configuration; of an index, those of a platform such as `linux/amd64`.

    Raises:
        ImageError: when it is not there, or not for the platform.
        RegistryAwayError: when the registry cannot be reached.
    """
    found = repository.manifest(reference)
    if found.media_type in (OCI_INDEX, DOCKER_INDEX):
        found = repository.manifest(reference.at(_of_platform(reference, json.loads(found.content), platform)))
    if found.media_type not in _LAYER:
        raise ImageError(f"{reference}: manifests of type {found.media_type!r} are not known; push it again as OCI's")
    manifest = json.loads(found.content)
    config = json.loads(repository.blob(manifest["config"]["digest"]).content)
    made_for = _platform(config)
    if not f"{made_for}/".startswith(f"{platform}/"):
        raise ImageError(f"{reference}: is made for {made_for}, not for {platform} (MLOPS_IMAGE_PLATFORM)")
    return Base(str(reference), found.digest, found.media_type, manifest, config)


def added(base: Base, layer: Layer, labels: dict[str, str]) -> tuple[Blob, Manifest]:
    """Return the configuration and the manifest of the base with one layer more. The same arguments, the same bytes."""
    running = base.config.get("config", {})
    history = {"created_by": "mlops image build", "comment": "bundle and release"}
    if "created" in base.config:  # a time of its own would make another image each time
        history["created"] = base.config["created"]
    config = _json(
        {
            **base.config,
            "config": {**running, "Labels": {**base.labels, **labels}},
            "rootfs": {"type": "layers", "diff_ids": [*base.config["rootfs"]["diff_ids"], layer.diff_id]},
            "history": [*base.config.get("history", []), history],
        }
    )
    manifest = {
        **base.manifest,
        "mediaType": base.media_type,
        "config": {**base.manifest["config"], **_descriptor(config)},
        "layers": [*base.layers, {"mediaType": _LAYER[base.media_type], **_descriptor(layer)}],
    }
    if base.media_type == OCI_MANIFEST:
        manifest["annotations"] = {**base.manifest.get("annotations", {}), **labels}
    return config, Manifest(_json(manifest).content, base.media_type)


def _of_platform(reference: Reference, index: dict[str, Any], platform: str) -> str:
    offered = {_platform(one.get("platform", {})): str(one["digest"]) for one in index.get("manifests", [])}
    for name, digest in offered.items():
        if f"{name}/".startswith(f"{platform}/"):
            return digest
    raise ImageError(f"{reference}: is not made for {platform} (MLOPS_IMAGE_PLATFORM), but for: {', '.join(offered)}")


def _platform(described: dict[str, Any]) -> str:
    return "/".join(str(described[key]) for key in ("os", "architecture", "variant") if described.get(key))


def _descriptor(blob: Blob) -> dict[str, Any]:
    return {"digest": blob.digest, "size": len(blob.content)}


def _json(content: dict[str, Any]) -> Blob:
    return Blob(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
