"""Model images without an engine: names, layers, logins, and a registry that is not always kind."""

import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.bundle.format import BundleError
from pipeline.connection import Connection
from pipeline.contract import Contract
from pipeline.release_log import Release
from pipeline.settings import Settings
from serving.errors import ImageError, RegistryAwayError
from serving.image import build, describe
from serving.image_layer import release_layer
from serving.image_reference import parse
from serving.image_registry import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Repository
from tests.serving.conftest import publish_release

ROOT = Path(__file__).resolve().parents[2]
DIGEST = f"sha256:{'a' * 64}"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Shelf:
    """A registry in memory, with a token server beside it, that can be told to misbehave."""

    def __init__(self, login: str = "") -> None:
        self.login = login  # `name:password` in Base64; who has it gets a token
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.asked: list[str] = []
        self.fail: dict[str, int] = {}  # how often requests that begin so are answered with 503
        self.mounts = True
        self.host = ""

    def add(self, repository: str, content: bytes) -> dict[str, Any]:
        self.blobs.setdefault(repository, {})[digest_of(content)] = content
        return {"digest": digest_of(content), "size": len(content)}

    def add_manifest(self, repository: str, tag: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(content).encode()
        for name in (tag, digest_of(body)):
            self.manifests[f"{repository}/{name}"] = (kind, body)
        return {"digest": digest_of(body), "size": len(body), "mediaType": kind}

    def add_base(self, kind: str = OCI_MANIFEST, platform: str = "amd64", **running: Any) -> dict[str, Any]:
        archive = b"what the base holds" * 100
        running = {"Env": ["MLOPS_RELEASES_DIR=/release"], "Labels": {"revision": "abc"}, **running}
        rootfs = {"type": "layers", "diff_ids": [digest_of(archive)]}
        config = {"os": "linux", "architecture": platform, "config": running, "rootfs": rootfs}
        layers = [self.add("base", gzip.compress(archive, mtime=0))]
        stored = self.add("base", json.dumps(config).encode())
        return self.add_manifest("base", "1", kind, {"schemaVersion": 2, "config": stored, "layers": layers})


@contextmanager
def served(shelf: Shelf) -> Iterator[Shelf]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"shelf": shelf}))
    shelf.host = f"127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield shelf
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shelf: Shelf

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url, shelf = urlsplit(self.path), self.shelf
        query = {key: value[0] for key, value in parse_qs(url.query).items()}
        shelf.asked.append(f"{self.command} {url.path}")
        for prefix, left in shelf.fail.items():
            if f"{self.command} {url.path}".startswith(prefix) and left:
                shelf.fail[prefix] -= 1
                return self.answer(503, b"later")
        if url.path == "/token":
            known = self.headers.get("Authorization") == f"Basic {shelf.login}"
            return self.answer(200 if known else 401, b'{"token": "let-me-in"}')
        if shelf.login and self.headers.get("Authorization") != "Bearer let-me-in":
            challenge = f'Bearer realm="http://{shelf.host}/token",service="s",scope="repository:x:pull,push"'
            return self.answer(401, b"who are you", {"WWW-Authenticate": challenge})
        repository, kind, name = re.fullmatch(r"/v2/(.+)/(blobs|manifests)/(.+)", url.path).groups()  # type: ignore[union-attr]
        return (self.manifest if kind == "manifests" else self.blob)(repository, name, query, body)

    def manifest(self, repository: str, name: str, _: dict[str, str], body: bytes) -> None:
        if self.command == "PUT":
            for key in (name, digest_of(body)):
                self.shelf.manifests[f"{repository}/{key}"] = (self.headers["Content-Type"], body)
            return self.answer(201, b"", {"Docker-Content-Digest": digest_of(body)})
        kind, content = self.shelf.manifests.get(f"{repository}/{name}", ("", b""))
        return self.answer(200 if kind else 404, content, {"Content-Type": kind})

    def blob(self, repository: str, name: str, query: dict[str, str], body: bytes) -> None:
        held = self.shelf.blobs.setdefault(repository, {})
        if self.command == "POST":
            source = self.shelf.blobs.get(query.get("from", ""), {})
            if self.shelf.mounts and query.get("mount") in source:
                held[query["mount"]] = source[query["mount"]]
                return self.answer(201)
            return self.answer(202, b"", {"Location": f"/v2/{repository}/blobs/uploads/1?state=a%2Fb"})
        if self.command == "PUT":
            right = query["state"] == "a/b" and query["digest"] == digest_of(body)
            held[query["digest"]] = body
            return self.answer(201 if right else 400)
        return self.answer(200 if name in held else 404, held.get(name, b""))

    def answer(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)

    def log_message(self, *_: Any) -> None:
        pass


