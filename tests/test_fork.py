"""A fork: other names, or other data altogether, by the contract and the data file alone, without Airflow."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from sklearn.datasets import load_diabetes

from pipeline import model_registry
from pipeline.contract import load_contract
from tests.chain import live_the_loop, settings_for

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).resolve().parents[1]
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
        "vectors": content["training"]["candidates"]["support_vectors"],
    }
    for section in ("slices", "expectations"):
        content["gate"][section] = {names[name]: rule for name, rule in content["gate"][section].items()}
    (tmp_path / "contracts").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "contracts" / "renamed.yaml").write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    raw = pd.read_csv(ROOT / "data" / "ames_house_sales.csv", dtype=str, keep_default_na=False)
    raw.rename(columns=names).to_csv(tmp_path / "data" / "renamed.csv", index=False)
    contract = load_contract(tmp_path / "contracts" / "renamed.yaml")
    settings = settings_for(tmp_path)
    lived = live_the_loop(contract, settings)
    assert model_registry.champion(settings, "renamed") == lived.challenger.version == 1
    assert len(lived.rows) == lived.findings.performance.truths == 989
    assert lived.findings.performance.mae <= 13_900
    assert lived.findings.performance.r2 >= 0.91
    assert lived.verdict.status in ("healthy", "watch")
    left_over = {name for name in (*columns, target) if "_" in name}
    page = (tmp_path / ".mlops" / "storage" / "reports" / "renamed" / "watch" / "report.json").read_text()
    assert lived.reported.json_uri.endswith("watch/report.json")
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
    lived = live_the_loop(contract, settings)
    assert lived.challenger.data_version == "data-v1.0.0"
    assert len(lived.rows) == 102
    assert lived.findings.performance.truths == 102
    assert lived.findings.performance.mae < 60  # predicting the median of the first rows: about 66
    assert lived.verdict.status in ("healthy", "watch")
