"""The images, really built, pushed to a real registry, pulled by digest and run."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.bundle.format import read_metadata
from pipeline.contract import Contract
from pipeline.prediction_log import read_predictions
from pipeline.release_log import Release
from pipeline.settings import Settings
from serving.image import build, describe
from tests.chain import free_ports
from tests.serving.conftest import publish_release
from tests.system.engine import BASE, ROOT, Engine, engine_in, registry_in

MOST_BYTES = 200_000_000  # of the serving layer, without its Python base
HEAVY = ("airflow", "dvc", "evidently", "mlflow", "onnx", "pandas", "pip", "pyarrow", "scipy", "sklearn")
EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
SERVING = "localhost/mlops-serving:0.1.0"
# What a cluster asks of a container: nothing is written but the volume, nobody is root, nothing may be gained.
STRICT = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--user=10001",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Container tools with the base image."""
    with engine_in(tmp_path_factory.mktemp("engine")) as made:
        yield made


@pytest.fixture(scope="module")
def bill(engine: Engine) -> dict[str, Any]:
    """The bill of materials of the serving image, which is built here."""
    script = (sys.executable, "scripts/images.py", "serving", f"--base={BASE}", f"--folder={engine.folder}")
    engine.run(*script, seconds=500)
    return dict(json.loads((engine.folder / "serving.cdx.json").read_text()))


@pytest.fixture(scope="module")
def registry(engine: Engine) -> Iterator[str]:
    """A registry on this machine."""
    with registry_in(engine.folder / "registry") as host:
        yield host


@pytest.fixture(scope="module")
def base(engine: Engine, registry: str, bill: dict[str, Any]) -> str:
    """The serving base image in the registry, by its digest."""
    name, digests = f"{registry}/mlops-serving", engine.folder / "digest"
    engine.run("buildah", "push", "--tls-verify=false", f"--digestfile={digests}", SERVING, f"{name}:0.1.0")
    return f"{name}@{digests.read_text().strip()}"


@pytest.fixture(scope="module")
def images(engine: Engine, registry: str, base: str) -> Settings:
    """Settings that say where images are."""
    return Settings(
        project_dir=ROOT,
        state_dir=engine.folder / "state",
        image_base=base,
        image_repository=f"{registry}/models/{{model}}",
    )


@pytest.fixture(scope="module")
def released(images: Settings, small_contract: Contract) -> Path:
    """The folder of a release."""
    return publish_release(images, small_contract, 7)


@pytest.fixture(scope="module")
def release(released: Path) -> Release:
    """The release itself."""
    return Release.model_validate_json((released / "release.json").read_bytes())


@pytest.fixture(scope="module")
def model_image(engine: Engine, images: Settings, small_contract: Contract, release: Release, released: Path) -> str:
    """The model image that was put together in the registry, pulled by its digest."""
    image = build(images, small_contract, release, released)
    engine.run("podman", "pull", "--tls-verify=false", image)
    return image


@contextmanager
def running(engine: Engine, image: str, volume: Path, *options: str) -> Iterator[tuple[str, str]]:
    """Run a model image as a cluster would, and give the container's name and address once it is ready."""
    port = free_ports(1)[0]
    name = f"mlops-test-{port}"
    volume.mkdir(exist_ok=True)
    subprocess.run(["chown", "10001:10001", volume], check=True)
    mounted = f"--volume={volume}:/var/lib/mlops"
    placed = ("--network=host", f"--env=MLOPS_SERVING_PORT={port}", mounted)
    engine.run("podman", "run", "--detach", "--name", name, *STRICT, *placed, *options, image, "--host=127.0.0.1")
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while not is_ready(url):
            assert time.monotonic() < deadline, engine.run("podman", "logs", name).stderr
            time.sleep(0.05)
        yield name, url
    finally:
        engine.run("podman", "rm", "--force", "--time=1", name)


def is_ready(url: str) -> bool:
    """Whether the service answers predictions."""
    try:
        return httpx.get(f"{url}/health/ready").is_success
    except httpx.HTTPError:
        return False