for _method in ("GET", "PUT", "HEAD", "POST"):
    setattr(_Handler, f"do_{_method}", _Handler.handle_request)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with served(Shelf()) as started:
        started.add_base()
        yield started


@pytest.fixture
def released(settings: Settings, small_contract: Contract) -> Path:
    return publish_release(settings, small_contract, 3)


@pytest.fixture
def release(released: Path) -> Release:
    return Release.model_validate_json((released / "release.json").read_bytes())


def images_of(settings: Settings, shelf: Shelf, base: str = "base:1", **more: Any) -> Settings:
    places = {"image_base": f"{shelf.host}/{base}", "image_repository": f"{shelf.host}/models/{{model}}"}
    return settings.model_copy(update={**places, **more})


@pytest.mark.parametrize(
    ("text", "whole", "address"),
    [
        ("python", "docker.io/library/python", "https://registry-1.docker.io/v2/"),
        ("me/app:1.2", "docker.io/me/app:1.2", "https://registry-1.docker.io/v2/"),
        (f"ghcr.io/me/app:1@{DIGEST}", f"ghcr.io/me/app:1@{DIGEST}", "https://ghcr.io/v2/"),
        ("registry:5000/app", "registry:5000/app", "https://registry:5000/v2/"),
        ("localhost/app", "localhost/app", "http://localhost/v2/"),
        ("127.0.0.1:5000/a/b-c__d", "127.0.0.1:5000/a/b-c__d", "http://127.0.0.1:5000/v2/"),
        ("[::1]:5000/a", "[::1]:5000/a", "http://[::1]:5000/v2/"),
        ("127.0.0.1.example.org/a", "127.0.0.1.example.org/a", "https://127.0.0.1.example.org/v2/"),
    ],
)
def test_a_name_of_an_image_is_read_as_engines_read_it(text: str, whole: str, address: str) -> None:
    reference = parse(text)
    assert (str(reference), reference.address) == (whole, address)


@pytest.mark.parametrize("text", ["", "A/b", "a b", "a/B", "https://host/a", "a@sha256:1", "a:", "a//b", "host:1/"])
def test_what_is_no_name_of_an_image_is_refused(text: str) -> None:
    with pytest.raises(ImageError, match="is no name of an image"):
        parse(text)


def test_the_layer_holds_the_release_alone_and_is_the_same_bytes_each_time(released: Path, release: Release) -> None:
    first = release_layer(released, release, "/release")
    (released / "more.txt").write_text("not of the bundle")
    (released / "model.onnx").touch()
    again = release_layer(released, release.model_copy(update={"reason": "other", "image": DIGEST}), "/release")
    assert (first.content, first.diff_id) == (again.content, again.diff_id)
    archive = gzip.decompress(first.content)
    assert digest_of(archive) == first.diff_id
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        entries = {entry.name: (entry.uid, oct(entry.mode), entry.mtime) for entry in files}
        names = ("contract.json", "metadata.json", "model.onnx", "release.json")
        expected = {f"release/current/{name}": (0, "0o644", 0) for name in names}
        assert entries == {"release": (0, "0o755", 0), "release/current": (0, "0o755", 0), **expected}
        kept = files.extractfile("release/current/release.json")
        assert kept is not None
        assert Release.model_validate_json(kept.read()).version == 3


