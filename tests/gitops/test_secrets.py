"""Secrets: none in the tree, made once, consistent with each other, and never written unless sops encrypted them."""

import base64
import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.cluster.secrets import make, models_of
from cli.cluster.table import entries
from cli.cluster.values import VALUES, Values
from cli.commands.secrets import app
from cli.errors import ClusterError
from pipeline.settings import ServiceSettings, Settings, load_settings
from tests.gitops.manifests import GITOPS, OVERLAYS, ROOT, read

# A stand-in for sops with its command line: "encrypts" by base64, by the same rules as to what it must be given.
FAKE = """#!/usr/bin/env python3
import base64, sys, yaml
if sys.argv[1] == "encrypt":
    assert sys.argv[2:4] == ["--filename-override", sys.argv[3]] and sys.argv[-1] == "/dev/stdin", sys.argv
    found = yaml.safe_load(sys.stdin)
    turn = lambda text: "ENC[" + base64.b64encode(text.encode()).decode() + "]"
    found["sops"] = {"version": "fake"}
else:
    found = yaml.safe_load(open(sys.argv[-1]))
    turn = lambda text: base64.b64decode(text[4:-1]).decode()
found["stringData"] = {key: turn(text) for key, text in found["stringData"].items()}
yaml.safe_dump(found, sys.stdout)
"""
CARELESS = "#!/bin/sh\ncat\n"
REFUSES = "#!/bin/sh\necho 'no matching creation rules found' >&2; exit 1\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the overlays' folders and two models, and the stand-in on PATH."""
    return new_project(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Values, list[Path]]:
    """Such a project with all secrets of both overlays; the local ones' values and files."""
    with pytest.MonkeyPatch.context() as patch:
        folder = new_project(tmp_path_factory.mktemp("finished"), patch)
        values, written = make(folder, "local", about_the_registry)
        make(folder, "production", lambda _: "given")
    return folder, values, written


