"""`mlops monitor rows`, and what `mlops data clean` takes away of monitoring."""

import os
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cli.console import console
from cli.main import app
from pipeline.settings import load_settings
from pipeline.storage import storage, write_bytes, write_json
from tests.conftest import SMALL

FOUND = {"of": "live traffic", "subject": "area", "what": "outside of 20 to 200", "rows": 1, "total": 1}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two reports; the second is the newest, and has rows behind a finding."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "small.yaml").write_text(yaml.safe_dump(SMALL, allow_unicode=True, sort_keys=False))
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(tmp_path))
    monkeypatch.setattr(console, "width", 300)
    reports = storage(load_settings(), "reports", "small")
    write_json(reports / "first" / "report.json", {"findings": {}})
    aged(Path((reports / "first" / "report.json").path), 1)
    write_json(reports / "second" / "report.json", {"findings": {"concerned": [{**FOUND, "name": "rows-01-area.csv"}]}})
    write_bytes(reports / "second" / "rows-01-area.csv", b"area\n900\n")
    return Path(reports.path)


def aged(path, days):
    os.utime(path, (time.time() - days * 86_400,) * 2)


def mlops(*words):
    return CliRunner().invoke(app, words)


def test_rows_of_the_newest_run_are_listed_and_given(project, tmp_path):
    listed = mlops("monitor", "rows").stdout
    assert "small: second" in listed
    assert "rows-01-area.csv" in listed
    assert "outside of 20 to 200" in listed
    assert mlops("monitor", "rows", "rows-01-area.csv").stdout == "area\n900\n"
    assert mlops("monitor", "rows", "rows-01-area.csv", "--to", str(tmp_path / "x.csv")).exit_code == 0
    assert (tmp_path / "x.csv").read_text() == "area\n900\n"


@pytest.mark.parametrize("words", [("--run", "none"), ("--run", "../small/second"), ("report.json",), ("../x.csv",)])
def test_what_is_not_there_is_named(project, words):
    told = mlops("monitor", "rows", *words)
    assert told.exit_code == 1
    assert words[-1] in told.stdout


def test_an_older_run_without_findings_has_an_empty_list(project):
    assert "rows-01" not in mlops("monitor", "rows", "--run", "first").stdout


def test_clean_takes_gathered_rows_first_and_reports_much_later(project):
    gathered = Path(write_bytes(storage(load_settings(), "monitoring", "small", "first", "live.parquet"), b"rows")[7:])
    aged(gathered, 8)
    aged(project / "first" / "report.json", 80)
    assert "removed 1 leftovers" in mlops("data", "clean", "--yes").stdout
    assert not gathered.parent.exists()
    assert (project / "first").exists()
    aged(project / "first" / "report.json", 91)
    assert "removed 1 leftovers" in mlops("data", "clean", "--yes").stdout
    assert not (project / "first").exists()
    assert (project / "second" / "rows-01-area.csv").exists()


def test_a_long_name_of_a_file_is_listed_whole_in_a_narrow_window(project, monkeypatch):
    name = f"rows-02-live-traffic-slice-{'quarter-' * 5}north.csv"
    monkeypatch.setattr(console, "width", 60)
    reports = storage(load_settings(), "reports", "small")
    write_json(reports / "third" / "report.json", {"findings": {"concerned": [{**FOUND, "name": name}]}})
    assert name in mlops("monitor", "rows", "--run", "third").stdout
