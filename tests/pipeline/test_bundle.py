import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import skops.io
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from pipeline.bundle.convert import ConversionError, to_onnx
from pipeline.bundle.format import (
    CONTRACT,
    FILES,
    METADATA,
    MODEL,
    BundleError,
    BundleMetadata,
    Interval,
    SmokeRow,
    check_digest,
    digest,
    read_metadata,
    write_bundle,
)
from pipeline.bundle.load import load_bundle, open_session
from pipeline.bundle.parity import ParityError, prove_parity, relative_difference
from pipeline.bundle.probes import probe_rows
from pipeline.coders import UNKNOWN
from pipeline.contract import Contract, parse_contract
from pipeline.encode import Encoder
from training.estimator import build_estimator
from training.proof import prove

Rows = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def frame(small_rows: Rows) -> pd.DataFrame:
    return small_rows(200, 1)


@pytest.fixture(scope="module")
def matrix(small_contract: Contract, frame: pd.DataFrame) -> np.ndarray:
    return Encoder(small_contract).columns(frame)


@pytest.fixture(scope="module")
def model(small_contract: Contract, frame: pd.DataFrame, matrix: np.ndarray) -> BaseEstimator:
    return build_estimator(small_contract, "gradient_boosting").fit(matrix, frame["rent"].to_numpy(dtype=float))


@pytest.fixture
def folder(small_contract: Contract, frame: pd.DataFrame, model: BaseEstimator, tmp_path: Path) -> Path:
    records = json.loads(frame[list(small_contract.features)].head(8).to_json(orient="records"))
    encoded = np.concatenate([Encoder(small_contract).record(record) for record in records])
    smoke = [
        SmokeRow(record=record, prediction=value) for record, value in zip(records, model.predict(encoded), strict=True)
    ]
    write_bundle(tmp_path / "bundle", to_onnx(model, 7), small_contract, metadata(smoke=tuple(smoke)))
    return tmp_path / "bundle"


def metadata(**changes: object) -> BundleMetadata:
    values = {
        "model": "small",
        "run_id": "run",
        "data_version": "data-v1.0.0",
        "candidate": "gradient_boosting",
        "metrics": {"mae": 1.0},
        "target_transform": "log",
        "interval": Interval(level=0.9, scale="log", half_width=0.2),
        "training_ranges": {"area": (20.0, 200.0)},
        "smoke": (SmokeRow(record={}, prediction=1.0),),
    }
    return BundleMetadata.model_validate(values | changes)


def test_a_bundle_answers_as_the_trained_model(
    folder: Path, model: BaseEstimator, matrix: np.ndarray, small_contract: Contract
) -> None:
    bundle = load_bundle(folder)
    answered = bundle.predict(matrix)
    assert answered.dtype == np.float64
    assert answered.shape == (200,)
    assert np.allclose(answered, model.predict(matrix), rtol=1e-5, atol=0)
    assert bundle.contract == small_contract
    bundle.check_smoke()


def test_the_interval_stands_on_the_scale_of_the_fit(folder: Path) -> None:
    low, high = load_bundle(folder).interval(np.array([100.0]))
    assert (low[0], high[0]) == (pytest.approx(100 * np.exp(-0.2)), pytest.approx(100 * np.exp(0.2)))
    content = json.loads((folder / METADATA).read_text())
    content["interval"] = {"level": 0.9, "scale": "identity", "half_width": 7}
    (folder / METADATA).write_text(json.dumps(content))
    low, high = load_bundle(folder).interval(np.array([100.0]))
    assert (low[0], high[0]) == (93, 107)


