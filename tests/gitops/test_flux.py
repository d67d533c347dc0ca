"""What Flux is told: paths that are there, an order without circles, pinned versions, nothing that updates itself."""

import re
import shutil
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from tests.gitops.manifests import GITOPS, OVERLAYS, ROOT, Manifest, errors_of, read

FILES = sorted(path for path in GITOPS.glob("**/*.yaml") if "monitoring" not in path.relative_to(GITOPS).parts[:1])
TINY = 14  # lines of an overlay's kustomization.yaml
EXACT = re.compile(r"^v?\d+\.\d+\.\d+$")


def steps_of(overlay: str) -> dict[str, Manifest]:
    return {found["metadata"]["name"]: found for found in read(GITOPS / "clusters" / overlay / "platform.yaml")}


def named(kinds: tuple[str, ...]) -> list[tuple[Path, Manifest]]:
    return [(path, found) for path in FILES for found in read(path) if found.get("kind") in kinds]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_step_of_a_cluster_is_valid_and_says_how_long_it_may_take(overlay: str) -> None:
    for step in steps_of(overlay).values():
        assert errors_of(step) == []
        spec = step["spec"]
        assert (spec["prune"], spec["wait"]) == (True, True), step["metadata"]["name"]
        assert {"interval", "timeout"} <= set(spec), step["metadata"]["name"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_steps_wait_for_each_other_in_an_order_without_circles(overlay: str) -> None:
    steps = steps_of(overlay)
    graph = {name: {need["name"] for need in step["spec"].get("dependsOn", [])} for name, step in steps.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == set(steps), "a step waits for one that is not there"
    wanted = ["namespaces", "secrets", "infrastructure-controllers", "infrastructure-configs", "predictions"]
    assert [name for name in order if name in wanted] == wanted


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_steps_apply_folders_that_are_there(overlay: str) -> None:
    paths = {name: step["spec"]["path"] for name, step in steps_of(overlay).items()}
    assert paths.pop("secrets") == f"./gitops/secrets/{overlay}"  # made by `mlops secrets make`
    for path in paths.values():
        assert (ROOT / path / "kustomization.yaml").is_file(), path


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_decrypted_by_sops(overlay: str) -> None:
    decryption = steps_of(overlay)["secrets"]["spec"]["decryption"]
    assert decryption == {"provider": "sops", "secretRef": {"name": "sops-age"}}


def test_a_cluster_folder_leaves_flux_its_own_kustomization() -> None:
    """With a kustomization.yaml of ours in it, Flux would prune itself."""
    assert not list(GITOPS.glob("clusters/*/kustomization.yaml"))


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "kustomization.yaml"], ids=str)
def test_a_kustomization_names_files_that_are_there_and_every_file_beside_it(path: Path) -> None:
    found = read(path)[0]
    patches = [patch["path"] for patch in found.get("patches", [])]
    named_here = [*found.get("resources", []), *found.get("components", []), *patches]
    for name in named_here:
        assert (path.parent / name).exists(), name
    beside = {other.name for other in path.parent.glob("*.yaml")} - {"kustomization.yaml"}
    assert beside <= set(named_here), "a file that nothing applies"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_are_tiny(overlay: str) -> None:
    for path in FILES:
        if overlay in path.relative_to(GITOPS).parts and path.name == "kustomization.yaml":
            assert len(path.read_text(encoding="utf-8").splitlines()) <= TINY, path


@pytest.mark.parametrize(("path", "found"), named(("HelmRelease", "OCIRepository")), ids=lambda found: str(found)[-40:])
def test_charts_are_pinned_to_one_version(path: Path, found: Manifest) -> None:
    spec: dict[str, Any] = found["spec"]
    version = spec.get("ref", {}).get("tag") or spec.get("chart", {}).get("spec", {}).get("version")
    if found["kind"] == "OCIRepository" or "chart" in spec:
        assert EXACT.match(version or "none"), version
        assert "semver" not in spec.get("ref", {})


def test_where_a_version_was_looked_up_and_what_was_not_verified_stands_beside_it() -> None:
    third = [
        path
        for path in FILES
        if re.search(r"(  image: (docker|quay|ghcr)|imageName:|  tag: v?\d|version: \d)", path.read_text())
    ]
    assert len(third) >= 8
    for path in third:
        if path.name != "buckets.yaml":  # the image of its neighbour
            assert re.search(r"^#.*not verified here", path.read_text(encoding="utf-8"), re.M | re.I), path


def test_images_have_a_version_or_a_digest_and_none_is_called_latest() -> None:
    for path in FILES:
        for image in re.findall(
            r"^\s*-?\s*(?:image|imageName|pipeline-image): \"?([^\s\"{]+)", path.read_text(encoding="utf-8"), re.M
        ):
            if image not in ("mlops/pipeline", "mlops/predictions"):  # the overlay's site and release say which
                assert re.search(r"(@sha256:[0-9a-f]{64}|:v?\d[\w.-]*)$", image), f"{path}: {image}"


def test_flux_updates_no_image_itself() -> None:
    kinds = {found.get("kind") for path in FILES for found in read(path)}
    assert kinds.isdisjoint({"ImageUpdateAutomation", "ImagePolicy", "ImageRepository"})


def test_what_the_guide_has_replaced_is_all_that_is_example_of_the_local_cluster(tmp_path: Path) -> None:
    """Runs the guide's own commands on a copy."""
    guide = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    commands = [line.strip() for line in guide.splitlines() if re.match(r" +(sed -i '|grep -rl )", line)]
    assert len(commands) == 2
    shutil.copytree(GITOPS, tmp_path / "gitops")
    for command in commands:
        subprocess.run(["bash", "-ec", command], cwd=tmp_path, check=True)
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "gitops/apps/local").rglob("*.yaml")]
    assert not [line for text in texts for line in text.splitlines() if "example" in line]
    assert "git@github.com:YOU/FORK.git" in "".join(texts)
    assert "git@github.com:YOU/{model}-data.git" in "".join(texts)
    placeholder = re.search(r"s/(age1-[a-z-]+)/", guide)
    assert placeholder
    assert (ROOT / ".sops.yaml").read_text(encoding="utf-8").count(placeholder[1]) == 1
