"""A release in a cluster, with everything real but the cluster: overlay, rendering by kubectl, images, service.

A stand-in for Flux renders what the branch's head says, pulls the image that the pods ask for, and lets the local
service serve what is in it.
"""

import gzip
import io
import json
import shutil
import tarfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from pipeline import model_registry
from pipeline.contract import Contract
from pipeline.errors import NothingToDo
from pipeline.git import Change, clone, commit_and_push, ensure_repository, git
from pipeline.git_tree import references
from pipeline.release_history import release_history
from pipeline.settings import Settings
from serving.errors import ReleaseError
from serving.reconcile import reconcile, switch
from tests.gitops.cluster import named, render
from tests.gitops.manifests import GITOPS
from tests.serving.conftest import MODEL, eventually, service_process
from tests.serving.releasing import fresh, going_on, take_way, two_versions
from tests.serving.test_image import Shelf, images_of, served

OVERLAY = "gitops/apps/local/predictions"
PERSON = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


class Flux:
    """Does for one service what Flux and the kubelet do: Git's head, rendered, its image pulled, its pods started."""

    def __init__(self, settings: Settings, shelf: Shelf, releases: Path) -> None:
        self._settings, self._shelf, self._releases = settings, shelf, releases
        self._seen: str | None = None
        self.paused = False

    def look(self) -> None:
        head, _ = references(self._settings.place("gitops_uri"), "main")
        if self.paused or head == self._seen:
            return
        with clone(self._settings.place("gitops_uri"), "main") as work:
            found = render(work / OVERLAY)
        (pods,) = [one for one in found if one["kind"] == "Deployment" and named(one)[0] == MODEL]
        digest = pods["spec"]["template"]["spec"]["containers"][0]["image"].partition("@")[2]
        if set(digest) != set("sha256:0"):  # before the first release pods wait for an image
            switch(self._pulled(digest))
        self._seen = head

    def _pulled(self, digest: str) -> Path:
        """Unpack the image's last layer, the release, as a container would find it."""
        folder = self._releases / digest.partition(":")[2][:12]
        layer = json.loads(self._shelf.manifests[f"models/{MODEL}/{digest}"][1])["layers"][-1]["digest"]
        archive = io.BytesIO(gzip.decompress(self._shelf.blobs[f"models/{MODEL}"][layer]))
        with tarfile.open(fileobj=archive) as content:
            content.extractall(folder.with_suffix(".image"), filter="data")
        if not folder.exists():
            (folder.with_suffix(".image") / "release" / "current").rename(folder)
        return folder


def following(flux: Flux) -> AbstractContextManager[None]:
    def run(stopped: threading.Event) -> None:
        while not stopped.wait(0.1):
            flux.look()

    return going_on(run)


def fork(settings: Settings) -> None:
    """Make the release repository: this project's manifests, with a second model by the guide's own steps."""
    uri = settings.place("gitops_uri")
    ensure_repository(uri, "main")

    def edit(work: Path) -> Change:
        shutil.copytree(GITOPS, work / "gitops")
        shutil.copytree(work / OVERLAY / "house-prices", work / OVERLAY / MODEL)
        for path in (work / OVERLAY / MODEL).iterdir():
            path.write_text(path.read_text().replace("house-prices", MODEL).replace("house_prices", MODEL))
        with (work / OVERLAY / "kustomization.yaml").open("a") as file:
            file.write(f"  - {MODEL}\n")
        return Change("Begin")

    commit_and_push(uri, "main", "Ada <ada@example.org>", edit)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract) -> Settings:
    """A model registry with two versions."""
    return two_versions(tmp_path_factory.mktemp("stock"), small_contract)


Cluster = tuple[Settings, Flux, Shelf]


