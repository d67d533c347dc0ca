"""A whole cluster as its manifests say: every folder that Flux applies, rendered by kubectl; who names whom in it."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.gitops.manifests import GITOPS, ROOT, Manifest, parse, read

Named = tuple[str, str]  # namespace, name
# What charts and operators make of our objects: these are not in the manifests.
MADE_SERVICES: dict[Named, set[int]] = {
    ("airflow", "airflow-api-server"): {8080},  # Airflow's chart, release airflow
    ("postgres", "postgres-rw"): {5432},  # CloudNativePG, cluster postgres
}


@dataclass(frozen=True)
class Pod:
    """A pod template: of a workload, or of a KServe predictor."""

    owner: str
    namespace: str
    labels: dict[str, str]
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for item in self.containers for port in item.get("ports", [])}


def render(folder: Path) -> list[Manifest]:
    """Render a folder as Flux would. A missing kubectl is an error that names it."""
    kubectl = shutil.which("kubectl")
    assert kubectl, "kubectl is missing: kubernetes.io/docs/tasks/tools says where it is"
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{folder}: {done.stderr}"
    return parse(done.stdout)


@cache
def rendered(overlay: str) -> tuple[Manifest, ...]:
    """Return every object of a cluster but its secrets, the steps of Flux first."""
    steps = read(GITOPS / "clusters" / overlay / "platform.yaml")
    folders = [step["spec"]["path"] for step in steps if step["metadata"]["name"] != "secrets"]
    return (*steps, *(found for folder in folders for found in render(ROOT / folder)))


def of_kind(overlay: str, *kinds: str) -> list[Manifest]:
    """Return the objects of some kinds."""
    return [found for found in rendered(overlay) if found["kind"] in kinds]


def named(manifest: Manifest) -> Named:
    """Return an object's namespace and name."""
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def pods(overlay: str) -> list[Pod]:
    """Return every pod template."""
    found = []
    for item in of_kind(overlay, "Deployment", "StatefulSet", "DaemonSet", "Job"):
        template = item["spec"]["template"]
        found.append(Pod(item["kind"], named(item)[0], template["metadata"]["labels"], template["spec"]))
    for item in of_kind(overlay, "InferenceService"):
        predictor = item["spec"]["predictor"]
        found.append(Pod(item["kind"], named(item)[0], predictor["labels"], predictor))
    return found


def services(overlay: str) -> dict[Named, set[int | str]]:
    """Return the ports, by number and name, of every Service, those included that controllers make."""
    found: dict[Named, set[int | str]] = {key: set(ports) for key, ports in MADE_SERVICES.items()}
    for item in of_kind(overlay, "Service"):
        ports = item["spec"]["ports"]
        found[named(item)] = {port["port"] for port in ports} | {port["name"] for port in ports}
    for item in of_kind(overlay, "InferenceService"):
        namespace, name = named(item)
        found[namespace, f"{name}-predictor"] = {80}
    return found


def secret_keys(overlay: str) -> Iterator[tuple[str, str, str]]:
    """Yield namespace, name and key of each value of a secret that a pod, an operator or a chart asks for."""
    for pod in pods(overlay):
        for name, key in _asked_by(pod):
            yield pod.namespace, name, key
    for item in of_kind(overlay, "Cluster"):
        for role in item["spec"]["managed"]["roles"]:
            yield from ((named(item)[0], role["passwordSecret"]["name"], key) for key in ("username", "password"))
    for item in of_kind(overlay, "HelmRelease"):
        yield from ((named(item)[0], name, key) for name, key in _asked_by_chart(item["spec"]))


def _asked_by(pod: Pod) -> Iterator[tuple[str, str]]:
    for item in pod.containers:
        for variable in item.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                yield reference["name"], reference["key"]
        assert not [source for source in item.get("envFrom", []) if "secretRef" in source], "name each key"
    for volume in pod.spec.get("volumes", []):
        if "secret" in volume:
            keys = [entry["key"] for entry in volume["secret"].get("items", [])] or ["s3.json"]
            yield from ((volume["secret"]["secretName"], key) for key in keys)
    yield from ((item["name"], ".dockerconfigjson") for item in pod.spec.get("imagePullSecrets", []))


# Where a chart's values name a secret, and the key that the chart reads there (Airflow's chart, "Production guide").
_CHART_KEYS = {
    "fernetKeySecretName": "fernet-key",
    "apiSecretKeySecretName": "api-secret-key",
    "jwtSecretName": "jwt-secret",
    "metadataSecretName": "connection",
}


def _asked_by_chart(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    values = spec.get("values", {})
    yield from ((item["name"], item["valuesKey"]) for item in spec.get("valuesFrom", []) if item["kind"] == "Secret")
    for key, value in _walk(values):
        if key in _CHART_KEYS:
            yield value, _CHART_KEYS[key]
    for volume in values.get("volumes", []):
        for item in volume.get("secret", {}).get("items", []):
            yield volume["secret"]["secretName"], item["key"]
    yield from ((item["name"], ".dockerconfigjson") for item in values.get("imagePullSecrets", []))
    admin = values.get("grafana", {}).get("admin")
    if admin:
        yield from ((admin["existingSecret"], admin[key]) for key in ("userKey", "passwordKey"))


def whole(overlay: str, kind: str) -> Iterator[Named]:
    """Yield the secrets (or configMaps) that are taken as a whole, by environment or as a folder."""
    reference = {"secret": ("secretRef", "secret", "secretName"), "configMap": ("configMapRef", "configMap", "name")}[
        kind
    ]
    for namespace, environment, volumes in _taken(overlay):
        for source in environment:
            if reference[0] in source:
                yield namespace, source[reference[0]]["name"]
        for volume in volumes:
            if reference[1] in volume:
                yield namespace, volume[reference[1]][reference[2]]


def _taken(overlay: str) -> Iterator[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]]:
    for pod in pods(overlay):
        environment = [source for item in pod.containers for source in item.get("envFrom", [])]
        yield pod.namespace, environment, pod.spec.get("volumes", [])
    for item in of_kind(overlay, "HelmRelease"):
        values = item["spec"].get("values", {})
        yield named(item)[0], yaml.safe_load(values.get("extraEnvFrom", "[]")), values.get("volumes", [])


def addresses(texts: Iterable[str]) -> Iterator[tuple[str, Named, int]]:
    """Yield the addresses of Services of this cluster in some texts, with namespace, name and port."""
    for text in texts:
        for match in re.finditer(r"([a-z{][a-z0-9{}-]*)\.([a-z{][a-z0-9{}-]*)\.svc(?::(\d+))?", text):
            yield match[0], (match[2], match[1]), int(match[3] or 80)


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a value."""
    if isinstance(value, str):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(child)


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield key, child
            yield from _walk(child)
