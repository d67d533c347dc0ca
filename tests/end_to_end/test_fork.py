"""A fork: other names, or other data altogether, by the contract and the data file alone. The chain runs without Airflow."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import yaml
from sklearn.datasets import load_diabetes

from ingestion.collect import collect
from ingestion.publish import publish
from ingestion.validate import validate
from monitoring.analyse import analyse
from monitoring.gather import gather
from monitoring.report import report
from monitoring.verdict import verdict
from pipeline import model_registry
from pipeline.contract import load_contract
from pipeline.records import to_record
from pipeline.settings import Settings
from serving.client import ServiceClient
from serving.reconcile import reconcile
from serving.release import evidence, release
from training.evaluate import evaluate
from training.fit import fit_candidate
from training.gate import judge
from training.package import package
from training.plan import plan
from training.register import register

from .conftest import ROOT, free_ports

pytestmark = pytest.mark.timeout(300)

DIABETES = {
    "name": "diabetes",
    "target": {"name": "progression", "unit": "points", "minimum": 0},
    "ingestion": {"source": "data/diabetes.csv"},
    "training": {
        "interval": 0.8,
        "candidates": {
            "ridge": {"kind": "ridge"},
            "forest": {"kind": "random_forest", "parameters": {"n_estimators": 50, "min_samples_leaf": 5}},
        },
    },
    "gate": {"share_of_dummy": 0.9},
    "monitoring": {"minimum_rows": 50},
    "demo": {"history": {"start": 0, "end": 340}, "replay": {"start": 340, "end": 442}},
}


def settings_for(project):
    (port,) = free_ports(1)
    return Settings(
        project_dir=project, mlflow_uri=f"sqlite:///{project}/mlflow.db", reports_uri="", serving_port=port, ready_seconds=40
    )


@contextmanager
def served(settings, model):
    """The real service, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")} | {
        "MLOPS_PROJECT_DIR": str(settings.project_dir),
        "MLOPS_SERVING_PORT": str(settings.serving_port),
    }
    process = subprocess.Popen([sys.executable, "-m", "serving.service", model], env=environment)
    try:
        yield ServiceClient(settings.place("service_uri", model))
    finally:
        process.terminate()
        process.wait(20)


def ingest(contract, settings, window):
    valid = validate(contract, settings, window.id, collect(contract, settings, window.id, window))
    return valid, publish(contract, settings, valid)


def train(contract, settings):
    planned = plan(contract, settings, "run", None, "first")
    fitted = [fit_candidate(contract, settings, planned, name) for name in planned.candidates]
    evaluated = evaluate(contract, settings, planned, fitted)
    packaged = package(contract, settings, planned, evaluated)
    return register(contract, settings, planned, evaluated, packaged, judge(contract, evaluated, packaged))


def live_the_loop(contract, settings):
    """The demo's chain, stage by stage; returns the challenger, the answers, and the verdict."""
    ingest(contract, settings, contract.demo.history)
    challenger = train(contract, settings)
    with served(settings, contract.name) as service:
        release(settings, evidence(contract, settings, challenger.version, None))
        reconcile(settings, contract.name)
        valid, second = ingest(contract, settings, contract.demo.replay)
        rows = pd.read_parquet(valid.uri)
        answers = [service.predict(to_record(contract, row)) for row in rows.to_dict("records")]
        truths = [
            {"prediction_id": answer["id"], "actual": float(actual)}
            for answer, actual in zip(answers, rows[contract.target.name], strict=True)
        ]
        service.actuals(truths)
        time.sleep(0.01)
        until = datetime.now(UTC) + timedelta(seconds=1)
        gathered = gather(contract, settings, "watch", until, second.version)
        findings = analyse(contract, settings, "watch", gathered)
        concluded = verdict(contract, findings)
        reported = report(contract, settings, "watch", gathered, findings, concluded)
    return challenger, rows, findings, concluded, reported


def test_the_chain_runs_with_every_column_renamed(tmp_path):
    """Contract and data are all that names a column: under other names the model is as good."""
    content = yaml.safe_load((ROOT / "contracts" / "house_prices.yaml").read_text())
    columns, target = content["columns"], content["target"]["name"]
    names = {name: f"Spalte {place} / class (größer)" for place, name in enumerate([*columns, target])}
    content["columns"] = {names[name]: column for name, column in columns.items()}
    content["target"]["name"] = names[target]
    content["name"] = "renamed"
    content["ingestion"]["source"] = "data/renamed.csv"
    content["training"]["candidates"] = {
        "dummy": {"kind": "dummy"},
        "boosting": content["training"]["candidates"]["gradient_boosting"],
    }
    (tmp_path / "contracts").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "contracts" / "renamed.yaml").write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    raw = pd.read_csv(ROOT / "data" / "ames_house_sales.csv", dtype=str, keep_default_na=False)
    raw.rename(columns=names).to_csv(tmp_path / "data" / "renamed.csv", index=False)
    contract = load_contract(tmp_path / "contracts" / "renamed.yaml")
    settings = settings_for(tmp_path)
    challenger, rows, findings, concluded, reported = live_the_loop(contract, settings)
    assert model_registry.champion(settings, "renamed") == challenger.version == 1
    assert len(rows) == findings.performance.truths == 989
    assert findings.performance.mae <= 15_600
    assert findings.performance.r2 >= 0.91
    assert concluded.status in ("healthy", "watch")
    left_over = {f"{name}" for name in (*columns, target) if "_" in name}
    page = (tmp_path / ".mlops" / "storage" / "reports" / "renamed" / "watch" / "report.json").read_text()
    assert reported.json_uri.endswith("watch/report.json")
    assert not [name for name in left_over if name in page]


def test_another_data_set_needs_its_contract_and_its_file_only(tmp_path):
    """Scikit-learn's diabetes data: no key, no time, no category; windows are row positions."""
    frame = load_diabetes(as_frame=True, scaled=False).frame
    (tmp_path / "contracts").mkdir()
    (tmp_path / "data").mkdir()
    frame.rename(columns={"target": "progression"}).to_csv(tmp_path / "data" / "diabetes.csv", index=False)
    columns = {name: {"type": "number"} for name in frame.columns if name != "target"}
    content = {**DIABETES, "columns": columns}
    (tmp_path / "contracts" / "diabetes.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    contract = load_contract(tmp_path / "contracts" / "diabetes.yaml")
    settings = settings_for(tmp_path)
    challenger, rows, findings, concluded, _ = live_the_loop(contract, settings)
    assert challenger.data_version == "data-v1.0.0"
    assert len(rows) == 102
    assert findings.performance.truths == 102
    assert findings.performance.mae < 60  # predicting the median of the first rows: about 66
    assert concluded.status in ("healthy", "watch")
