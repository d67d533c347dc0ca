"""Each alert rule of the service fires when it should and stays silent when it should, as promtool evaluates it."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

RULES = Path(__file__).resolve().parents[2] / "gitops" / "monitoring" / "rules.yaml"
SERVICE = 'job="flats", instance="a:8000"'
INFO = f'mlops_model_info{{{SERVICE}, model="flats", version="3", data_version="data-v1.0.0"}}'
UP = f"up{{{SERVICE}}}"
ASKED = f'mlops_requests_total{{{SERVICE}, route="/predict", status="200"}}'
FAILED = f'mlops_requests_total{{{SERVICE}, route="/predict", status="500"}}'
NOT_READY = f'mlops_requests_total{{{SERVICE}, route="/health/ready", status="503"}}'
READY = f'mlops_requests_total{{{SERVICE}, route="/health/ready", status="200"}}'
REFUSED = f'mlops_refusals_total{{{SERVICE}, field="area", reason="range"}}'
PREDICTED = f'mlops_predictions_total{{{SERVICE}, version="3"}}'
WAITING = f"mlops_unshipped{{{SERVICE}}}"


@dataclass(frozen=True)
class Case:
    """Series by minute, in promtool's notation, and whether the alert fires then."""

    alert: str
    why: str
    series: dict[str, str]
    fires: bool
    at: str = "60m"


def bucket(seconds: str, more: str) -> dict[str, str]:
    return {f'mlops_request_seconds_bucket{{{SERVICE}, route="/predict", le="{seconds}"}}': f"0+{more}x90"}


def answers(fast: int, slow: int) -> dict[str, str]:
    """Requests a minute of which some take more than half a second."""
    within = {"0.1": fast, "0.25": fast, "0.5": fast, "1": fast + slow, "+Inf": fast + slow}
    return {name: value for edge, more in within.items() for name, value in bucket(edge, str(more)).items()}


DOWN, EMPTY, UNREADY = "PredictionServiceDown", "PredictionServiceWithoutModel", "PredictionServiceNotReady"
DIFFER, ERRORS, SLOW = "PredictionServiceVersionsDiffer", "PredictionServiceErrors", "PredictionServiceSlow"
REFUSES, BEHIND, QUIET = "PredictionServiceRefusesValues", "PredictionLogNotCopied", "PredictionServiceWithoutTraffic"
OTHER = INFO.replace('"3"', '"2"').replace("a:8000", "b:8000")

CASES = [
    Case(DOWN, "the target does not answer", {UP: "1x30 0x60", INFO: "1x30 stale"}, True),
    Case(DOWN, "the target is gone", {UP: "1x30 stale", INFO: "1x30 stale"}, True),
    Case(DOWN, "it answers", {UP: "1x90", INFO: "1x90"}, False),
    Case(DOWN, "it was away for a minute", {UP: "1x58 0 1x30", INFO: "1x90"}, False),
    Case(DOWN, "something else is down", {UP.replace("flats", "database"): "0x90", UP: "1x90", INFO: "1x90"}, False),
    Case(EMPTY, "no model from the start", {ASKED: "0+1x90"}, True),
    Case(EMPTY, "a model", {ASKED: "0+1x90", INFO: "1x90"}, False),
    Case(EMPTY, "it has just started", {ASKED: "_x57 0+1x30"}, False),
    Case(UNREADY, "every probe fails", {NOT_READY: "0+6x90"}, True),
    Case(UNREADY, "probes pass", {READY: "0+6x90", NOT_READY: "2x90"}, False),
    Case(DIFFER, "two versions", {INFO: "1x90", OTHER: "1x90"}, True),
    Case(DIFFER, "a release on its way", {INFO: "1x90", OTHER: "1x50 stale"}, False),
    Case(DIFFER, "one version", {INFO: "1x90", INFO.replace("a:8000", "b:8000"): "1x90"}, False),
    Case(ERRORS, "2 % fail", {ASKED: "0+98x90", FAILED: "0+2x90"}, True),
    Case(ERRORS, "all fail", {FAILED: "0+5x90"}, True),
    Case(ERRORS, "0.5 % fail", {ASKED: "0+199x90", FAILED: "0+1x90"}, False),
    Case(ERRORS, "refusals are the client's", {FAILED.replace("500", "422"): "0+50x90", ASKED: "0+1x90"}, False),
    Case(ERRORS, "probes alone fail", {NOT_READY: "0+6x90", ASKED: "0+1x90"}, False),
    Case(SLOW, "5 % take more than half a second", answers(95, 5), True),
    Case(SLOW, "all are fast", answers(100, 0), False),
    Case(SLOW, "nobody asks", answers(0, 0), False),
    Case(REFUSES, "as many refused as answered", {REFUSED: "0+10x90", PREDICTED: "0+10x90"}, True),
    Case(REFUSES, "all refused, none answered", {REFUSED: "0+10x90"}, True),
    Case(REFUSES, "one of a hundred", {REFUSED: "0+1x90", PREDICTED: "0+100x90"}, False),
    Case(REFUSES, "a person tries the page", {REFUSED: "0x30 0+2x5 10x60", PREDICTED: "0+0x90"}, False),
    Case(BEHIND, "rows wait and become more", {WAITING: "2000+100x120"}, True, "90m"),
    Case(BEHIND, "the database is back", {WAITING: "9000-100x70 0x60"}, False, "90m"),
    Case(BEHIND, "a few rows wait", {WAITING: "0+1x120"}, False, "90m"),
    Case(QUIET, "no prediction for a day", {PREDICTED: "0+1x1440 1440x2000"}, True, "51h"),
    Case(QUIET, "somebody asks now and then", {PREDICTED: "0+1x4000"}, False, "51h"),
    Case(QUIET, "it was never asked", {PREDICTED: "0x4000"}, False, "51h"),
]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules as a file of Prometheus: what the operator takes out of the object."""
    assert shutil.which("promtool"), "promtool is missing: apt-get install prometheus"
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(RULES.read_text(encoding="utf-8"))["spec"]))
    return path


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_the_rules_are_valid(rules: Path) -> None:
    found = promtool("check", "rules", str(rules))
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.why}")
def test_a_rule_fires_and_stays_silent(rules: Path, tmp_path: Path, case: Case) -> None:
    firing = f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"}})'
    expected = [{"labels": "{}", "value": 1}] if case.fires else []
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": case.at, "exp_samples": expected}],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [test]}))
    found = promtool("test", "rules", str(file))
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_rule_has_both_cases() -> None:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["spec"]["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert {(case.alert, case.fires) for case in CASES} == {
        (alert, fires) for alert in alerts for fires in (True, False)
    }
