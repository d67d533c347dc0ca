"""The commands, on a project of their own."""

import shutil
import socket
import stat

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from cli.console import console
from cli.main import app
from cli.stack import airflow, config, lifecycle
from cli.stack.services import log_port, services
from pipeline.settings import Settings
from tests.chain import free_ports
from tests.conftest import SMALL, make_small_rows


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the small contract and its data; settings come from the environment, as for a user."""
    (tmp_path / "contracts").mkdir()
    content = {**SMALL, "ingestion": {"source": "small.csv"}}
    (tmp_path / "contracts" / "small.yaml").write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    make_small_rows(300).to_csv(tmp_path / "small.csv", index=False)
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("MLOPS_MLFLOW_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setattr(console, "width", 200)
    return tmp_path


def mlops(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_a_good_contract_is_ok(project):
    told = mlops("contract", "check")
    assert told.exit_code == 0
    assert "ok small: 7 features, target rent, 3 candidates" in told.output


def test_a_contract_with_an_unknown_candidate_is_refused_with_the_kinds_there_are(project):
    path = project / "contracts" / "small.yaml"
    content = yaml.safe_load(path.read_text())
    content["training"]["candidates"] = {"oracle": {"kind": "oracle"}}
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    told = mlops("contract", "check")
    assert told.exit_code == 1
    assert "oracle" in told.output
    assert "gradient_boosting" in told.output
    assert "Traceback" not in told.output


def test_contract_show_lists_what_each_column_allows(project):
    told = mlops("contract", "show")
    assert "one of: Flat, Terraced House, Villa" in told.output
    assert "größe des gartens" in told.output


def test_a_window_is_ingested_once_listed_and_written_out(project):
    window = ("--start", "2020-01-01", "--end", "2021-01-01")
    assert "published data-v1.0.0" in mlops("data", "ingest", *window).output
    assert "was published already with the same content: data-v1.0.0" in mlops("data", "ingest", *window).output
    assert "data-v1.0.0" in mlops("data", "list").output
    told = mlops("data", "get", "data-v1.0.0", str(project / "rows.csv"))
    assert told.exit_code == 0
    assert len(pd.read_csv(project / "rows.csv")) == 151


def test_train_shows_candidates_and_the_gates_sentence_and_a_refusal_is_an_error(project):
    assert "published data-v1.0.0" in mlops("data", "ingest").output
    told = mlops("train")
    assert told.exit_code == 0, told.output
    assert "candidates by cross-validation within the training rows of data-v1.0.0" in told.output
    assert "gradient_boosting" in told.output
    assert "Promoted as the first model: the MAE as a share of the dummy's is" in told.output
    assert "registered small version 1 as challenger" in told.output
    path = project / "contracts" / "small.yaml"
    content = yaml.safe_load(path.read_text())
    path.write_text(
        yaml.safe_dump(content | {"gate": {"limits": {"r2": {"minimum": 0.9999}}}}, allow_unicode=True, sort_keys=False)
    )
    told = mlops("train", "--reason", "a stricter gate")
    assert told.exit_code == 1
    assert "Refused: the R2 is" in told.output
    assert "docs/training.md, under: When the gate refuses" in told.output
    assert "Traceback" not in told.output


def test_a_bad_batch_is_told_in_one_message_without_a_stack_trace(project):
    rows = make_small_rows(50)
    rows.loc[4:14, "kind"] = "Castle"
    rows.to_csv(project / "small.csv", index=False)
    told = mlops("data", "ingest")
    assert told.exit_code == 1
    assert "kind: 'Castle' is not a known category (row 5 and 10 more); allowed: one of: Flat, Terraced" in told.output
    assert "Traceback" not in told.output


def test_a_few_bad_rows_are_quarantined_and_the_command_says_where(project):
    rows = make_small_rows(50)
    rows.loc[4, "kind"] = "Castle"
    rows.to_csv(project / "small.csv", index=False)
    told = mlops("data", "ingest")
    assert told.exit_code == 0
    assert "quarantined 1 rows, with their reasons: " in told.output


def test_an_empty_window_is_nothing_to_do(project):
    told = mlops("data", "ingest", "--start", "1990-01-01", "--end", "1991-01-01")
    assert told.exit_code == 0
    assert "nothing to do: " in told.output


@pytest.mark.parametrize("start", ["7", "yesterday", "2020-13-01"])
def test_an_edge_of_the_wrong_kind_is_refused(project, start):
    told = mlops("data", "ingest", "--start", start)
    assert told.exit_code == 2
    assert "2009-01-31" in told.output


def test_reconcile_without_a_release_is_nothing_to_do(project):
    assert "Git names no release yet" in mlops("release", "reconcile").output


def test_an_unknown_setting_is_named(project, monkeypatch):
    monkeypatch.setenv("MLOPS_MLFLOW_PROT", "5001")
    told = mlops("data", "list")
    assert told.exit_code == 1
    assert "MLOPS_MLFLOW_PROT" in told.output


def test_a_taken_port_is_named_with_the_setting_that_changes_it(project):
    first, second, third, fourth = free_ports(4)
    settings = Settings(
        project_dir=project, airflow_port=first, mlflow_port=second, serving_port=third, reports_port=fourth
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", second))
        taken.listen()
        with pytest.raises(lifecycle.StackError, match=rf"port {second} \(mlflow\) is taken; set MLOPS_MLFLOW_PORT"):
            lifecycle.check_ports(settings)
    lifecycle.check_ports(settings)  # silent once it is free


def test_two_services_on_one_port_are_told_before_anything_starts(project):
    (port,) = free_ports(1)
    with pytest.raises(lifecycle.StackError, match="MLOPS_REPORTS_PORT"):
        lifecycle.check_ports(Settings(project_dir=project, mlflow_port=port, reports_port=port))


def test_the_login_is_generated_once_and_readable_by_its_owner_only(project):
    settings = Settings(project_dir=project)
    first = airflow.password(settings)
    assert len(first) >= 12
    assert airflow.password(settings) == first
    kept = airflow.airflow_home(settings) / "passwords.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    shutil.rmtree(settings.state)
    assert airflow.password(settings) != first


def test_services_listen_on_this_machine_only(project):
    for service in services(Settings(project_dir=project)):
        assert "0.0.0.0" not in service.command  # noqa: S104 (which is what must not be)
    environment = airflow.environment(Settings(project_dir=project))
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"


def test_each_contract_has_a_service_of_its_own(project):
    content = yaml.safe_load((project / "contracts" / "small.yaml").read_text()) | {"name": "other"}
    (project / "contracts" / "other.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    settings = Settings(project_dir=project)
    ports = {service.name: service.port for service in services(settings)}
    assert (ports["predict-other"], ports["predict-small"]) == (8000, 8010)
    assert log_port(settings) == 8793


def test_a_state_folder_with_a_percent_sign_survives_the_supervisors_expansion(project, monkeypatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", str(project / "50%(x)s"))
    path = config.write_config(Settings(project_dir=project, state_dir=project / "50%(x)s"))
    assert "50%%(x)s" in path.read_text()
    assert "50%(x)s" not in path.read_text().replace("50%%(x)s", "")
