"""What tests of the gate share: models that are fitted on training rows, and their bundles."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pipeline.bundle.convert import to_onnx
from pipeline.bundle.format import BundleMetadata, Interval, SmokeRow, write_bundle
from pipeline.bundle.load import load_bundle
from pipeline.contract import Contract
from tests.training.conftest import as_published
from training.data import Part, join, split_parts
from training.estimator import build_estimator
from training.gate.champion import Champion

Rows = Callable[..., pd.DataFrame]


def held_out(contract: Contract, frame: pd.DataFrame) -> Part:
    """Return the rows that a model of the contract is not fitted on."""
    parts = split_parts(contract, as_published(contract, frame), "made by a test")
    return join(parts["validation"], parts["test"])


def write_model(
    contract: Contract, frame: pd.DataFrame, folder: Path, candidate: str = "ridge", run_id: str = "run"
) -> str:
    """Fit a candidate on the training rows, write its bundle and return the digest."""
    train = split_parts(contract, as_published(contract, frame), "made by a test")["train"]
    model = build_estimator(contract, candidate).fit(train.matrix, train.target)
    metadata = BundleMetadata(
        model=contract.name,
        run_id=run_id,
        data_version="data-v1.0.0",
        candidate=candidate,
        metrics={},
        target_transform=contract.target.transform,
        interval=Interval(level=0.9, scale="log", half_width=0.2),
        training_ranges={},
        smoke=(SmokeRow(record={}, prediction=1.0),),
    )
    return write_bundle(folder, to_onnx(model, len(contract.features)), contract, metadata)


@pytest.fixture
def make_champion(tmp_path: Path) -> Callable[..., Champion]:
    """Make version 3, fitted on the training rows of a frame under a contract."""

    def make(contract: Contract, frame: pd.DataFrame, candidate: str = "ridge") -> Champion:
        write_model(contract, frame, tmp_path / "bundle", candidate)
        return Champion(3, load_bundle(tmp_path / "bundle"))

    return make
