"""The report: what it says, that it needs no network, and its history in Evidently's UI service."""

import csv
import html
import io
import json
import os
import re
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from upath import UPath

from monitoring.concerned import MOST_ROWS, _chosen
from monitoring.errors import MonitoringError
from monitoring.findings import Findings
from monitoring.leftovers import forget
from monitoring.measured import Service
from monitoring.report import report
from monitoring.verdict import verdict
from pipeline.storage import storage
from tests.monitoring.conftest import UNTIL

HOSTILE = "</script><script>alert(1)</script>"
RUN = "scheduled__2026-03-01T00:00:00+00:00"


@pytest.fixture
def whole(look):
    """With Evidently's pages, as the DAG has them: they take a second each."""
    return partial(look, pages=True)


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


def written(reported, name):
    return UPath(reported.html_uri).parent / name


def shown(page, anchor):
    """The words of one section of the page."""
    section = page.partition(f'<section id="{anchor}">')[2].partition("</section>")[0]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section)))


def told(look, settings, contract, reference, live, **rest):
    """The look, the page, and where it is."""
    seen = look(reference, live, **rest)
    reported = report(contract, settings, RUN, seen.gathered, seen.findings, seen.verdict)
    return seen, read(reported.html_uri), reported


def test_the_page_says_the_verdict_and_loads_nothing_from_elsewhere(whole, reference, live, settings, small_contract):
    moved = live.assign(rent=live["rent"] * 1.5)
    moved.loc[moved.index[::2], "district"] = HOSTILE
    seen, page, reported = told(whole, settings, small_contract, reference, moved, refusals={"<b>": {"unexpected": 2}})
    assert ">act</strong>" in page
    for reason in seen.verdict.sentences:
        assert html.escape(reason) in page
    for said in ("größe des gartens", "version 3", "data-v1.1.0", "2026-03-01 00:00 UTC", "&lt;b&gt;"):
        assert said in page
    assert "<b>" not in page
    assert "<script" not in page
    evidently = read(str(written(reported, "evidently-live-traffic.html")))
    assert 'href="./evidently-live-traffic.html"' in page
    assert "Dataset Drift" in evidently
    assert "script>alert(1)" in evidently
    assert "<script>alert" not in evidently
    for one in (page, evidently):
        assert not re.findall(r"<(?:script|link|img|iframe)[^>]{0,300}?(?:src|href)\s*=\s*[\"']?(?:https?:)?//", one)
        assert not re.findall(r"(?:@import\s+|url\(\s*)[\"']?https?://", one)


def test_each_view_shows_its_numbers(look, reference, live, settings, small_contract):
    half = live.assign(area=live["area"] * 2, rent=live["rent"].where(live.index % 2 == 0))
    half.loc[half.index[:60], "kind"] = "Castle"
    service = Service(
        uri="http://service", asked=UNTIL, ready=True, version=2, requests=1000, failed=50, waiting=7, started=UNTIL
    )
    rest = {"new_data": live[:80], "refusals": {"class": {"range": 30}}, "service": service}
    seen, page, _ = told(look, settings, small_contract, reference, half, **rest)
    findings = seen.findings
    quality = shown(page, "data-quality")
    assert "kind unseen 20.0%" in quality
    assert "class range 30 30 9.09%" in quality
    drift = shown(page, "input-drift")
    area = next(item for item in findings.live.columns if item.column == "area")
    assert f"{area.distance:.3f} SD {area.limit:.3f}" in drift
    assert drift.index("area") < drift.index("lift")
    assert "New data: 80 rows against 900" in drift
    assert f"{findings.prediction.distance:.3f} SD" in shown(page, "prediction-drift")
    performance = shown(page, "live-performance")
    assert "50% of answers have their truth: 150 of 300" in performance
    assert "Mean absolute error (MAE) 20 EUR" in performance
    assert "150 answers whose truth is still out" in performance
    assert "3 (in service) 300 150 20 EUR" in performance
    health = shown(page, "system-health")
    assert "Version in service 2 Git: 3 beyond" in health
    assert "50 of 1,000 (5.0%) 1.0% beyond" in health
    assert "Spool: rows that wait for PostgreSQL 7 10,000" in health
    assert "99 of 100 are faster 2.00 ms 500 ms" in health


