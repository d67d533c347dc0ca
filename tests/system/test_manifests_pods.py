"""Every pod meets the restricted pod security standard, asks for what it needs, and writes to volumes only.

By hand from kubernetes.io/docs/concepts/security/pod-security-standards, section Restricted (which includes Baseline).
"""

import re
from typing import Any

import pytest

from tests.gitops.cluster import Pod, of_kind, pods, rendered
from tests.gitops.manifests import OVERLAYS

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,  # beyond the standard
    "capabilities": {"drop": ["ALL"]},
}


def breaches(pod: Pod) -> list[str]:
    """Return what of the restricted standard a pod does not meet."""
    found = [f"{key} of the host" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(key)]
    outside = pod.spec.get("securityContext", {})
    if outside.get("runAsNonRoot") is not True or outside.get("runAsUser", 0) == 0:
        found.append("may run as root")
    if outside.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        found.append("no seccomp profile")
    if outside.get("sysctls") or outside.get("windowsOptions"):
        found.append("sysctls")
    for volume in pod.spec.get("volumes", []):
        found += [f"volume of type {kind}" for kind in set(volume) - {"name"} - VOLUMES]
    for container in pod.containers:
        found += [f"{container['name']}: {told}" for told in _container(container)]
    return found


def _container(container: dict[str, Any]) -> list[str]:
    context = container.get("securityContext", {})
    found = [f"{key} is not {value}" for key, value in CONTAINER.items() if context.get(key) != value]
    found += [
        f"{key} set again" for key in ("privileged", "procMount", "runAsUser", "seccompProfile") if context.get(key)
    ]
    found += ["hostPort" for port in container.get("ports", []) if "hostPort" in port]
    resources = container.get("resources", {})
    for kind in ("requests", "limits"):
        found += [f"no {kind} of {what}" for what in ("cpu", "memory") if what not in resources.get(kind, {})]
    return found


def good_pod(**changes: Any) -> Pod:
    container = {
        "name": "a",
        "securityContext": CONTAINER,
        "resources": {kind: {"cpu": 1, "memory": 1} for kind in ("requests", "limits")},
    }
    outside = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    return Pod(
        "Pod", "n", {}, {"securityContext": outside, "containers": [container | changes.pop("container", {})]} | changes
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"securityContext": {"runAsNonRoot": True, "runAsUser": 0}}, "root"),
        ({"securityContext": {"runAsNonRoot": True, "runAsUser": 1}}, "seccomp"),
        ({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"container": {"securityContext": CONTAINER | {"privileged": True}}}, "privileged"),
        ({"container": {"securityContext": {}}}, "capabilities"),
        ({"container": {"ports": [{"hostPort": 80}]}}, "hostPort"),
        ({"container": {"resources": {"requests": {"cpu": 1, "memory": 1}}}}, "no limits of memory"),
    ],
)
def test_the_check_sees_a_breach(changes: dict[str, Any], told: str) -> None:
    assert breaches(good_pod()) == []
    assert any(told in breach for breach in breaches(good_pod(**changes)))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_restricted(overlay: str) -> None:
    found = {f"{pod.namespace}/{pod.owner}": breaches(pod) for pod in pods(overlay)}
    assert found
    assert {name: told for name, told in found.items() if told} == {}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_have_probes_and_no_token_of_kubernetes(overlay: str) -> None:
    for pod in pods(overlay):
        assert pod.spec["automountServiceAccountToken"] is False, pod
        for container in pod.spec["containers"] if pod.owner != "Job" else []:
            assert {"readinessProbe", "livenessProbe"} <= set(container), f"{pod.namespace}: {container['name']}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_namespaces_of_our_pods_enforce_the_restricted_standard(overlay: str) -> None:
    enforced = {
        found["metadata"]["name"]: found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for found in of_kind(overlay, "Namespace")
    }
    ours = {pod.namespace for pod in pods(overlay)} | {"airflow", "postgres"}
    assert {enforced[name] for name in ours} == {"restricted"}
    assert {name for name, level in enforced.items() if level != "restricted"} == {"kserve", "monitoring"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_airflow_s_chart_is_told_the_same_of_its_pods(overlay: str) -> None:
    values = next(
        f["spec"]["values"]
        for f in rendered(overlay)
        if f["kind"] == "HelmRelease" and f["metadata"]["name"] == "airflow"
    )
    contexts, task = values["securityContexts"], values["workers"]["kubernetes"]
    container = {"name": "any", "securityContext": contexts["containers"], "resources": task["resources"]}
    assert breaches(Pod("chart", "airflow", {}, {"securityContext": contexts["pod"], "containers": [container]})) == []
    for part in ("apiServer", "scheduler", "dagProcessor", "migrateDatabaseJob", "createUserJob"):
        assert set(values[part]["resources"]) == {"requests", "limits"}, part


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_arguments_take_from_the_environment_is_there(overlay: str) -> None:
    for pod in pods(overlay):
        for container in pod.containers:
            words = " ".join([*container.get("command", []), *container.get("args", [])])
            there = {variable["name"] for variable in container.get("env", [])}
            assert set(re.findall(r"\$\(([A-Z_]+)\)", words)) <= there, f"{pod.namespace}: {container['name']}"
