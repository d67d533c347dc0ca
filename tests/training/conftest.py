"""What tests of training share: published rows, and one whole chain that several tests look at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from pipeline.coders import coder
from pipeline.contract import SPLIT, Contract, Window
from pipeline.data_registry import DataRegistry
from pipeline.settings import Settings
from pipeline.split import assign_splits, identity_columns
from training.evaluation.evaluate import Evaluated, evaluate
from training.fit import Fitted
from training.gate.decision import Decision
from training.gate.judge import judge
from training.package import Packaged, package
from training.plan import Plan, plan
from training.register import Challenger, register
from training.vote import fit_all

Rows = Callable[..., pd.DataFrame]


@dataclass(frozen=True)
class Chain:
    """What each stage of one training run gave."""

    plan: Plan
    fitted: list[Fitted]
    evaluated: Evaluated
    packaged: Packaged
    decision: Decision
    challenger: Challenger


def as_published(contract: Contract, frame: pd.DataFrame) -> pd.DataFrame:
    """Return raw rows as validation leaves them: normalised, and with their split."""
    frame = frame.copy()
    for name, column in contract.features.items():
        frame[name] = [coder(column).normalise(value) for value in frame[name]]
    if contract.event_time:
        frame[contract.event_time] = pd.to_datetime(frame[contract.event_time])
    frame[SPLIT] = assign_splits(contract, [frame[name] for name in identity_columns(contract)])
    return frame


def run_chain(contract: Contract, settings: Settings, run: str, data_version: str | None = None) -> Chain:
    planned = plan(contract, settings, run, data_version, "a test")
    fitted = fit_all(contract, settings, planned)
    evaluated = evaluate(contract, settings, planned, fitted)
    packaged = package(contract, settings, planned, evaluated)
    decision = judge(contract, settings, planned, evaluated, packaged)
    challenger = register(contract, settings, planned, evaluated, packaged, decision)
    return Chain(planned, fitted, evaluated, packaged, decision, challenger)


@pytest.fixture(scope="session")
def publish() -> Callable[[Contract, Settings, pd.DataFrame, Window], str]:
    """Publish raw rows as a data version and return it."""

    def publish_rows(contract: Contract, settings: Settings, frame: pd.DataFrame, window: Window) -> str:
        registry = DataRegistry(settings, contract)
        return registry.publish(as_published(contract, frame), window, "made by a test").version

    return publish_rows


@pytest.fixture(scope="session")
def train() -> Callable[..., Chain]:
    """Run all stages and return what each gave."""
    return run_chain


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract, small_rows: Rows) -> Settings:
    """Settings whose state holds `data-v1.0.0` of the small contract."""
    folder: Path = tmp_path_factory.mktemp("training")
    settings = Settings(
        project_dir=folder / "project",
        state_dir=folder / "state",
        mlflow_uri=f"sqlite:///{folder}/mlflow.db",
        reports_uri="",
    )
    (folder / "project" / "requirements").mkdir(parents=True)
    (folder / "project" / "requirements" / "core.txt").write_text("numpy==2.3\n")
    frame = as_published(small_contract, small_rows(400, 0))
    DataRegistry(settings, small_contract).publish(frame, Window(), "made by a test")
    return settings


@pytest.fixture(scope="session")
def chain(stock: Settings, small_contract: Contract) -> Chain:
    """One training run on the stock, up to the challenger."""
    return run_chain(small_contract, stock, "run-1")
