import numpy as np
import pytest

from pipeline.bundle.format import Interval
from pipeline.bundle.parity import Predict
from pipeline.contract import Contract, parse_contract
from pipeline.encode import Matrix
from pipeline.split import SplitName
from tests.conftest import SMALL
from tests.training.evaluation.made import (
    AREA,
    Numbers,
    balance,
    balances,
    flats,
    nowhere,
    small,
    true_profit,
    true_rent,
)
from training.conformal import conformal_interval
from training.data import Part
from training.errors import TrainingError
from training.estimator import build_estimator
from training.evaluation.assess import assess
from training.evaluation.document import Evaluation
from training.metrics import measure, names_of
from training.proof import predictor

GATE = {
    "slices": {"kind": {}, "area": {"edges": [60, 120]}},
    "expectations": {"area": {"direction": "increasing"}, "class": {"direction": "increasing"}},
}


def splits(contract: Contract) -> dict[SplitName, Part]:
    windows = np.arange(200) // 50
    return {
        "train": flats(contract, 600, 1),
        "validation": flats(contract, 300, 2),
        "test": flats(contract, 200, 3, windows),
    }


def evaluated(contract: Contract, predict: Predict) -> Evaluation:
    parts = splits(contract)
    held = parts["validation"]
    return assess(contract, predict, parts, conformal_interval(held.target, true_rent(held.matrix), 0.9, "log"))


def test_an_evaluation_says_all_there_is_to_say() -> None:
    contract = small(**GATE)
    parts, found = splits(contract), evaluated(contract, true_rent)
    test = parts["test"]
    assert (found.error, found.rows) == ("mean_abs_log_error", 200)
    expected = measure(test.target, true_rent(test.matrix), names_of(contract))
    assert {name: one.value for name, one in found.metrics.items()} == expected
    for one in found.metrics.values():
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.value < one.high
    assert found.dummy == measure(test.target, np.full(200, np.median(parts["train"].target)), names_of(contract))
    assert found.coverage
    assert found.coverage.value == pytest.approx(0.9, abs=0.06)
    assert len(found.slices) == 6
    assert found.worst in found.slices
    assert found.recent
    assert found.recent.group == "the last 2 windows"
    assert len(found.robustness) == 5
    assert all(rule.passed for rule in found.robustness)
    assert found.importance[0].feature == "area"
    assert len(found.explained) == 3


def test_it_survives_being_stored() -> None:
    found = evaluated(small(**GATE), true_rent)
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_the_same_model_and_rows_give_the_same_evaluation() -> None:
    assert evaluated(small(**GATE), true_rent) == evaluated(small(**GATE), true_rent)


@pytest.mark.parametrize("candidate", ["dummy", "ridge", "gradient_boosting"])
def test_fitted_models_are_evaluated(candidate: str) -> None:
    contract = parse_contract(SMALL | {"gate": GATE})
    train = splits(contract)["train"]
    found = evaluated(contract, predictor(build_estimator(contract, candidate).fit(train.matrix, train.target)))
    dummy = found.dummy["mean_abs_log_error"]
    if candidate == "dummy":
        assert found.metrics["mean_abs_log_error"].value == pytest.approx(dummy)
    else:
        assert found.metrics["mean_abs_log_error"].value < 0.5 * dummy


def test_a_target_that_can_be_negative_is_evaluated() -> None:
    contract = balance()
    parts: dict[SplitName, Part] = {name: balances(contract, 200, seed) for seed, name in enumerate(PARTS)}
    found = assess(contract, true_profit, parts, Interval(level=0.9, scale="identity", half_width=1.0))
    assert (found.error, found.metrics["mae"].value, found.width) == ("mae", pytest.approx(0, abs=1e-5), 2.0)
    assert set(found.metrics) == set(found.dummy) == {"mae", "rmse", "r2"}
    assert (found.slices, found.worst, found.recent) == ([], None, None)
    assert found.coverage
    assert found.coverage.value == 1


PARTS: tuple[SplitName, ...] = ("train", "validation", "test")


def test_some_predictions_that_are_no_numbers_leave_no_metric_and_no_passed_rule_they_touch() -> None:
    def partly(matrix: Matrix) -> Numbers:
        return np.where(matrix[:, AREA] > 60, true_rent(matrix), np.nan)

    found = evaluated(small(**GATE), partly)
    assert found.metrics == {}
    assert not any(rule.passed for rule in found.robustness)
    assert found.worst
    assert (found.worst.column, found.worst.metrics) == ("kind", {})
    assert found.coverage
    assert found.coverage.value < 0.8
    assert found.importance == []


def test_a_model_that_says_nothing_is_refused() -> None:
    with pytest.raises(TrainingError, match="none of the 200 predictions of test rows is a finite number"):
        evaluated(small(**GATE), nowhere)
