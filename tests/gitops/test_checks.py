"""The checks of manifests themselves: a wrong object is refused, with every error."""

import copy
from typing import Any

import pytest

from tests.gitops.manifests import GITOPS, Manifest, errors_of, read

METADATA = {"name": "x", "namespace": "y"}
SERVICE: Manifest = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": METADATA,
    "spec": {"ports": [{"port": 80}]},
}
KUSTOMIZATION: Manifest = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": METADATA,
    "spec": {"interval": "1m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
}
INFERENCE = read(GITOPS / "apps/base/predictions/kserve/inference-service.yaml")[0]
DATABASE: Manifest = {
    "apiVersion": "postgresql.cnpg.io/v1",
    "kind": "Database",
    "metadata": METADATA,
    "spec": {"name": "a", "owner": "a", "cluster": {"name": "postgres"}},
}


def changed(manifest: Manifest, path: str, value: Any) -> Manifest:
    found = copy.deepcopy(manifest)
    at: Any = found
    *parents, last = path.split(".")
    for part in parents:
        at = at[int(part)] if isinstance(at, list) else at[part]
    at[last] = value
    return found


@pytest.mark.parametrize("manifest", [SERVICE, KUSTOMIZATION, INFERENCE, DATABASE], ids=lambda found: found["kind"])
def test_a_right_object_has_no_errors(manifest: Manifest) -> None:
    assert errors_of(manifest) == []


@pytest.mark.parametrize(
    ("manifest", "path", "value", "told"),
    [
        (SERVICE, "spec.selectr", {}, "selectr"),
        (SERVICE, "spec.ports", "80", "not of type 'array'"),
        (SERVICE, "metadata.labels", {"version": 1}, "1 is not of type"),
        (KUSTOMIZATION, "spec.dependOn", [], "spec.dependOn: no such field"),
        (KUSTOMIZATION, "spec.prune", "perhaps", "spec.prune"),
        (INFERENCE, "spec.predictor.minReplica", 2, "minReplica"),
        (INFERENCE, "spec.predictor.containers.0.imag", "x", "imag"),
        (INFERENCE, "metadata.annotations", {"serving.kserve.io/deploymentMode": "RawDeployment"}, "Standard"),
        (INFERENCE, "spec.predictor.labels", {"mlops/model-version": 3}, "3 is not of type"),
        (DATABASE, "spec.cluster", {"nam": "postgres"}, "nam"),
        (DATABASE, "kind", "Databases", "no schema is known"),
    ],
)
def test_a_wrong_object_is_refused_by_the_field(manifest: Manifest, path: str, value: Any, told: str) -> None:
    errors = errors_of(changed(manifest, path, value))
    assert errors
    assert any(told in error for error in errors), errors


def test_all_errors_of_an_object_are_told() -> None:
    twice = changed(changed(SERVICE, "spec.selectr", {}), "spec.ports", "80")
    assert len(errors_of(twice)) == 2
