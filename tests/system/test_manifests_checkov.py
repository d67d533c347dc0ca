"""checkov on every rendered object: no finding without a written reason. It runs from a virtual environment of its own.

Without a network checkov knows no severities, so each failed check counts, high or not.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gitops.cluster import named, rendered
from tests.gitops.manifests import OVERLAYS, ROOT, Manifest

CHECKOV = ROOT / ".venv" / "checkov" / "bin" / "checkov"
ACCEPTED = {
    "CKV_K8S_15": "pull policy Always: each image has a fixed version or a digest, so what a node has is right",
    "CKV_K8S_35": "secrets as files: the programs (MLflow, oauth2-proxy, our settings) read these from variables only",
    "CKV_K8S_43": (
        "images by digest: the model's image is; digests of third parties' images could not be looked up where this "
        "was written, and the pipeline's is known once it is built (docs/cluster.md says how to pin both)"
    ),
}


def as_checkov_reads_it(manifest: Manifest) -> Manifest:
    """Return a predictor of KServe, a kind that checkov does not know, as the Deployment that KServe makes of it."""
    if manifest["kind"] != "InferenceService":
        return manifest
    own = {"labels", "minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "deploymentStrategy"}
    predictor: dict[str, Any] = manifest["spec"]["predictor"]
    namespace, name = named(manifest)
    pod = {key: value for key, value in predictor.items() if key not in own}
    labels = predictor["labels"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{name}-predictor", "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def run(folder: Path) -> dict[str, Any]:
    assert CHECKOV.exists(), "checkov is missing: `make test-system` installs it into .venv/checkov"
    options = ["--framework", "kubernetes", "--skip-download", "--compact", "--quiet", "--output", "json"]
    done = subprocess.run([CHECKOV, "-d", folder, *options], capture_output=True, text=True, check=False, timeout=240)
    return dict(json.loads(done.stdout))


def write(path: Path, manifests: Iterator[Manifest]) -> None:
    path.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What checkov finds in all overlays together."""
    folder = tmp_path_factory.mktemp("checkov")
    for overlay in OVERLAYS:
        write(folder / f"{overlay}.yaml", map(as_checkov_reads_it, rendered(overlay)))
    return run(folder)


def test_no_finding_is_without_a_reason(report: dict[str, Any]) -> None:
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 600
    found = [(item["check_id"], item["check_name"], item["resource"]) for item in report["results"]["failed_checks"]]
    assert [item for item in found if item[0] not in ACCEPTED] == []


def test_no_reason_is_left_over(report: dict[str, Any]) -> None:
    assert {item["check_id"] for item in report["results"]["failed_checks"]} == set(ACCEPTED)


def test_checkov_sees_a_pod_that_is_not_safe(tmp_path: Path) -> None:
    container = {"name": "a", "image": "x:latest", "securityContext": {"privileged": True}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [container]}}
    write(tmp_path / "pod.yaml", iter([pod]))
    found = {item["check_id"] for item in run(tmp_path)["results"]["failed_checks"]}
    assert {"CKV_K8S_16", "CKV_K8S_14"} <= found
    assert found - set(ACCEPTED)