def inspected(engine: Engine, image: str) -> dict[str, Any]:
    """Return what podman knows of an image."""
    return dict(json.loads(engine.run("podman", "image", "inspect", image).stdout)[0])


def in_image(engine: Engine, image: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run another command than the image's own in it."""
    options = ("--rm", "--network=host", *STRICT, f"--entrypoint={command[0]}")
    return engine.run("podman", "run", *options, image, *command[1:], check=check)


def test_the_serving_layer_is_small_and_its_image_says_what_it_is(engine: Engine, bill: dict[str, Any]) -> None:
    image, under = inspected(engine, SERVING), inspected(engine, BASE)
    assert 50_000_000 < image["Size"] - under["Size"] < MOST_BYTES
    assert image["Config"]["User"] == "10001:10001"
    assert list(image["Config"]["Volumes"]) == ["/var/lib/mlops"]
    assert image["Healthcheck"]["Test"][0] == "CMD"
    labels = {key.rpartition(".")[2]: value for key, value in image["Labels"].items()}
    assert (labels["version"], labels["licenses"]) == ("0.1.0", "Apache-2.0")
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", labels["revision"])


def test_the_serving_image_holds_what_it_needs_and_nothing_of_how_it_was_built(
    engine: Engine, bill: dict[str, Any]
) -> None:
    script = f"""
import importlib.util, json, os, pathlib
print(json.dumps([[name for name in {HEAVY} if importlib.util.find_spec(name)], os.getuid(), sorted(os.environ),
    [str(path) for path in pathlib.Path("/app").rglob("*") if os.access(path, os.W_OK)],
    [path.name for path in pathlib.Path("/run/secrets").glob("*")] if os.path.exists("/run/secrets") else []]))
"""
    heavy, user, environment, writable, secrets = json.loads(in_image(engine, SERVING, "python", "-c", script).stdout)
    assert (heavy, user, writable, secrets) == ([], 10001, [], [])
    assert not {"PIP_CERT", "SSL_CERT_FILE", "PIP_INDEX_URL", "UV_DEFAULT_INDEX"} & set(environment)
    history = engine.run("podman", "history", "--no-trunc", SERVING).stdout
    assert "certificates" not in history


def test_the_bill_of_materials_names_what_is_in_the_image(engine: Engine, bill: dict[str, Any]) -> None:
    script = "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions()]))"
    installed = json.loads(in_image(engine, SERVING, "python", "-c", script).stdout)
    named = {part["purl"].partition("?")[0] for part in bill["components"]}
    assert {f"pkg:pypi/{re.sub('[-_.]+', '-', name).lower()}@{version}" for name, version in installed} <= named
    locked = re.search(r"^onnxruntime==(\S+)", (ROOT / "requirements/serving.txt").read_text(), re.MULTILINE)
    assert locked is not None
    assert f"pkg:pypi/onnxruntime@{locked[1]}" in named
    assert any(name.startswith("pkg:deb/debian/libc6@") for name in named)
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", "0.1.0")


def test_without_a_release_the_base_image_says_what_is_missing(engine: Engine, bill: dict[str, Any]) -> None:
    ended = in_image(engine, SERVING, "python", "-m", "serving.service", check=False)
    assert ended.returncode == 1
    assert "/release/current/release.json: no release can be read here" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_model_image_is_one_layer_more_and_the_same_each_time(
    engine: Engine, images: Settings, small_contract: Contract, release: Release, released: Path, model_image: str
) -> None:
    lower, upper = inspected(engine, SERVING), inspected(engine, model_image)
    assert len(upper["RootFS"]["Layers"]) == len(lower["RootFS"]["Layers"]) + 1
    assert upper["RootFS"]["Layers"][:-1] == lower["RootFS"]["Layers"]
    again = release.model_copy(update={"reason": "rolled back", "approved_by": "somebody"})
    assert build(images, small_contract, again, released) == model_image
    told = describe(images, small_contract, model_image)
    assert told["image"] == model_image
    assert told["org.opencontainers.image.base.digest"] == images.image_base.partition("@")[2]
    assert (told["mlops.model-version"], told["mlops.data-version"]) == ("7", "data-v1.7.0")


def test_the_dockerfile_makes_the_like(
    engine: Engine, base: str, released: Path, model_image: str, tmp_path: Path
) -> None:
    build_ = ("buildah", "bud", "--format=docker", "--tls-verify=false", "--file=docker/model.Dockerfile")
    arguments = (f"--build-arg=BASE_IMAGE={base}", "--build-arg=MODEL=small", "--build-arg=VERSION=7")
    engine.run(*build_, *arguments, "--tag=localhost/small:7", released)
    by_file, by_registry = inspected(engine, "localhost/small:7"), inspected(engine, model_image)
    assert by_file["RootFS"]["Layers"][:-1] == by_registry["RootFS"]["Layers"][:-1]
    with running(engine, "localhost/small:7", tmp_path / "log") as (_, url):
        assert httpx.get(f"{url}/model").json()["version"] == 7


def test_it_answers_as_the_trained_model_on_a_read_only_root_as_nobody(
    engine: Engine, model_image: str, released: Path, tmp_path: Path
) -> None:
    smoke = read_metadata(released).smoke
    with running(engine, model_image, tmp_path / "log") as (name, url):
        for row in smoke:
            answer = httpx.post(f"{url}/predict", json=row.record).raise_for_status().json()
            assert answer["prediction"] == pytest.approx(row.prediction, rel=1e-4)
            assert answer["model_version"] == 7
        assert engine.run("podman", "healthcheck", "run", name).returncode == 0
        told = engine.run("podman", "logs", name)
    assert "Read-only" not in told.stdout + told.stderr
    assert "telemetry" not in told.stdout + told.stderr


def test_what_was_answered_before_it_is_stopped_is_in_the_log(
    engine: Engine, model_image: str, record: dict[str, Any], tmp_path: Path
) -> None:
    answered: list[str] = []
    failed: list[int] = []
    with running(engine, model_image, tmp_path / "log") as (name, url):
        thread = threading.Thread(target=lambda: ask(url, record, answered, failed))
        thread.start()
        while len(answered) < 50:
            time.sleep(0.02)
        engine.run("podman", "stop", "--time=20", name)
        thread.join()
        assert engine.run("podman", "inspect", "--format={{.State.ExitCode}}", name).stdout.strip() in ("0", "143")
    logged = [row["id"] for row in read_predictions(tmp_path / "log" / "predictions" / "small.db", **EVER)]
    assert failed == []
    assert set(answered) <= set(logged)


def ask(url: str, record: dict[str, Any], answered: list[str], failed: list[int]) -> None:
    """Ask until the service is gone."""
    with httpx.Client(base_url=url) as http:
        try:
            while True:
                response = http.post("/predict", json=record)
                answered.append(response.json()["id"]) if response.is_success else failed.append(response.status_code)
        except httpx.HTTPError:
            return


def test_production_asks_for_keys_and_for_nothing_else(engine: Engine, model_image: str, tmp_path: Path) -> None:
    production = "--env=MLOPS_ENVIRONMENT=production"
    refused = engine.run("podman", "run", "--rm", *STRICT, "--network=host", production, model_image, check=False)
    assert refused.returncode == 1
    assert "in production these must be set: MLOPS_API_KEYS\n" in refused.stderr
    keys = f"--env=MLOPS_API_KEYS={json.dumps({'website': '0' * 64})}"
    with running(engine, model_image, tmp_path / "log", production, keys) as (_, url):
        assert httpx.post(f"{url}/predict", json={}).status_code == 401


@pytest.fixture
def record() -> dict[str, Any]:
    """A record that the small contract allows."""
    from tests.serving.conftest import RECORD

    return dict(RECORD)