@pytest.fixture
def cluster(stock: Settings, small_contract: Contract, tmp_path: Path) -> Iterator[Cluster]:
    """The pipeline's settings as in a cluster, what follows Git there, and the registry of images."""
    releases = tmp_path / "pods"
    releases.mkdir()
    own = fresh(stock, tmp_path).model_copy(update={"gitops_overlay": "local", "releases_dir": ""})
    with (
        served(Shelf()) as shelf,
        service_process(own, small_contract, RELEASES_DIR=releases, STATE_DIR=tmp_path / "pod") as (_, url),
    ):
        shelf.add_base()
        settings = images_of(own, shelf, service_uri=url, ready_seconds=60)
        fork(settings)
        flux = Flux(settings, shelf, releases)
        with following(flux):
            yield settings, flux, shelf


def running(settings: Settings) -> int | None:
    return httpx.get(f"{settings.place('service_uri', MODEL)}/model").json().get("version")


def versions(settings: Settings) -> list[int | None]:
    return [period.release and period.release.version for period in release_history(settings, MODEL)]


def test_a_revert_of_a_release_commit_alone_is_a_rollback(cluster: Cluster, small_contract: Contract) -> None:
    settings, _, shelf = cluster
    for version in (1, 2):
        assert take_way(settings, small_contract, version, f"run-{version}").version == version
    assert running(settings) == model_registry.champion(settings, MODEL) == 2
    assert int(git("-C", settings.place("gitops_uri"), "rev-list", "--count", "main")) == 3

    with clone(settings.place("gitops_uri"), "main", depth=None) as work:
        git(*PERSON, "revert", "--no-edit", "HEAD", cwd=work)
        git("push", "--quiet", "origin", "HEAD:main", cwd=work)

    eventually(lambda: running(settings) == 1, 30)
    assert reconcile(settings, MODEL).version == model_registry.champion(settings, MODEL) == 1
    assert versions(settings) == [1, 2, 1]
    assert release_history(settings, MODEL)[0].approved_by == "Ada <ada@example.org>"

    images = len(shelf.manifests)
    take_way(settings, small_contract, 2, "run-3", "The complaints were about the page.")
    assert running(settings) == model_registry.champion(settings, MODEL) == 2
    assert len(shelf.manifests) == images, "what was live before keeps its image"


def test_a_first_release_that_is_reverted_leaves_no_champion(cluster: Cluster, small_contract: Contract) -> None:
    settings, _, _ = cluster
    take_way(settings, small_contract, 1, "run-1")
    with clone(settings.place("gitops_uri"), "main", depth=None) as work:
        git(*PERSON, "revert", "--no-edit", "HEAD", cwd=work)
        git("push", "--quiet", "origin", "HEAD:main", cwd=work)

    # As a pod is told: the folder of releases is left at its default, and nobody reads it.
    with pytest.raises(NothingToDo, match="Git names no release"):
        reconcile(settings.model_copy(update={"releases_dir": "{state}/releases/{model}"}), MODEL)

    assert model_registry.champion(settings, MODEL) is None


def test_a_release_that_the_cluster_does_not_take_up_is_taken_back(cluster: Cluster, small_contract: Contract) -> None:
    settings, flux, _ = cluster
    take_way(settings, small_contract, 1, "run-1")
    flux.paused = True

    with pytest.raises(ReleaseError, match=r"did not take up version 2 within 2 s.*version 1 is live by commit"):
        take_way(settings.model_copy(update={"ready_seconds": 2}), small_contract, 2, "run-2")

    flux.paused = False
    assert versions(settings) == [1, 2, 1]
    assert reconcile(settings, MODEL).version == running(settings) == 1
    assert model_registry.champion(settings, MODEL) == 1


def test_a_first_release_that_is_taken_back_leaves_the_overlay_as_it_was(
    cluster: Cluster, small_contract: Contract
) -> None:
    settings, flux, _ = cluster
    flux.paused = True

    with pytest.raises(ReleaseError, match="nothing is live by commit"):
        take_way(settings.model_copy(update={"ready_seconds": 2}), small_contract, 1, "run-1")

    after, _, before = git("-C", settings.place("gitops_uri"), "log", "--format=%T").splitlines()
    assert after == before