@pytest.mark.parametrize(("rows", "said"), [(0, "No prediction was answered in this window"), (7, "Too few rows")])
def test_a_window_with_too_little_says_so_and_is_never_healthy(
    look, reference, live, settings, small_contract, rows, said
):
    seen, page, _ = told(look, settings, small_contract, reference, live[:rows] if rows else None)
    assert seen.verdict.status == "not enough data"
    assert said in shown(page, "data-quality")
    assert "chip healthy" not in page
    assert page.count("chip not-judged") >= 5
    assert 'class="bad"' not in page
    assert seen.findings.concerned == []


def csv_of(reported, seen, subject, of="live traffic"):
    """The rows of a finding, as somebody downloads them."""
    (one,) = [one for one in seen.findings.concerned if (one.subject, one.of) == (subject, of)]
    lines = list(csv.DictReader(io.StringIO(read(str(written(reported, one.name))))))
    assert len(lines) == one.rows
    return one, lines


def test_the_rows_behind_a_finding_are_those_of_the_finding(whole, reference, live, settings, small_contract):
    bad = live.assign(
        area=live["area"].where(live.index % 3 > 0, 900.0 + live.index),
        state=live["state"].where(live.index >= 90),
        rent=live["rent"] * 1.5,
    )
    bad.loc[bad.index[:60], "kind"] = "=Castle"
    seen, page, reported = told(whole, settings, small_contract, reference, bad)
    area, lines = csv_of(reported, seen, "area")
    low, high = reference["area"].quantile([0.05, 0.95])
    outside = bad[(bad["area"] < low) | (bad["area"] > high)]
    assert (area.total, len(lines)) == (len(outside), len(outside))
    assert float(lines[0]["area"]) == bad["area"].max()
    _, lines = csv_of(reported, seen, "kind")
    assert [line["kind"] for line in lines] == ["'=Castle"] * 60  # no spreadsheet runs it
    _, lines = csv_of(reported, seen, "state")
    assert {line["state"] for line in lines} == {""}
    assert len(lines) == bad["state"].isna().sum()
    _, lines = csv_of(reported, seen, "error")
    errors = [abs(float(line["prediction"]) - float(line["rent"])) for line in lines]
    assert errors == sorted(errors, reverse=True)
    assert len(lines) == 300
    for one in seen.findings.concerned:
        assert f'href="./{one.name}"' in page


def test_of_many_rows_the_most_telling_are_kept_and_the_page_says_of_how_many():
    rows = pd.DataFrame({"x": np.arange(5000.0)})
    ((told_, kept),) = _chosen("live traffic", "x", "", rows, rows["x"].to_numpy() - 999)
    assert (told_.rows, told_.total) == (MOST_ROWS, 4000)
    assert kept["x"].tolist() == list(np.arange(4999.0, 3999.0, -1))


def test_reports_go_when_they_are_older_than_the_setting_and_decisions_stay(
    look, reference, live, settings, small_contract
):
    keeps = settings.model_copy(update={"reports_keep_days": 30})
    *_, reported = told(look, settings, small_contract, reference, live)
    old = [Path(written(reported, "x").parent.path), Path(UPath(look(reference, live).gathered.live_uri).parent.path)]
    decision = Path(storage(settings, "decisions", "small", "one.json").path)
    decision.parent.mkdir(parents=True)
    decision.write_text("{}")
    for file in [*(file for folder in old for file in folder.iterdir()), decision]:
        os.utime(file, (time.time() - 40 * 86_400,) * 2)
    forget(settings.model_copy(update={"reports_keep_days": 0}), "small")
    forget(settings.model_copy(update={"reports_keep_days": 60}), "small")
    assert all(folder.exists() for folder in old)
    seen = look(reference, live, name="later")
    report(small_contract, keeps, "later", seen.gathered, seen.findings, seen.verdict)
    assert not any(folder.exists() for folder in old)
    assert decision.exists()
    assert (old[0].parent / "later" / "report.html").exists()


