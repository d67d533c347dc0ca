"""Reading manifests, and checking one object against the schema of its kind: all errors, unknown fields among them."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from cloudcoil.models.cert_manager import v1 as cert_manager
from cloudcoil.models.fluxcd.helm import v2 as helm
from cloudcoil.models.fluxcd.kustomize import v1 as flux
from cloudcoil.models.fluxcd.source import v1 as source
from cloudcoil.models.fluxcd.source import v1beta2 as source_before
from cloudcoil.models.prometheus_operator import v1 as prometheus
from kubernetes_validate.utils import schema_contents
from pydantic import BaseModel, ValidationError
from referencing import Registry, Resource

Manifest = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
GITOPS = ROOT / "gitops"
SCHEMAS = Path(__file__).with_name("schemas")
OVERLAYS = ("local", "production")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built
KUBERNETES = "1.33.0"  # what docs/cluster.md asks for
# The typed models for Python 3.11 are those of Flux 2.5, where an OCIRepository of today's v1 is still called v1beta2;
# the fields of it that are used here are the same.
TYPED: Mapping[tuple[str, str], type[BaseModel]] = {
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"): flux.Kustomization,
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"): helm.HelmRelease,
    ("source.toolkit.fluxcd.io/v1", "HelmRepository"): source.HelmRepository,
    ("source.toolkit.fluxcd.io/v1", "OCIRepository"): source_before.OCIRepository,
    ("cert-manager.io/v1", "ClusterIssuer"): cert_manager.ClusterIssuer,
    ("cert-manager.io/v1", "Certificate"): cert_manager.Certificate,
    ("monitoring.coreos.com/v1", "PodMonitor"): prometheus.PodMonitor,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): prometheus.ServiceMonitor,
    ("monitoring.coreos.com/v1", "PrometheusRule"): prometheus.PrometheusRule,
}


def read(path: Path) -> list[Manifest]:
    """Return the objects of a file."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> list[Manifest]:
    """Return the objects of a stream."""
    return [found for found in yaml.load_all(text, Loader=_LOADER) if found]


def name_of(manifest: Manifest) -> str:
    """Return what a message calls an object."""
    metadata = manifest["metadata"]
    return f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def errors_of(manifest: Manifest) -> list[str]:
    """Return what is wrong with an object; a kind that nothing here knows is wrong as well."""
    key = manifest["apiVersion"], manifest["kind"]
    written = SCHEMAS / f"{key[0].replace('/', '-')}-{key[1]}.json"
    if key in TYPED:
        found = _typed_errors(TYPED[key], manifest)
    elif written.exists():
        found = _schema_errors(json.loads(written.read_text(encoding="utf-8")), manifest)
        found += _pod_errors(manifest) if key[1] == "InferenceService" else []
    else:
        found = _kubernetes_errors(manifest)
    return [f"{name_of(manifest)}: {error}" for error in found]


def _kubernetes_errors(manifest: Manifest) -> list[str]:
    folder = f"kubernetes-json-schema/v{KUBERNETES}-local-strict"
    group, _, version = manifest["apiVersion"].rpartition("/")
    version = f"{group.split('.')[0]}-{version}" if group else version
    try:
        schema = schema_contents(f"{folder}/{manifest['kind'].lower()}-{version}.json", KUBERNETES)
    except FileNotFoundError:
        return [f"{manifest['apiVersion']} {manifest['kind']} is a kind that no schema is known of"]
    return _schema_errors(schema, manifest, _definitions(folder))


@cache
def _definitions(folder: str) -> Registry[Any]:
    contents = schema_contents(f"{folder}/_definitions.json", KUBERNETES)
    return Resource.from_contents(contents) @ Registry()


def _schema_errors(schema: Any, manifest: Manifest, registry: Registry[Any] | None = None) -> list[str]:
    options = {} if registry is None else {"registry": Resource.from_contents(schema) @ registry}
    checker = jsonschema.Draft202012Validator(schema, **options)
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in checker.iter_errors(manifest)]


def _pod_errors(manifest: Manifest) -> list[str]:
    schema = json.loads((SCHEMAS / "serving.kserve.io-v1beta1-InferenceService.json").read_text(encoding="utf-8"))
    own = set(schema["properties"]["spec"]["properties"]["predictor"]["properties"]) - {"containers"}
    spec = {key: value for key, value in manifest["spec"]["predictor"].items() if key not in own}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "predictor"}, "spec": spec}
    return _kubernetes_errors(pod)


def _typed_errors(model: type[BaseModel], manifest: Manifest) -> list[str]:
    known = manifest | (
        {"apiVersion": "source.toolkit.fluxcd.io/v1beta2"} if model is source_before.OCIRepository else {}
    )
    try:
        kept = model.model_validate(known).model_dump(by_alias=True, exclude_none=True, mode="json")
    except ValidationError as error:
        return [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
    return [f"{path}: no such field" for path in _lost(known, kept)]


def _lost(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of what a model was given and did not keep: the models accept unknown fields without a word."""
    if isinstance(given, dict):
        for key, value in given.items():
            below = f"{path}.{key}".strip(".")
            if not isinstance(kept, dict) or (key not in kept and value is not None):
                yield below
            elif key in kept:
                yield from _lost(value, kept[key], below)
    elif isinstance(given, list):
        pairs = zip(given, kept if isinstance(kept, list) else [], strict=False)
        for number, (value, other) in enumerate(pairs):
            yield from _lost(value, other, f"{path}.{number}")