def test_the_same_model_gives_the_same_bytes_in_another_process(model: BaseEstimator, tmp_path: Path) -> None:
    skops.io.dump(model, tmp_path / "model")
    code = (
        "import hashlib, sys, skops.io; from pipeline.bundle.convert import to_onnx;"
        "m = skops.io.load(sys.argv[1], trusted=['numpy.dtype', 'sklearn.tree._tree.Tree']);"
        "print(hashlib.sha256(to_onnx(m, 7)).hexdigest())"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "model")]
    found = {
        subprocess.run(arguments, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert to_onnx(model, 7) == to_onnx(model, 7)


def test_background_rows_come_back_as_the_same_numbers(small_contract: Contract, tmp_path: Path) -> None:
    rows = metadata(background=((70.1, None), (-1.0, 3e38)))
    first, second = (write_bundle(tmp_path / name, b"model", small_contract, rows) for name in ("one", "two"))
    assert first == second
    read = np.array(read_metadata(tmp_path / "one").background, dtype=np.float32)
    expected = np.array([[70.1, np.nan], [-1, 3e38]], dtype=np.float32)
    assert read.tobytes() == expected.tobytes()


def test_a_bundle_that_was_made_before_there_were_background_rows_still_loads(folder: Path) -> None:
    content = json.loads((folder / METADATA).read_text())
    del content["background"]
    (folder / METADATA).write_text(json.dumps(content))
    assert load_bundle(folder).metadata.background == ()


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_changes_the_digest_and_is_refused(folder: Path, name: str) -> None:
    before = digest(folder)
    check_digest(folder, before)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(BundleError, match=f"but {before[:12]} was registered"):
        check_digest(folder, before)


def test_the_release_beside_a_bundle_does_not_count(folder: Path) -> None:
    before = digest(folder)
    (folder / "release.json").write_text("{}")
    assert digest(folder) == before


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    for use in (load_bundle, digest):
        with pytest.raises(BundleError, match=name):
            use(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x00not what it was")
    with pytest.raises(BundleError, match=name):
        load_bundle(folder)


def test_a_model_for_other_features_is_refused(folder: Path) -> None:
    linear = LinearRegression().fit(np.zeros((3, 2)), np.arange(3))
    (folder / MODEL).write_bytes(to_onnx(linear, 2))
    with pytest.raises(BundleError, match="the model takes 2 features, the contract has 7"):
        load_bundle(folder)


def test_another_models_contract_is_refused(folder: Path) -> None:
    content = json.loads((folder / CONTRACT).read_text())
    (folder / CONTRACT).write_text(json.dumps(content | {"name": "other"}))
    with pytest.raises(BundleError, match="the model small has the contract other"):
        load_bundle(folder)


def test_a_smoke_row_with_another_answer_is_refused(folder: Path) -> None:
    content = json.loads((folder / METADATA).read_text())
    content["smoke"][2]["prediction"] *= 1.001
    (folder / METADATA).write_text(json.dumps(content))
    with pytest.raises(BundleError, match="smoke row 3 of small: the bundle answers"):
        load_bundle(folder).check_smoke()


def test_a_smoke_row_that_the_contract_does_not_allow_is_refused(folder: Path) -> None:
    content = json.loads((folder / METADATA).read_text())
    content["smoke"][0]["record"]["kind"] = "Castle"
    (folder / METADATA).write_text(json.dumps(content))
    with pytest.raises(BundleError, match="Castle"):
        load_bundle(folder).check_smoke()


def test_a_model_fitted_on_other_targets_is_refused(
    small_contract: Contract, model: BaseEstimator, frame: pd.DataFrame, matrix: np.ndarray
) -> None:
    assert prove(small_contract, model, to_onnx(model, 7), matrix[:100], matrix[100:]) < 1e-5
    other = build_estimator(small_contract, "gradient_boosting").fit(matrix, 1.001 * frame["rent"].to_numpy())
    with pytest.raises(ParityError, match="of the held-out rows, where ONNX says"):
        prove(small_contract, model, to_onnx(other, 7), matrix[:100], matrix[100:])


def test_a_model_with_one_split_out_of_place_is_refused(
    small_contract: Contract, model: BaseEstimator, matrix: np.ndarray
) -> None:
    graph = onnx.load_from_string(to_onnx(model, 7))
    trees = next(node for node in graph.graph.node if node.op_type == "TreeEnsembleRegressor")
    thresholds = next(attribute for attribute in trees.attribute if attribute.name == "nodes_values")
    thresholds.floats[0] *= 1.05
    with pytest.raises(ParityError, match="ONNX and scikit-learn disagree: worst at row"):
        prove(small_contract, model, graph.SerializeToString(), matrix[:100], matrix[100:])


def test_a_refused_proof_names_the_worst_row_and_both_values() -> None:
    rows = {"held-out": np.array([[1, 2], [3, np.nan]], dtype=np.float32)}

    with pytest.raises(ParityError) as refused:
        prove_parity(
            lambda _: np.array([100.0, 200.0]), lambda _: np.array([100.001, 203.0]), rows, ("first", "second")
        )
    message = str(refused.value)
    assert "row 2 of the held-out rows, where ONNX says 203 and scikit-learn 200" in message
    assert "first=3, second=nan" in message


@pytest.mark.parametrize(("found", "agrees"), [(100.0099, True), (100.011, False), (np.nan, False), (np.inf, False)])
def test_the_tolerance_is_one_in_ten_thousand(found: float, agrees: bool) -> None:
    rows = {"one": np.zeros((1, 1), dtype=np.float32)}
    arguments = (lambda _: np.array([100.0]), lambda _: np.array([found]), rows, ("x",))
    if agrees:
        assert prove_parity(*arguments) <= 1e-4
    else:
        with pytest.raises(ParityError):
            prove_parity(*arguments)


def test_near_zero_the_usual_size_is_the_measure() -> None:
    expected = np.array([1e-9, 100.0, -100.0])
    assert relative_difference(expected, expected + 1e-5)[0] == pytest.approx(1e-5)
    assert np.isnan(relative_difference(np.array([np.nan]), np.array([np.nan]))[0])
    assert relative_difference(np.array([np.inf, 1.0]), np.array([np.inf, 1.0])).tolist() == [0, 0]


def test_border_rows_show_thresholds_that_were_rounded_to_the_nearest() -> None:
    contract = parse_contract(
        {
            "name": "tiny",
            "columns": {"x": {"type": "number", "minimum": 0, "maximum": 100}},
            "target": {"name": "y"},
            "ingestion": {"source": "nowhere.csv"},
            "training": {"candidates": {"any": {"kind": "hist_gradient_boosting"}}},
        }
    )
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 100, (240, 1)).round(1).astype(np.float32)
    model = HistGradientBoostingRegressor(min_samples_leaf=1).fit(rows, rng.normal(size=240))
    plain = convert_sklearn(model, "model", [("features", FloatTensorType([None, 1]))]).SerializeToString()
    with pytest.raises(ParityError, match="of the border rows"):
        prove(contract, model, plain, rows, rows)
    assert prove(contract, model, to_onnx(model, 1), rows, rows) < 1e-4


def test_probes_reach_limits_missing_and_unknown(small_contract: Contract, matrix: np.ndarray) -> None:
    groups = probe_rows(small_contract, matrix[:100], matrix[100:])
    names = list(small_contract.features)
    edge = groups["edge"]
    area, kind, state = (edge[:, names.index(name)] for name in ("area", "kind", "state"))
    assert {5.0, 1000.0} <= set(area.tolist())
    assert {0.0, 1.0, 2.0, UNKNOWN} <= set(kind[~np.isnan(kind)].tolist())
    assert UNKNOWN not in state
    assert np.isnan(edge).all(axis=1).any()
    assert np.isnan(edge).any(axis=0).all()
    assert np.array_equal(groups["held-out"], matrix[100:], equal_nan=True)


def test_jitter_moves_numbers_and_leaves_codes(small_contract: Contract, matrix: np.ndarray) -> None:
    train = matrix[:100]
    jittered = probe_rows(small_contract, train, matrix[100:])["jittered"]
    base = np.concatenate([np.repeat(train, 3, axis=0), train, train])
    area, kind = (list(small_contract.features).index(name) for name in ("area", "kind"))
    assert np.array_equal(jittered[:, kind], base[:, kind])
    assert (jittered[:, area] != base[:, area]).mean() > 0.99
    assert np.allclose(jittered[:, area], base[:, area], rtol=0.0101)


def test_probes_are_the_same_each_time(small_contract: Contract, matrix: np.ndarray) -> None:
    first, second = (probe_rows(small_contract, matrix[:100], matrix[100:]) for _ in range(2))
    assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)


def test_what_has_no_converter_is_named() -> None:
    model = FunctionTransformer(np.sin).fit(np.zeros((2, 2)))
    with pytest.raises(ConversionError, match="FunctionTransformer cannot be written as ONNX"):
        to_onnx(model, 2)


def test_converting_leaves_the_model_as_it_is() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 2))
    model = HistGradientBoostingRegressor(max_iter=3).fit(rows, rows.sum(axis=1))
    before = model._predictors[0][0].nodes["num_threshold"].copy()
    to_onnx(model, 2)
    assert np.array_equal(model._predictors[0][0].nodes["num_threshold"], before)


def test_no_onnx_is_refused() -> None:
    with pytest.raises(BundleError, match="cannot be opened as ONNX"):
        open_session(b"nothing")


def test_loading_needs_numpy_and_onnx_runtime_only() -> None:
    code = (
        "import sys; import pipeline.bundle.load;"
        "heavy = {'pandas', 'sklearn', 'mlflow', 'onnx', 'skl2onnx', 'scipy', 'dvc'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
