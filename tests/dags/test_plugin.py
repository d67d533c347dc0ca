"""The plugin's own pages: which report belongs to which run, the quarantine as CSV, and who may see them."""

import csv
import importlib.util
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient

from pipeline.storage import storage, write_bytes

PLUGIN = Path(__file__).resolve().parents[2] / "dags" / "plugins" / "mlops_plugin.py"
RUN = "manual__2026-03-01T10:00:00+00:00"
KEY = "manual__2026-03-01T10-00-00-00-00"


@pytest.fixture
def plugin(settings, monkeypatch):
    """The plugin, loaded as Airflow loads it: from its file, in a process that has settings."""
    monkeypatch.setenv("MLOPS_STATE_DIR", str(settings.state))
    spec = importlib.util.spec_from_file_location("mlops_plugin", PLUGIN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def visitor(plugin):
    return TestClient(plugin.app)


@pytest.fixture
def client(plugin):
    """Somebody who is logged in: who that is, is Airflow's to know."""
    plugin.app.dependency_overrides[plugin.logged_in] = lambda: None
    return TestClient(plugin.app)


@pytest.fixture
def quarantined(settings):
    """A run of ingestion with a report and a quarantine."""
    page = b"<!doctype html><body><main>the report of a batch</main></body>"
    write_bytes(storage(settings, "ingestion", "small", KEY, "report.html"), page)
    cells = ["=1+1", "+1", "-3", "@SUM(A1)", "\tx", "\rx", "a=b", "", None, 'say "hi", twice']
    table = pa.table({"source_file": ["rows.csv"] * 10, "row": range(1, 11), "reasons": ["bad"] * 10, "kind": cells})
    file = storage(settings, "ingestion", "small", KEY, "quarantine.parquet")
    pyarrow.parquet.write_table(table, file.path)


def ask(client, path, dag="small.data_ingestion", run=RUN):
    return client.get(path, params={"dag": dag, "run": run, "name": "report.json"})


@pytest.mark.parametrize("path", ["/report", "/quarantine", "/form", "/file"])
def test_who_is_not_logged_in_sees_nothing(visitor, path, quarantined):
    assert ask(visitor, path).status_code == 401


def test_a_run_of_ingestion_has_its_report_with_a_link_to_the_quarantine(client, quarantined):
    page = ask(client, "/report")
    assert page.status_code == 200
    assert "the report of a batch" in page.text
    link = page.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert client.get(f"/{link}").headers["content-type"].startswith("text/csv")
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_without_a_quarantine_there_is_no_link(client, settings):
    write_bytes(storage(settings, "ingestion", "small", KEY, "report.html"), b"<main>all good</main>")
    assert "href" not in ask(client, "/report").text
    assert ask(client, "/quarantine").status_code == 404


def beside(settings, name, content):
    write_bytes(storage(settings, "reports", "small", KEY, name), content)


def test_a_run_of_monitoring_has_its_report_and_what_it_leads_to(client, settings):
    beside(settings, "report.html", b'<main>the verdict <a href="./rows-01-live-area.csv">2 rows</a></main>')
    beside(settings, "rows-01-live-area.csv", b"area\n900\n")
    page = ask(client, "/report", dag="small.drift_monitoring")
    assert "the verdict" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    link = page.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    answer = client.get(f"/{link}")
    assert answer.text == "area\n900\n"
    assert f'filename="small-{KEY}-rows-01-live-area.csv"' in answer.headers["content-disposition"]


def test_evidentlys_page_has_its_scripts_in_a_world_of_their_own(client, settings):
    beside(settings, "evidently-live-traffic.html", b"<script>draw()</script>")
    answer = named(client, "evidently-live-traffic.html")
    policy = answer.headers["content-security-policy"]
    assert answer.text == "<script>draw()</script>"
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy  # so that the default holds: nothing
    beside(settings, "report.html", b"<main><iframe srcdoc='an old one'></iframe></main>")
    assert ask(client, "/report", dag="small.drift_monitoring").headers["content-security-policy"] == policy


@pytest.mark.parametrize(
    "name", ["report.html", "../other/report.json", "rows-01.csv/..", ".git", "secret.txt", "x.csv"]
)
def test_of_what_lies_beside_a_report_only_its_own_files_are_given(client, settings, name):
    beside(settings, "report.html", b"")
    beside(settings, "secret.txt", b"secret")
    assert named(client, name).status_code == 404


def named(client, name):
    return client.get("/file", params={"dag": "small.drift_monitoring", "run": RUN, "name": name})


def test_a_run_of_training_has_the_card_of_its_model_with_plots_and_no_script(client, settings):
    write_bytes(storage(settings, "cards", "small", KEY, "report.html"), b"<main>the card</main>")
    page = ask(client, "/report", dag="small.model_training")
    assert page.text == "<main>the card</main>"
    assert "img-src data:" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"]


def test_a_run_of_deployment_has_its_evidence_and_how_far_it_came(client, plugin, monkeypatch):
    release = {"version": 4, "data_version": "data-v1.2.0", "approved_by": "ada", "reason": "better"}
    left = {"evidence": {"release": release, "ask": True, "form": "**Proposed: version 4**"}, "approve": release}
    monkeypatch.setattr(
        plugin, "returned", lambda dag, run: left if (dag, run) == ("small.model_deployment", RUN) else {}
    )
    page = ask(client, "/report", dag="small.model_deployment")
    assert "<strong>Proposed: version 4</strong>" in page.text
    assert "Approved by ada: better" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "no evidence" in ask(client, "/report", dag="small.model_deployment", run="manual__other").text


def test_a_run_without_a_report_says_so(client):
    assert "no monitoring report" in ask(client, "/report", dag="small.drift_monitoring").text
    assert "the log of collect says" in ask(client, "/report").text
    assert "no model card" in ask(client, "/report", dag="small.model_training").text
    assert "have no report" in ask(client, "/report", dag="example").text


def test_the_quarantine_is_a_csv_that_no_spreadsheet_runs(client, quarantined):
    answer = ask(client, "/quarantine")
    assert f'filename="small-{KEY}-quarantine.csv"' in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert [line["row"] for line in lines] == [str(row) for row in range(1, 11)]
    assert [line["kind"] for line in lines] == [
        *("'=1+1", "'+1", "'-3", "'@SUM(A1)", "'\tx", "'\rx"),
        *("a=b", "", "", 'say "hi", twice'),
    ]


@pytest.mark.parametrize("path", ["/report", "/quarantine", "/file"])
@pytest.mark.parametrize(
    ("dag", "run"),
    [("../../etc.data_ingestion", RUN), ("small.data_ingestion", ".."), ("small.data_ingestion", ".git")],
)
def test_nobody_leaves_the_storage(client, path, dag, run):
    assert ask(client, path, dag, run).status_code == 404


def test_a_form_that_is_filled_in_is_shown_and_any_other_refused(client):
    given = {"dag": "small.alert_dismissal", "conf": '{"reason": "known"}'}
    shown = client.get("/form", params=given)
    assert (shown.status_code, shown.headers["X-Frame-Options"]) == (200, "DENY")
    assert ">known</textarea>" in shown.text
    assert client.get("/form", params={**given, "conf": "[]"}).status_code == 400
