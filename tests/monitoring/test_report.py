"""The report: what it says, that it needs no network, and its history in Evidently's UI service."""

import html
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from upath import UPath

from monitoring.errors import MonitoringError
from monitoring.findings import Findings
from monitoring.report import report
from monitoring.verdict import verdict

RUN = "scheduled__2026-03-01T00:00:00+00:00"


def read(uri: str) -> str:
    return UPath(uri).read_text(encoding="utf-8")


@pytest.fixture
def ui(tmp_path):
    """Evidently's own UI service, with an empty workspace."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("evidently")), "ui", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "ui.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--workspace", str(tmp_path / "workspace")],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"DO_NOT_TRACK": "1"},
        )
    uri = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{uri}/api/version", process)
        yield uri
    finally:
        process.terminate()
        process.wait(timeout=20)


def drawn(uri: str, project: str, line: str) -> list[float]:
    """Return the values that the history draws as one line."""
    series = {"tags": ["summary"], "metadata": {}, "metric": "evidently:metric_v2:MeanValue"}
    wanted = {"series_filter": [series | {"metric_labels": {"column": line}}]}
    answer = httpx.post(f"{uri}/api/v2/snapshots/{project}/data_series_batch", json=wanted).raise_for_status().json()
    (found,) = answer["series"]
    return found["values"]


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "Evidently's UI service ended"
        try:
            httpx.get(url, timeout=2).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("Evidently's UI service does not answer")


def test_the_page_says_the_verdict_and_loads_nothing_from_elsewhere(look, reference, live, settings, small_contract):
    seen = look(reference, live.assign(rent=live["rent"] * 1.5), refusals={"<b>": {"unexpected": 2}})
    reported = report(small_contract, settings, RUN, seen.gathered, seen.findings, seen.verdict)
    page = read(reported.html_uri)
    top = page.partition("<iframe")[0]
    assert ">act</strong>" in top
    for reason in seen.verdict.reasons:
        assert html.escape(reason) in top
    for said in ("größe des gartens", "version 3", "data-v1.1.0", "2026-03-01 00:00 UTC", "&lt;b&gt;"):
        assert said in top
    assert "<b>" not in top
    assert page.count("<iframe") == 1
    whole = html.unescape(page)
    assert "Dataset Drift" in whole
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]{0,300}?(?:src|href)\s*=\s*[\"']?(?:https?:)?//", whole)
    assert not re.findall(r"(?:@import\s+|url\(\s*)[\"']?https?://", whole)


def test_the_summary_is_for_programs(look, reference, live, settings, small_contract):
    seen = look(reference, live, new_data=live[:80])
    reported = report(small_contract, settings, RUN, seen.gathered, seen.findings, seen.verdict)
    summary = json.loads(read(reported.json_uri))
    assert (summary["model"], summary["run"], summary["verdict"]["status"]) == ("small", RUN, "healthy")
    assert Findings.model_validate(summary["findings"]) == seen.findings
    assert reported.ui_url is None


def test_there_is_a_report_without_a_model_too(look, reference, live, settings, small_contract):
    gathered = look(reference, live).gathered.model_copy(update={"served": None})
    judged = verdict(small_contract, Findings())
    page = read(report(small_contract, settings, RUN, gathered, Findings(), judged).html_uri)
    assert ">no model</strong>" in page
    assert "<iframe" not in page


def test_what_batches_and_requests_were_refused_for_stands_side_by_side(
    look, reference, live, settings, small_contract
):
    seen = look(reference, live, refusals={"area": {"range": 2}})
    gathered = seen.gathered.model_copy(update={"batch_refusals": {"kind": {"missing_column": 7}}})
    page = read(report(small_contract, settings, RUN, gathered, seen.findings, seen.verdict).html_uri)
    top = re.sub(r"<[^>]+>", " ", page.partition("<iframe")[0])
    assert re.search(r"Refused values .* area\s+range\s+2", top, re.DOTALL)
    assert re.search(r"Refused rows .* kind\s+missing column\s+7", top, re.DOTALL)
    assert "Refused rows" not in read(report(small_contract, settings, RUN, *vars_of(seen)).html_uri)


def vars_of(seen):
    return seen.gathered, seen.findings, seen.verdict


def test_a_run_stands_once_in_the_history(look, reference, live, settings, small_contract, ui):
    there = settings.model_copy(update={"reports_uri": ui})
    urls = set()
    for run in (RUN, RUN, "manual"):
        seen = look(reference, live, new_data=live[:80], name=run)
        urls.add(report(small_contract, there, run, seen.gathered, seen.findings, seen.verdict).ui_url)
    assert len(urls) == 1
    project = urls.pop().rpartition("/")[2]
    listed = httpx.get(f"{ui}/api/projects/{project}/snapshots").json()
    stood = sorted((known["metadata"]["run"], known["tags"]) for known in listed)
    assert stood == [(run, [what]) for run in ("manual", RUN) for what in ("live traffic", "new data", "summary")]
    panels = httpx.get(f"{ui}/api/v2/dashboards/{project}").json()["panels"]
    assert [panel["title"] for panel in panels][:2] == ["Live error", "Columns that drifted"]
    assert drawn(ui, project, "mean absolute error") == [pytest.approx(20)] * 2
    assert [known["name"] for known in httpx.get(f"{ui}/api/v2/projects").json()] == ["small"]


def test_a_service_that_is_away_is_named_and_the_report_is_there(look, reference, live, settings, small_contract):
    away = settings.model_copy(update={"reports_uri": "http://127.0.0.1:9"})
    seen = look(reference, live)
    with pytest.raises(MonitoringError, match="MLOPS_REPORTS_URI"):
        report(small_contract, away, RUN, seen.gathered, seen.findings, seen.verdict)
    assert (UPath(settings.place("storage_uri")) / "reports" / "small" / RUN / "report.html").exists()
