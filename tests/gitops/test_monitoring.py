"""Alert rules and dashboard speak of metrics that the service has, and lead to pages that the guide has."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from serving.service.metrics import Metrics
from serving.service.watcher import Live

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "gitops" / "monitoring"
_METRIC = re.compile(r"\b(?:mlops|process)_[a-z_]+")
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


@pytest.fixture(scope="module")
def known():
    """The names of all series that the service can have."""
    metrics = Metrics()
    metrics.unshipped(lambda: 0.0)
    families = text_string_to_metric_families(metrics.text(Live()).decode())
    return {family.name + suffix for family in families for suffix in _SUFFIXES[family.type]}


def rules():
    groups = yaml.safe_load((FOLDER / "rules.yaml").read_text(encoding="utf-8"))["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard():
    return json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))


def expressions():
    drawn = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    marked = [one["expr"] for one in dashboard()["annotations"]["list"]]
    return [*drawn, *marked, *(rule["expr"] for rule in rules())]


def test_every_metric_that_is_asked_for_is_there(known):
    asked = {name for expression in expressions() for name in _METRIC.findall(expression)}
    assert len(asked) > 5
    assert asked <= known


def test_the_labels_that_are_asked_for_are_there():
    text = Metrics()
    text.observe("/predict", 200, 0.1)
    found = {
        label
        for family in text_string_to_metric_families(text.text(Live()).decode())
        for sample in family.samples
        for label in sample.labels
    }
    by_target = {"job", "instance", "model", "version", "data_version", "field", "reason"}
    asked = {name for expression in expressions() for name in re.findall(r"[{,]\s*([a-z_]+)\s*(?:=|!)", expression)}
    assert asked <= found | by_target


def test_every_rule_leads_to_a_place_in_the_guide():
    for rule in rules():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
        headings = {line[3:].strip().lower().replace(" ", "-") for line in lines if line.startswith("## ")}
        assert anchor in headings
        assert f"`{rule['alert']}`" in "\n".join(lines)


def test_panels_stand_beside_each_other_and_have_ids_of_their_own():
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_the_folder_stands_alone():
    names = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
    files = [
        *names["resources"],
        *(file.partition("=")[2] for one in names["configMapGenerator"] for file in one["files"]),
    ]
    assert all((FOLDER / file).is_file() for file in files)
    assert names["generatorOptions"]["labels"] == {"grafana_dashboard": "1"}
