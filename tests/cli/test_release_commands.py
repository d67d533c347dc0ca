"""What `mlops release` tells and asks for, on a project of its own."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cli.console import console
from cli.main import app
from pipeline.release_log import commit_release
from pipeline.settings import load_settings
from serving.trial import Trial, read_trial, write_trial
from tests.conftest import SMALL
from tests.pipeline.test_release_log import release


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose model needs a person's approval, and of which two versions were released."""
    (tmp_path / "contracts").mkdir()
    content = {**SMALL, "release": {"approval": "manual", "approvers": ["ada"]}}
    (tmp_path / "contracts" / "small.yaml").write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("MLOPS_MLFLOW_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setattr(console, "width", 200)
    for version, by in ((1, "gate (manual)"), (2, "ada")):
        commit_release(load_settings(), release(version, model="small", approved_by=by, reason=f"Why {version} [b]."))
    return tmp_path


def mlops(*arguments):
    return CliRunner().invoke(app, ["release", *arguments])


def test_the_list_says_versions_approvals_and_reasons_newest_first(project):
    lines = [line for line in mlops("list").output.splitlines() if "Why" in line]
    assert ["2" in lines[0], "ada" in lines[0], "Why 2 [b]." in lines[0]] == [True] * 3
    assert ["data-v1.0.0" in lines[1], "gate (manual)" in lines[1], "Why 1" in lines[1]] == [True] * 3


def test_on_a_narrow_terminal_versions_times_and_commits_stay_whole(project, monkeypatch):
    monkeypatch.setattr(console, "width", 80)
    live = json.loads(mlops("list", "--json").output)[0]
    line = next(line for line in mlops("list").output.splitlines() if "ada" in line)
    assert [live["since"][:16].replace("T", " ") in line, live["commit"][:8] in line, "data-v1.0.0" in line] == [
        True
    ] * 3


def test_the_list_for_machines_has_whole_releases(project):
    newest, first = json.loads(mlops("list", "--json").output)
    assert (newest["release"]["version"], newest["until"], newest["approved_by"]) == (2, None, "ada")
    assert first["until"] == newest["since"]


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("2020-01-01", "small: nothing had been released at 2020-01-01T23:59:59+00:00"),
        ("2999-01-01T12:00+02:00", "small version 2 (data-v1.0.0) was live at 2999-01-01T12:00:00+02:00"),
    ],
)
def test_at_a_date_says_what_was_live(project, date, told):
    assert told in mlops("at", date).output


def test_at_a_date_says_since_when_by_whom_and_why_also_to_machines(project):
    assert "approved by ada: Why 2 [b]." in mlops("at", "2999-01-01").output
    found = json.loads(mlops("at", "2999-01-01", "--json").output)
    assert found["live"]["release"]["version"] == 2
    assert json.loads(mlops("at", "2000-01-01", "--json").output)["live"] is None


def test_what_is_no_date_is_one_message(project):
    told = mlops("at", "yesterday")
    assert told.exit_code == 1
    assert "'yesterday' is no date" in told.output


@pytest.mark.parametrize(
    "arguments", [("commit", "--version", "1"), ("commit", "--reason", " "), ("rollback", "1", "--reason", "")]
)
def test_where_a_person_approves_a_release_needs_a_reason(project, arguments):
    told = mlops(*arguments)
    assert told.exit_code == 2
    assert "--reason" in told.output


def test_a_contract_with_approvers_but_no_approval_is_refused(project):
    content = {**SMALL, "release": {"approvers": ["ada"]}}
    (project / "contracts" / "small.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    told = mlops("list")
    assert told.exit_code == 1
    assert "nobody would be asked" in told.output


def test_without_a_trial_its_status_and_its_end_say_so(project):
    assert json.loads(mlops("trial", "status", "--json").output) == {"model": "small", "trial": None}
    for name in ("status", "end"):
        told = mlops("trial", name)
        assert (told.exit_code, "small: no version is on trial" in told.output) == (0, True)


def test_a_trial_is_ended_by_hand_also_where_no_service_runs(project, monkeypatch):
    monkeypatch.setenv("MLOPS_READY_SECONDS", "0.1")  # no service runs
    releases = Path(load_settings().place("releases_dir", "small"))
    releases.mkdir(parents=True)
    write_trial(releases, Trial(folder="2-abc", mode="canary", run="somebody", live=1, version=2))
    told = mlops("trial", "end")
    assert "it has ended" in told.output
    assert read_trial(releases) is None
