from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pipeline.bundle.convert import to_onnx
from pipeline.coders import UNKNOWN
from pipeline.contract import Contract, parse_contract
from pipeline.encode import Encoder
from training.estimator import build_estimator
from training.proof import prove

RIDGE = "ridge"


@pytest.fixture
def encoded(small_contract: Contract, small_rows: Callable[..., pd.DataFrame]) -> tuple[np.ndarray, np.ndarray]:
    frame = small_rows(200, 1)
    return Encoder(small_contract).columns(frame), frame["rent"].to_numpy(dtype=float)


def test_codes_are_one_hot_and_missing_counts_as_unknown(
    small_contract: Contract, encoded: tuple[np.ndarray, np.ndarray]
) -> None:
    matrix, target = encoded
    model = build_estimator(small_contract, RIDGE).fit(matrix, target)
    columns = model.regressor_.named_steps["columns"]
    kind = Encoder(small_contract).names.index("kind")
    row = np.repeat(matrix[:1], 3, axis=0)
    row[:, kind] = [2.0, np.nan, UNKNOWN]
    hot = columns.transform(row)[:, :3]
    assert hot.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_a_category_that_training_has_not_seen_changes_no_width(
    small_contract: Contract, encoded: tuple[np.ndarray, np.ndarray]
) -> None:
    matrix, target = encoded
    few = matrix[matrix[:, Encoder(small_contract).names.index("kind")] == 0]
    model = build_estimator(small_contract, RIDGE).fit(few, target[: len(few)])
    assert np.isfinite(model.predict(matrix)).all()


def test_a_log_target_is_fitted_on_its_logarithm(
    small_contract: Contract, encoded: tuple[np.ndarray, np.ndarray]
) -> None:
    matrix, _ = encoded
    model = build_estimator(small_contract, "dummy").fit(matrix[:2], np.array([1.0, 100.0]))
    assert model.predict(matrix[:1])[0] == pytest.approx(10)
    plain = small_contract.model_copy(update={"target": small_contract.target.model_copy(update={"transform": "none"})})
    assert build_estimator(plain, "dummy").fit(matrix[:2], np.array([1.0, 100.0])).predict(matrix[:1])[0] == 50.5


@pytest.mark.parametrize("name", ["dummy", "ridge", "gradient_boosting"])
def test_a_column_without_any_value_in_training_is_borne_then_and_later(
    small_contract: Contract, encoded: tuple[np.ndarray, np.ndarray], name: str
) -> None:
    matrix, target = encoded
    empty = matrix.copy()
    empty[:, Encoder(small_contract).names.index("größe des gartens")] = np.nan
    model = build_estimator(small_contract, name).fit(empty, target)
    assert np.isfinite(model.predict(matrix)).all()
    assert prove(small_contract, model, to_onnx(model, matrix.shape[1]), empty, matrix) < 1e-5


@pytest.mark.parametrize(
    "column",
    [{"type": "number"}, {"type": "category", "categories": ["a", "b"]}, {"type": "boolean"}],
    ids=["numbers only", "categories only", "booleans only"],
)
def test_a_contract_with_one_kind_of_column_works(column: dict[str, object]) -> None:
    contract = parse_contract(
        {
            "name": "tiny",
            "columns": {"x": column},
            "target": {"name": "y"},
            "ingestion": {"source": "nowhere.csv"},
            "training": {"candidates": {"ridge": {"kind": "ridge"}}},
        }
    )
    rows = np.array([[0], [1], [0], [1]], dtype=np.float32)
    model = build_estimator(contract, "ridge").fit(rows, np.array([-1.0, 1.0, -1.0, 1.0]))
    assert prove(contract, model, to_onnx(model, 1), rows, rows) < 1e-5