def test_the_summary_is_for_programs(whole, reference, live, settings, small_contract):
    seen = whole(reference, live, new_data=live[:80])
    reported = report(small_contract, settings, RUN, seen.gathered, seen.findings, seen.verdict)
    summary = json.loads(read(reported.json_uri))
    assert (summary["model"], summary["run"], summary["verdict"]["status"]) == ("small", RUN, "healthy")
    assert (summary["version"], summary["window"]["until"]) == (3, "2026-03-01T00:00:00+00:00")
    assert sorted(summary["evidently"]) == ["live traffic", "new data"]
    assert Findings.model_validate(summary["findings"]) == seen.findings
    assert reported.ui_url is None


def test_there_is_a_report_without_a_model_too(look, reference, live, settings, small_contract):
    gathered = look(reference, live).gathered.model_copy(update={"served": None})
    judged = verdict(small_contract, Findings())
    page = read(report(small_contract, settings, RUN, gathered, Findings(), judged).html_uri)
    assert ">no model</strong>" in page
    assert "data quality" not in page
    assert "chip healthy" not in page


def test_what_batches_and_requests_were_refused_for_stands_side_by_side(
    look, reference, live, settings, small_contract
):
    refused = {"refusals": {"area": {"range": 2}}, "batch_refusals": {"kind": {"missing_column": 7}}}
    _, page, _ = told(look, settings, small_contract, reference, live, **refused)
    assert re.search(
        r"Refused by the service.* area range 2 2 .* Refused by ingestion.* kind missing column 7 7 ", page_words(page)
    )
    assert "Refused by ingestion" not in told(look, settings, small_contract, reference, live)[1]


def page_words(page):
    return shown(page, "data-quality")


def vars_of(seen):
    return seen.gathered, seen.findings, seen.verdict


def test_a_run_stands_once_in_the_history(whole, reference, live, settings, small_contract, ui):
    there = settings.model_copy(update={"reports_uri": ui, "reports_page_uri": "https://reports.example.com/"})
    urls = set()
    for run in (RUN, RUN, "manual"):
        seen = whole(reference, live, new_data=live[:80], name=run)
        urls.add(report(small_contract, there, run, seen.gathered, seen.findings, seen.verdict).ui_url)
    assert len(urls) == 1
    address, _, project = urls.pop().rpartition("/")
    assert address == "https://reports.example.com/projects"  # as people reach it
    listed = httpx.get(f"{ui}/api/projects/{project}/snapshots").json()
    stood = sorted((known["metadata"]["run"], known["tags"]) for known in listed)
    assert stood == [(run, [what]) for run in ("manual", RUN) for what in ("live traffic", "new data", "summary")]
    panels = httpx.get(f"{ui}/api/v2/dashboards/{project}").json()["panels"]
    assert [panel["title"] for panel in panels][:2] == ["Verdict", "Live error of rent"]
    lines = {one["metric_labels"]["column"] for panel in panels for one in panel["values"]}
    assert all(len(drawn(ui, project, line)) == 2 for line in lines)
    assert drawn(ui, project, "mean absolute error") == [pytest.approx(20)] * 2
    assert drawn(ui, project, "verdict") == [0.0, 0.0]
    assert [known["name"] for known in httpx.get(f"{ui}/api/v2/projects").json()] == ["small"]


def test_a_service_that_is_away_is_named_and_the_report_is_there(look, reference, live, settings, small_contract):
    away = settings.model_copy(update={"reports_uri": "http://127.0.0.1:9"})
    seen = look(reference, live)
    with pytest.raises(MonitoringError, match="MLOPS_REPORTS_URI"):
        report(small_contract, away, RUN, seen.gathered, seen.findings, seen.verdict)
    assert (UPath(settings.place("storage_uri")) / "reports" / "small" / RUN / "report.html").exists()