def new_project(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    for overlay in OVERLAYS:
        for model in ("flats", "house-prices"):
            path = folder / "gitops/apps" / overlay / "predictions" / model / "kustomization.yaml"
            path.parent.mkdir(parents=True)
            path.touch()
    patch.setenv("MLOPS_PROJECT_DIR", str(folder))
    install(folder, patch, FAKE)
    return folder


def install(project: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    program = project / "bin" / "sops"
    program.parent.mkdir(exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/local/bin:/usr/bin:/bin")


def about_the_registry(what: str) -> str:
    assert "registry" in what, f"asked for {what}"
    return f"what stands for {what}"


def made(project: Path, overlay: str) -> dict[tuple[str, str], dict[str, str]]:
    folder = project / "gitops/secrets" / overlay
    names = {path: path.stem.split(".", 1) for path in sorted(folder.glob("*.yaml"))}
    return {(names[path][0], names[path][1]): opened(path) for path in names}


def opened(path: Path) -> dict[str, str]:
    """Return what the stand-in encrypted, without the time that a program takes to start."""
    found = yaml.safe_load(path.read_text())["stringData"]
    return {key: base64.b64decode(text[4:-1]).decode() for key, text in found.items()}


def test_no_secret_in_the_tree_is_in_plain_text() -> None:
    for path in [*GITOPS.glob("**/*.y*ml"), *GITOPS.glob("**/*.json")]:
        for found in read(path):
            if found.get("kind") == "Secret":
                assert "sops" in found, f"{path}: not encrypted"
                values = [*found.get("data", {}).values(), *found.get("stringData", {}).values()]
                assert all(str(value).startswith("ENC[") or not value for value in values), path
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not [name for name in tracked.splitlines() if name.endswith((".agekey", "id_ed25519", ".pem"))]


def test_sops_has_a_rule_for_every_overlay_that_encrypts_data_only() -> None:
    rules = yaml.safe_load((ROOT / ".sops.yaml").read_text(encoding="utf-8"))["creation_rules"]
    for overlay in OVERLAYS:
        matching = [
            rule for rule in rules if re.search(rule["path_regex"], f"gitops/secrets/{overlay}/mlflow.login.yaml")
        ]
        assert [rule["encrypted_regex"] for rule in matching] == ["^(data|stringData)$"]
        assert "age" in matching[0]


def test_locally_everything_is_made_but_what_the_registry_knows(finished: tuple[Path, Values, list[Path]]) -> None:
    _, _, written = finished
    assert {path.name for path in written} == {
        f"{e.namespace}.{e.name}.yaml" for e in entries("local", ["flats", "house-prices"])
    }
    assert "flats.mlops.yaml" in {path.name for path in written}
    for path in written:
        found = yaml.safe_load(path.read_text())
        assert found["metadata"]["namespace"], path
        assert all(value.startswith("ENC[") for value in found["stringData"].values()), path


def test_each_value_that_two_sides_need_is_the_same_on_both(finished: tuple[Path, Values, list[Path]]) -> None:
    found = made(finished[0], "local")
    for name, namespace, key, secret in (
        ("airflow", "airflow", "connection", "airflow-metadata"),
        ("mlflow", "mlflow", "MLFLOW_BACKEND_STORE_URI", "mlflow-database"),
    ):
        password = found["postgres", f"postgres-{name}"]["password"]
        assert f"//{name}:{password}@postgres-rw.postgres.svc:5432/{name}?" in found[namespace, secret][key].replace(
            "+psycopg2", ""
        )
    service_key = found["airflow", "mlops"]["MLOPS_SERVICE_KEY"]
    for model in ("flats", "house-prices"):
        keys = json.loads(found[model, "mlops"]["MLOPS_API_KEYS"])
        assert keys == {"pipeline": hashlib.sha256(service_key.encode()).hexdigest()}
        pipeline = json.loads(found["airflow", "mlops"]["MLOPS_CONNECTIONS"])
        assert json.loads(found[model, "mlops"]["MLOPS_CONNECTIONS"]) == {"predictions": pipeline["predictions"]}
        auths = json.loads(found[model, "registry"][".dockerconfigjson"])["auths"]
        assert [who["password"] for who in auths.values()] == [pipeline["images"]["password"]]
    store = json.loads(found["object-store", "object-store-identities"]["s3.json"])["identities"][0]["credentials"][0]
    assert (
        [*store.values()] == [*found["airflow", "object-store"].values()] == [*found["mlflow", "object-store"].values()]
    )
    digest = base64.b64encode(
        hashlib.sha1(found["mlflow", "login"]["password"].encode(), usedforsecurity=False).digest()
    ).decode()
    assert found["evidently", "login"]["htpasswd"] == f"admin:{{SHA}}{digest}\n"


def test_values_are_random_and_long(finished: tuple[Path, Values, list[Path]]) -> None:
    _, first, _ = finished
    other = {name: value.make() for name, value in VALUES.items()}
    ours = {name for name, value in VALUES.items() if not value.always}
    for name in ours:
        assert len(first[name]) >= 32, name
        assert first[name] != other[name], name
    assert len({first[name] for name in ours}) == len(ours)
    # Airflow's chart hands it to a command as an argument.
    assert all(re.fullmatch("[0-9a-f]{64}", VALUES["airflow-admin"].make()) for _ in range(100))


def test_what_is_there_stays_and_a_new_model_shares_its_values(project: Path) -> None:
    make(project, "local", about_the_registry)
    before = {path: path.read_bytes() for path in (project / "gitops/secrets/local").iterdir()}
    (project / "gitops/apps/local/predictions/third").mkdir()
    (project / "gitops/apps/local/predictions/third/kustomization.yaml").touch()
    _, written = make(project, "local", about_the_registry)
    assert [path.name for path in written] == ["third.mlops.yaml", "third.registry.yaml"]
    assert {path: path.read_bytes() for path in before} == before
    found = made(project, "local")
    assert found["third", "mlops"] == found["flats", "mlops"]
    assert make(project, "local", about_the_registry) == ({}, [])


def test_in_production_a_person_is_asked_for_what_others_made(project: Path) -> None:
    asked: list[str] = []
    make(project, "production", lambda what: asked.append(what) or f"given {len(asked)}")
    assert len(asked) == 7
    found = made(project, "production")
    assert found["airflow", "object-store"] == found["mlflow", "object-store"]
    assert found["airflow", "object-store"]["AWS_ACCESS_KEY_ID"].startswith("given")
    assert found["mlflow", "login"]["htpasswd"] == "", "the one user with a password is the local cluster's"
    assert "object-store" not in {namespace for namespace, _ in found}


@pytest.mark.parametrize(
    ("program", "told"),
    [(CARELESS, "did not encrypt it"), (REFUSES, "no matching creation rules"), (None, "sops is missing")],
)
def test_nothing_is_written_unless_sops_encrypted_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, program: str | None, told: str
) -> None:
    if program is None:
        monkeypatch.setenv("PATH", str(project / "nowhere"))
    else:
        install(project, monkeypatch, program)
    asked: list[str] = []
    with pytest.raises(ClusterError, match=told):
        make(project, "local", lambda what: asked.append(what) or "given")
    assert bool(asked) == (program is not None), "nobody is asked in vain"
    assert not list(project.glob("gitops/secrets/**/*.yaml"))


def test_an_overlay_that_is_not_there_is_told_with_those_that_are(project: Path) -> None:
    with pytest.raises(ClusterError, match="there are: local, production"):
        models_of(project, "staging")


def test_the_commands_show_no_value(project: Path) -> None:
    result = CliRunner().invoke(app, ["make", "--overlay", "local"], input="ghcr.io\nsomebody\nwhat-nobody-may-read\n")
    assert result.exit_code == 0, result.output
    assert "ssh-ed25519 " in result.output
    shown = result.output + CliRunner().invoke(app, ["list", "--overlay", "local"]).output
    assert "what-nobody-may-read" not in shown
    values = [value for secret in made(project, "local").values() for value in secret.values()]
    assert not [value for value in values if len(value) > 20 and value in shown]


def environment_of(overlay: str, namespace: str, texts: list[dict[str, Any]], project: Path) -> dict[str, str]:
    found = {key: value for text in texts for key, value in text.items()}
    secret = made(project, overlay)[namespace, "mlops"]
    return {key: value for key, value in (found | secret).items() if key.startswith("MLOPS_")}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_pods_are_told_are_settings_that_start(
    overlay: str, finished: tuple[Path, Values, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    apps = GITOPS / "apps"
    pipeline = [f["data"] for f in read(apps / overlay / "settings.yaml") if f["metadata"]["namespace"] == "airflow"]
    service = [read(apps / "base/predictions/common/settings.yaml")[0]["data"]]
    if overlay == "production":
        service.append(read(apps / "base/predictions/production/settings.yaml")[0]["data"])
    for namespace, texts, kind in (("airflow", pipeline, Settings), ("house-prices", service, ServiceSettings)):
        environment = environment_of(overlay, namespace, texts, finished[0])
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            settings = load_settings(kind)
        assert settings.environment == overlay
