"""What tests of all rooms share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from xdist.scheduler import LoadFileScheduling

from pipeline.contract import Contract, load_contract, parse_contract
from pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

SMALL = {
    "name": "small",
    "title": "Small flats",
    "columns": {
        "flat id": {"type": "text", "role": "key"},
        "sold": {"type": "date", "format": "%Y-%m-%d"},
        "area": {"type": "number", "unit": "m2", "minimum": 5, "maximum": 1000, "example": 70.0},
        "class": {"type": "integer", "minimum": 1, "maximum": 5},
        "größe des gartens": {"type": "number", "minimum": 0, "required": False},
        "kind": {"type": "category", "categories": ["Flat", "Terraced House", "Villa"]},
        "district": {"type": "category", "categories": ["North", "South"], "open": True},
        "state": {"type": "category", "categories": ["poor", "fair", "good"], "ordered": True, "required": False},
        "lift": {"type": "boolean"},
    },
    "target": {"name": "rent", "unit": "EUR", "minimum": 1, "transform": "log"},
    "ingestion": {"source": "nowhere.csv"},
    "training": {
        "seed": 3,
        "candidates": {
            "dummy": {"kind": "dummy"},
            "ridge": {"kind": "ridge", "parameters": {"alpha": 1.0}},
            "gradient_boosting": {"kind": "gradient_boosting", "parameters": {"n_estimators": 60}},
        },
    },
    "monitoring": {"minimum_rows": 50},
    "demo": {
        "history": {"start": "2020-01-01", "end": "2021-01-01"},
        "replay": {"start": "2021-01-01", "end": "2022-01-01"},
    },
}


class _ByFolder(LoadFileScheduling):
    """Files of one process each; those that look at the stack share it, and one process."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "tests/end_to_end" if path.startswith("tests/end_to_end/") else path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that nobody waits for it in the end."""
    items.sort(key=lambda item: item.path.parent.name != "end_to_end")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFolder:
    """Say which tests go to which process, where there are several."""
    return _ByFolder(config, log)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose whole state is in the test's own folder."""
    return Settings(
        project_dir=ROOT,
        state_dir=tmp_path / "state",
        mlflow_uri=f"sqlite:///{tmp_path}/mlflow.db",
        reports_uri="",
    )


@pytest.fixture(scope="session")
def house_prices() -> Contract:
    """The default contract."""
    return load_contract(ROOT / "contracts" / "house_prices.yaml")


@pytest.fixture(scope="session")
def small_contract() -> Contract:
    """A contract with every kind of column, and names that are no identifiers."""
    return parse_contract(SMALL)


@pytest.fixture(scope="session")
def small_rows() -> Callable[..., pd.DataFrame]:
    """Make raw rows of the small contract: spelling varies, optional values are missing in places."""
    return make_small_rows


def make_small_rows(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return `n` raw rows over 2020 and 2021 with a rent that depends on the features."""
    rng = np.random.default_rng(seed)
    area = rng.uniform(20, 200, n).round(1)
    grade = rng.integers(1, 6, n)
    kind = rng.choice(["Flat", "flat ", "TERRACED  house", "Villa"], n)
    lift = rng.choice(["yes", "No"], n)
    rent = (8 * area * (1 + 0.1 * grade) * np.where(kind == "Villa", 1.5, 1) * rng.lognormal(0, 0.05, n)).round(2)
    return pd.DataFrame(
        {
            "flat id": [f"f{seed}-{i}" for i in range(n)],
            "sold": pd.to_datetime("2020-01-01") + pd.to_timedelta((np.arange(n) * 730) // n, unit="D"),
            "area": area,
            "class": grade,
            "größe des gartens": np.where(rng.random(n) < 0.2, np.nan, rng.uniform(0, 90, n).round(1)),
            "kind": kind,
            "district": rng.choice(["north", "SOUTH", "East End"], n, p=[0.5, 0.45, 0.05]),
            "state": rng.choice(["poor", "Fair", "good", None], n),
            "lift": lift,
            "rent": rent,
        }
    ).assign(sold=lambda frame: frame["sold"].dt.strftime("%Y-%m-%d"))
