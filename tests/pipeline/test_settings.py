import os
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.settings import PREFIX, ServiceSettings, Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "settings.md"
PLACES: dict[str, Any] = {
    "storage_uri": "s3://bucket/storage",
    "data_registry_uri": "git@example.org:data/{model}.git",
    "data_remote_uri": "s3://bucket/data/{model}",
    "gitops_uri": "https://example.org/gitops.git",
    "mlflow_uri": "https://mlflow.example.org",
    "service_uri": "https://{model}.example.org",
    "api_keys": {"website": "0" * 64},
}


@pytest.fixture(autouse=True)
def _no_settings_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_SERVING_PORT", "9000")
    monkeypatch.setenv("MLOPS_GITOPS_BRANCH", "live")

    settings = load_settings()

    assert (settings.serving_port, settings.gitops_branch) == (9000, "live")


def test_a_misspelt_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_SERVING_PROT", "9000")

    with pytest.raises(SettingsError, match=r"unknown settings: MLOPS_SERVING_PROT; docs/settings\.md lists"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SERVING_PORT", "many", "MLOPS_SERVING_PORT: Input should be a valid integer"),
        ("SERVING_PORT", "70000", "MLOPS_SERVING_PORT: Input should be less than or equal to 65535"),
        ("ENVIRONMENT", "staging", "MLOPS_ENVIRONMENT: Input should be 'local' or 'production'"),
        ("MLFLOW_URI", "", "MLOPS_MLFLOW_URI: is empty; leave it unset for its default"),
        ("STORAGE_URI", "{stat}/storage", "MLOPS_STORAGE_URI: {stat} stands for nothing; what does: {state}, {model}"),
        ("GIT_AUTHOR", "somebody", "MLOPS_GIT_AUTHOR: String should match pattern"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)

    with pytest.raises(SettingsError, match=re.escape(message)):
        load_settings()


def test_no_reports_service_is_said_by_an_empty_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_REPORTS_URI", "")

    assert load_settings().reports_uri == ""


def test_production_names_each_place_that_is_left_at_its_local_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_ENVIRONMENT", "production")
    for name in ("storage_uri", "gitops_uri"):
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", PLACES[name])

    with pytest.raises(SettingsError) as refused:
        load_settings()

    named = set(re.findall(r"MLOPS_\w+", str(refused.value)))
    assert named == {f"{PREFIX}{name.upper()}" for name in PLACES} - {"MLOPS_STORAGE_URI", "MLOPS_GITOPS_URI"}


def test_production_starts_when_every_place_is_named() -> None:
    settings = Settings(environment="production", **PLACES)

    assert settings.place("data_registry_uri", "flats") == "git@example.org:data/flats.git"


def test_settings_cannot_be_changed_or_made_up(settings: Settings) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings.serving_port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Settings(prot=1)  # type: ignore[call-arg]


def test_local_places_lie_under_the_state(settings: Settings, tmp_path: Path) -> None:
    state = tmp_path / "state"

    assert settings.state == state
    assert settings.place("storage_uri") == f"file://{state}/storage"
    assert settings.place("data_registry_uri", "flats") == f"{state}/data-registry/flats.git"
    assert settings.place("prediction_log", "flats") == f"{state}/predictions/flats.db"


def test_a_relative_state_starts_at_the_project(tmp_path: Path) -> None:
    assert Settings(project_dir=tmp_path, state_dir=Path("here")).state == tmp_path / "here"


def test_addresses_follow_their_ports() -> None:
    settings = Settings(mlflow_port=5500, reports_port=8600, serving_port=9000)

    assert settings.place("mlflow_uri") == "http://127.0.0.1:5500"
    assert settings.place("reports_uri") == "http://127.0.0.1:8600"
    assert settings.place("service_uri", "house_prices") == f"http://127.0.0.1:{settings.port_of('house_prices')}"


def test_each_contract_has_a_port_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "contracts").mkdir()
    for name in ("flats", "diamonds", "houses"):
        (tmp_path / "contracts" / f"{name}.yaml").touch()
    settings = Settings(project_dir=tmp_path)

    assert [settings.port_of(name) for name in ("diamonds", "flats", "houses")] == [8000, 8010, 8020]
    assert settings.place("service_uri", "flats") == "http://127.0.0.1:8010"


def test_the_port_of_an_unknown_contract_is_refused_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "flats.yaml").touch()

    with pytest.raises(SettingsError, match="holds no contract 'huts'; there are: flats"):
        Settings(project_dir=tmp_path).port_of("huts")


def test_the_guide_names_every_setting_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `(MLOPS_\w+)` \| (.+?) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)

    assert dict(rows) == {
        f"{PREFIX}{name.upper()}": _shown(name, field.default) for name, field in Settings.model_fields.items()
    }


def _shown(name: str, default: Any) -> str:
    return {"project_dir": "the checkout", "alerts": "the log"}.get(name, f"`{default}`")


CONNECTIONS = '{"db": {"login": "me", "password": "sesame-open-0", "options": {"headers": {"X-Key": "sesame-open-1"}}}}'


def test_connections_are_read_and_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_CONNECTIONS", CONNECTIONS)

    settings = load_settings()

    assert settings.connections["db"].password.get_secret_value() == "sesame-open-0"
    assert settings.connections["db"].options.get_secret_value() == {"headers": {"X-Key": "sesame-open-1"}}
    assert "sesame" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (CONNECTIONS.replace("password", "pasword"), "MLOPS_CONNECTIONS: db: pasword: Extra inputs are not permitted"),
        (
            CONNECTIONS.replace('"sesame-open-0"', '["sesame-open-0"]'),
            "MLOPS_CONNECTIONS: db: password: Input should be",
        ),
        (CONNECTIONS[:-1], "MLOPS_CONNECTIONS: is not valid JSON; docs/sources.md shows how it is written"),
        (f'["{CONNECTIONS[10:40]}"]', "MLOPS_CONNECTIONS: "),
        ("", "MLOPS_CONNECTIONS: is not valid JSON"),
    ],
)
def test_connections_that_cannot_be_read_are_named_without_their_secrets(
    monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setenv("MLOPS_CONNECTIONS", value)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert message in str(refused.value)
    assert "sesame" not in _with_causes(refused.value)


def _with_causes(error: BaseException | None) -> str:
    return f"{error!r} {vars(error)} {_with_causes(error.__cause__ or error.__context__)}" if error else ""


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("[{", "MLOPS_ALERTS: is not valid JSON; docs/monitoring.md"),
        ('[{"channel": "pigeon"}]', "'log', 'mail', 'slack'"),
        ('[{"channel": "mail"}]', "MLOPS_ALERTS: 0: mail: to: Field required"),
        ('[{"channel": "slack", "connection": "https://hooks/T0/secret"}]', "connection: String should match"),
    ],
)
def test_channels_of_alerts_that_cannot_be_used_are_named(
    monkeypatch: pytest.MonkeyPatch, written: str, says: str
) -> None:
    monkeypatch.setenv("MLOPS_ALERTS", written)

    with pytest.raises(SettingsError, match=re.escape(says)) as refused:
        load_settings()
    assert "secret" not in str(refused.value)


def test_production_asks_the_service_for_keys_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_ENVIRONMENT", "production")
    with pytest.raises(SettingsError) as refused:
        load_settings(ServiceSettings)
    assert set(re.findall(r"MLOPS_\w+", str(refused.value))) == {"MLOPS_API_KEYS"}