def test_another_bundle_than_the_released_one_is_refused(released: Path, release: Release) -> None:
    (released / "model.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match="its digest is"):
        release_layer(released, release, "/release")


@pytest.mark.parametrize("kind", [OCI_MANIFEST, DOCKER_MANIFEST])
@pytest.mark.parametrize("mounts", [True, False])
def test_an_image_is_the_base_with_one_layer_more(
    settings: Settings, small_contract: Contract, released: Path, release: Release, kind: str, mounts: bool
) -> None:
    with served(Shelf()) as shelf:
        base = shelf.add_base(kind)
        shelf.mounts = mounts
        given = images_of(settings, shelf)
        image = build(given, small_contract, release, released)
        assert build(given, small_contract, release, released) == image
        stored, body = shelf.manifests[f"models/small/{image.partition('@')[2]}"]
        manifest, blobs = json.loads(body), shelf.blobs["models/small"]
        assert stored == kind == manifest["mediaType"]
        assert len(manifest["layers"]) == 2
        assert {layer["digest"] for layer in manifest["layers"]} <= blobs.keys()
        config = json.loads(blobs[manifest["config"]["digest"]])
        assert len(config["rootfs"]["diff_ids"]) == 2
        labels = config["config"]["Labels"]
        assert labels["revision"] == "abc"
        assert labels["org.opencontainers.image.base.digest"] == base["digest"]
        assert ("annotations" in manifest) == (kind == OCI_MANIFEST)
        assert describe(given, small_contract, image)["mlops.model-version"] == "3"
        tags = [name for name in shelf.manifests if name.startswith("models/small/small-3-")]
        assert len(tags) == 1


def test_of_an_index_the_platforms_image_is_taken(
    settings: Settings, small_contract: Contract, released: Path, release: Release, shelf: Shelf
) -> None:
    arm = {**shelf.add_base(platform="arm64"), "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    intel = {**shelf.add_base(), "platform": {"os": "linux", "architecture": "amd64"}}
    shelf.add_manifest("base", "all", OCI_INDEX, {"schemaVersion": 2, "manifests": [arm, intel]})
    for platform, base in (("linux/amd64", intel), ("linux/arm64", arm)):
        given = images_of(settings, shelf, "base:all", image_platform=platform)
        image = build(given, small_contract, release, released)
        assert (
            describe(given.model_copy(update={"image_platform": platform}), small_contract, image)[
                "org.opencontainers.image.base.digest"
            ]
            == (base["digest"])
        )
    with pytest.raises(ImageError, match=r"is not made for linux/s390x .*, but for: linux/arm64/v8, linux/amd64"):
        build(images_of(settings, shelf, "base:all", image_platform="linux/s390x"), small_contract, release, released)


def test_a_login_gets_a_token_and_a_wrong_one_is_said(
    settings: Settings, small_contract: Contract, released: Path, release: Release
) -> None:
    with served(Shelf(login="bWU6c2VjcmV0")) as shelf:  # me:secret
        shelf.add_base()
        given = images_of(settings, shelf, connections={"images": Connection(login="me", password="secret")})  # noqa: S106
        assert "@sha256:" in build(given, small_contract, release, released)
        wrong = images_of(settings, shelf, connections={"images": Connection(login="me", password="guess")})  # noqa: S106
        with pytest.raises(ImageError, match="check the login") as refused:
            build(wrong, small_contract, release, released)
        assert "guess" not in str(refused.value)


def test_a_token_is_not_asked_for_in_the_clear_on_another_host(shelf: Shelf) -> None:
    shelf.login, real = "x", shelf.host
    shelf.host = "registry.example.org"  # what the challenge names
    with (
        Repository(parse(f"{real}/base:1"), Connection(login="me")) as repository,
        pytest.raises(ImageError, match="which is not https"),
    ):
        repository.manifest(parse("localhost/base:1"))


def test_a_registry_that_is_away_for_a_moment_is_asked_again(
    settings: Settings, small_contract: Contract, released: Path, release: Release, shelf: Shelf
) -> None:
    shelf.mounts = False
    shelf.fail = {"GET /v2/base/manifests": 1, "PUT /v2/models/small/blobs": 1, "PUT /v2/models/small/manifests": 2}
    assert "@sha256:" in build(images_of(settings, shelf), small_contract, release, released)
    shelf.fail = {"GET": 99}
    with pytest.raises(RegistryAwayError, match="status 503: later") as away:
        build(images_of(settings, shelf), small_contract, release, released)
    assert away.value.transient


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"image_repository": ""}, "MLOPS_IMAGE_REPOSITORY is not set"),
        ({"image_base": ""}, "MLOPS_IMAGE_BASE is not set"),
        ({"image_repository": "host.example/models:1"}, "names one image; write registry/name without :tag"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(
    settings: Settings,
    small_contract: Contract,
    released: Path,
    release: Release,
    shelf: Shelf,
    more: dict[str, str],
    message: str,
) -> None:
    with pytest.raises(ImageError, match=message):
        build(images_of(settings, shelf, **more), small_contract, release, released)


def test_a_base_that_is_not_there_or_serves_nothing_is_named(
    settings: Settings, small_contract: Contract, released: Path, release: Release, shelf: Shelf
) -> None:
    with pytest.raises(ImageError, match=r"manifests/none: refused with status 404"):
        build(images_of(settings, shelf, "base:none"), small_contract, release, released)
    shelf.add_base(Env=["PATH=/bin"])
    with pytest.raises(ImageError, match="is no serving base image: it sets no MLOPS_RELEASES_DIR"):
        build(images_of(settings, shelf), small_contract, release, released)


@pytest.mark.parametrize("path", sorted(ROOT.glob("docker/*.Dockerfile")), ids=lambda path: path.name)
def test_the_dockerfiles_linter_finds_nothing(path: Path) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
