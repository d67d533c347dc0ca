"""Every overlay renders; every object is valid, and names only what is there. Needs kubectl."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cli.cluster.secrets import models_of
from cli.cluster.table import entries
from cli.cluster.values import VALUES
from tests.gitops.cluster import (
    Named,
    addresses,
    named,
    of_kind,
    pods,
    render,
    rendered,
    secret_keys,
    services,
    strings,
    whole,
)
from tests.gitops.manifests import GITOPS, OVERLAYS, ROOT, Manifest, errors_of, name_of

CLUSTER_WIDE = {"Namespace", "ClusterIssuer"}
PLATFORM = {"flux-system", "kube-system", "default"}  # namespaces that are there before ours

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)


def namespaces(overlay: str) -> dict[str, Manifest]:
    return {named(found)[1]: found for found in of_kind(overlay, "Namespace")}


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items()


def test_every_object_is_valid(overlay: str) -> None:
    errors = [error for found in rendered(overlay) for error in errors_of(found)]
    assert not errors, "\n".join(errors)
    assert len(rendered(overlay)) >= 60


def test_no_object_is_applied_twice(overlay: str) -> None:
    count = Counter((found["apiVersion"].split("/")[0], found["kind"], *named(found)) for found in rendered(overlay))
    assert [key for key, times in count.items() if times > 1] == []


def test_every_object_is_in_a_namespace_that_is_made(overlay: str) -> None:
    for found in rendered(overlay):
        namespace = named(found)[0]
        if found["kind"] in CLUSTER_WIDE:
            assert not namespace
        else:
            assert namespace in set(namespaces(overlay)) | PLATFORM, name_of(found)


def test_every_secret_a_pod_asks_for_is_one_that_the_command_makes(overlay: str) -> None:
    made = {(item.namespace, item.name): set(item.data) for item in entries(overlay, models_of(ROOT, overlay))}
    asked = set(secret_keys(overlay))
    assert len(asked) >= 25
    for namespace, name, key in sorted(asked):
        assert key in made.get((namespace, name), set()), f"{namespace}/{name}: {key} is asked for and not made"
    for found in set(whole(overlay, "secret")):
        assert found in made, f"{found} is asked for and not made"


def test_the_command_makes_no_secret_that_nobody_asks_for(overlay: str) -> None:
    made = {(item.namespace, item.name) for item in entries(overlay, models_of(ROOT, overlay))}
    asked = {(namespace, name) for namespace, name, _ in secret_keys(overlay)} | set(whole(overlay, "secret"))
    assert made <= asked
    for value in VALUES.values():
        namespace, name = value.home[0].split("/")
        assert (namespace, name) in made


def test_every_config_map_that_is_asked_for_is_there(overlay: str) -> None:
    there = {named(found) for found in of_kind(overlay, "ConfigMap")}
    asked = set(whole(overlay, "configMap"))
    assert asked
    assert asked <= there


def test_service_accounts_and_claims_are_there(overlay: str) -> None:
    accounts = {named(found) for found in of_kind(overlay, "ServiceAccount")}
    claims = {named(found) for found in of_kind(overlay, "PersistentVolumeClaim")}
    for pod in pods(overlay):
        assert (pod.namespace, pod.spec["serviceAccountName"]) in accounts
        for volume in pod.spec.get("volumes", []):
            if "persistentVolumeClaim" in volume:
                assert (pod.namespace, volume["persistentVolumeClaim"]["claimName"]) in claims


def test_services_reach_pods_by_ports_that_these_have(overlay: str) -> None:
    for service in of_kind(overlay, "Service"):
        behind = [
            pod
            for pod in pods(overlay)
            if pod.namespace == named(service)[0] and service["spec"]["selector"].items() <= pod.labels.items()
        ]
        assert behind, name_of(service)
        for port in service["spec"]["ports"]:
            assert all(port["targetPort"] in pod.ports for pod in behind), f"{name_of(service)}: {port}"


def test_ingresses_lead_to_services_that_are_there(overlay: str) -> None:
    there = services(overlay)
    hosts: list[str] = []
    for ingress in of_kind(overlay, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            hosts.append(rule["host"])
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                port = backend["port"].get("name", backend["port"].get("number"))
                assert port in there[named(ingress)[0], backend["name"]], name_of(ingress)
        assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"] for rule in ingress["spec"]["rules"]]
        issuer = ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"]
        assert ("", issuer) in {named(found) for found in of_kind(overlay, "ClusterIssuer")}
    assert len(hosts) == len(set(hosts)) == 4


def test_addresses_in_settings_are_those_of_services(overlay: str) -> None:
    there = services(overlay)
    found = list(addresses(text for item in of_kind(overlay, "ConfigMap") for text in strings(item["data"])))
    assert len(found) >= 5
    for text, (namespace, name), port in found:
        for model in models_of(ROOT, overlay):
            key: Named = (namespace.format(host=model), name)
            assert port in there.get(key, set()), text


def test_links_lead_to_the_hosts_of_the_site(overlay: str) -> None:
    told = next(f["data"] for f in of_kind(overlay, "ConfigMap") if named(f) == ("airflow", "settings"))
    hosts = {named(found)[0]: found["spec"]["rules"][0]["host"] for found in of_kind(overlay, "Ingress")}
    pages = {"airflow": "MLOPS_AIRFLOW_URI", "mlflow": "MLOPS_MLFLOW_PAGE_URI", "evidently": "MLOPS_REPORTS_PAGE_URI"}
    for namespace, setting in pages.items():
        assert told[setting] == f"https://{hosts[namespace]}"
    origins = next(f["data"] for f in of_kind(overlay, "ConfigMap") if named(f) == ("mlflow", "settings"))
    assert origins["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == told["MLOPS_MLFLOW_PAGE_URI"]


def test_kind_s_ports_lead_to_traefik_s(overlay: str) -> None:
    values = next(f["spec"]["values"] for f in of_kind(overlay, "HelmRelease") if named(f)[1] == "traefik")
    guide = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    mapped = {int(host): int(node) for node, host in re.findall(r"containerPort: (\d+), hostPort: (\d+)", guide)}
    ports = {443: values["ports"].get("websecure", {}), 80: values["ports"]["web"]}
    if overlay == "local":
        assert values["service"] == {"type": "NodePort"}  # the chart's `service.spec` may hold no type
        assert mapped == {host: port["nodePort"] for host, port in ports.items()}
    else:
        assert "service" not in values
        assert not any("nodePort" in port for port in ports.values())


def test_budgets_autoscalers_and_monitors_have_pods_to_look_after(overlay: str) -> None:
    for found in of_kind(overlay, "PodDisruptionBudget", "PodMonitor"):
        behind = [
            p for p in pods(overlay) if p.namespace == named(found)[0] and matches(found["spec"]["selector"], p.labels)
        ]
        assert behind, name_of(found)
        for endpoint in found["spec"].get("podMetricsEndpoints", []):
            assert all(endpoint["port"] in pod.ports for pod in behind)
    for found in of_kind(overlay, "HorizontalPodAutoscaler"):
        target = found["spec"]["scaleTargetRef"]
        there = [item for item in of_kind(overlay, target["kind"]) if named(item) == (named(found)[0], target["name"])]
        assert len(there) == 1
        assert "replicas" not in there[0]["spec"], "Flux and the autoscaler would undo each other"
        assert found["spec"]["minReplicas"] >= 2


def test_network_policies_name_ports_and_namespaces_that_are_there(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    for policy in policies:
        names = {name for pod in pods(overlay) if pod.namespace == named(policy)[0] for name in pod.ports}
        for rule in policy["spec"].get("ingress", []):
            assert {port["port"] for port in rule.get("ports", []) if isinstance(port["port"], str)} <= names
        for text in strings([policy["spec"].get("ingress", []), policy["spec"].get("egress", [])]):
            if text in namespaces("local"):
                assert text in namespaces(overlay) or text == "object-store", f"{name_of(policy)}: {text}"
    ours = {pod.namespace for pod in pods(overlay)} | {"airflow", "postgres"}
    assert ours == {named(policy)[0] for policy in policies}


def test_charts_come_from_sources_that_are_there(overlay: str) -> None:
    sources = {(found["kind"], *named(found)) for found in of_kind(overlay, "OCIRepository", "HelmRepository")}
    releases = {named(found) for found in of_kind(overlay, "HelmRelease")}
    used = set()
    for release in of_kind(overlay, "HelmRelease"):
        spec = release["spec"]
        source = spec.get("chartRef") or spec["chart"]["spec"]["sourceRef"]
        used.add((source["kind"], source.get("namespace", named(release)[0]), source["name"]))
        for need in spec.get("dependsOn", []):
            assert (need.get("namespace", named(release)[0]), need["name"]) in releases
    assert used == sources


def test_certificates_are_signed_by_issuers_that_are_there(overlay: str) -> None:
    issuers = {named(found)[1]: found for found in of_kind(overlay, "ClusterIssuer")}
    secrets = {found["spec"]["secretName"] for found in of_kind(overlay, "Certificate")}
    for found in of_kind(overlay, "Certificate"):
        assert found["spec"]["issuerRef"]["name"] in issuers
    authority = issuers["web"]["spec"].get("ca")
    assert (authority is None) == (overlay == "production")
    assert authority is None or authority["secretName"] in secrets


def test_databases_belong_to_roles_of_their_cluster(overlay: str) -> None:
    clusters = {
        named(found): {role["name"] for role in found["spec"]["managed"]["roles"]}
        for found in of_kind(overlay, "Cluster")
    }
    for found in of_kind(overlay, "Database"):
        assert found["spec"]["owner"] in clusters[named(found)[0], found["spec"]["cluster"]["name"]]


def test_mlflow_and_evidently_are_reached_by_their_login_only(overlay: str) -> None:
    for name in ("mlflow", "evidently"):
        pod = next(pod for pod in pods(overlay) if pod.namespace == name)
        assert {item["name"] for item in pod.spec["containers"]} == {"login", name}
        ingress = next(found for found in of_kind(overlay, "Ingress") if named(found)[0] == name)
        assert ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] == {"name": "login"}
        policy = next(found for found in of_kind(overlay, "NetworkPolicy") if named(found)[0] == name)
        from_outside = [rule for rule in policy["spec"]["ingress"] if "traefik" in list(strings(rule))]
        assert [rule["ports"] for rule in from_outside] == [[{"port": "login", "protocol": "TCP"}]]


def test_no_image_is_left_at_its_stand_in(overlay: str) -> None:
    images = {item["image"] for pod in pods(overlay) for item in pod.containers}
    assert not [image for image in images if image.startswith("mlops/")]


def test_the_release_file_decides_what_image_runs(overlay: str, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(GITOPS, tmp_path / "gitops")
    folder = tmp_path / "gitops" / "apps" / overlay / "predictions"
    image = f"registry.example.com/mlops/house-prices@sha256:{'1' * 64}"
    text = (folder / "house-prices/release.yaml").read_text()
    lines = [line.split(": ")[0] for line in text.splitlines()]
    values = {"  image": image, "  model": "house_prices", "  model-version": "12", "  data-version": "data-v1.2.0"}
    written = [
        f'{key}: "{values[key]}"' if key in values else line for key, line in zip(lines, text.splitlines(), strict=True)
    ]
    (folder / "house-prices/release.yaml").write_text("\n".join(written) + "\n")
    workload = next(found for found in render(folder) if found["kind"] in ("Deployment", "InferenceService"))
    spec = workload["spec"]
    labels = spec["template"]["metadata"]["labels"] if "template" in spec else spec["predictor"]["labels"]
    containers = spec["template"]["spec"]["containers"] if "template" in spec else spec["predictor"]["containers"]
    assert [item["image"] for item in containers] == [image]
    assert labels["mlops/model-version"] == "12"
    assert labels["mlops/data-version"] == "data-v1.2.0"
    assert errors_of(workload) == []


def test_a_second_model_is_a_copied_folder_and_two_lines(overlay: str, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(GITOPS, tmp_path / "gitops")
    folder = tmp_path / "gitops" / "apps" / overlay / "predictions"
    shutil.copytree(folder / "house-prices", folder / "flats")
    for path in (folder / "flats").iterdir():
        path.write_text(path.read_text().replace("house-prices", "flats").replace("house_prices", "flats"))
    with (folder / "kustomization.yaml").open("a") as file:
        file.write("  - flats\n")
    found = render(folder)
    assert {named(item)[0] for item in found} == {"flats", "house-prices"}
    assert [error for item in found for error in errors_of(item)] == []
    one = [item for item in found if named(item)[0] == "flats"]
    assert len(one) * 2 == len(found)
    assert "house" not in str(one)


def test_nothing_but_places_and_one_instance_is_told_of_a_model(overlay: str) -> None:
    """No schema and no parameter: a model's name is in its own folder, its namespace and its release only."""
    for path in GITOPS.glob("**/*.yaml"):
        if "house" in path.read_text(encoding="utf-8"):
            parts = path.relative_to(GITOPS).parts
            assert (
                "house-prices" in parts
                or parts[-1] == "models.yaml"
                or parts[-2:] == ("predictions", "kustomization.yaml")
            )
