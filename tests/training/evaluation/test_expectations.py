from typing import Any

import numpy as np
import pytest

from pipeline.contract import Contract
from pipeline.encode import Matrix
from tests.training.evaluation.made import (
    AREA,
    LIFT,
    STATE,
    Numbers,
    as_part,
    balance,
    balances,
    flats,
    only,
    small,
    true_profit,
    true_rent,
)
from training.evaluation.expectations import check_expectations
from training.rules import Rule


def judged(contract: Contract, predict: Any) -> Rule:
    rows = flats(contract, seed=1).matrix
    (rule,) = check_expectations(contract, predict, rows, flats(contract, 600))
    return rule


def test_without_expectations_there_is_no_rule() -> None:
    assert check_expectations(small(), true_rent, flats(small()).matrix, flats(small())) == []


def test_a_model_that_knows_what_everybody_knows_passes() -> None:
    rule = judged(small(expectations={"area": {"direction": "increasing"}}), true_rent)
    assert rule.passed
    assert rule.value == 0
    assert "0 of 300 rows violate it" in rule.sentence


def test_a_model_that_knows_the_opposite_fails() -> None:
    rule = judged(small(expectations={"area": {"direction": "decreasing"}}), true_rent)
    assert not rule.passed
    assert rule.name == "Largest rise of a prediction as area rises"
    assert "300 of 300 rows violate it" in rule.sentence


def dented(matrix: Matrix) -> Numbers:
    """Flats of more than 120 m2 cost a tenth less than the one at 120, in one kind of row."""
    area = matrix[:, AREA].astype(np.float64)
    return np.where((area > 120) & (matrix[:, LIFT] == 1), 0.9 * 120, area)


def test_the_row_that_drops_the_most_decides() -> None:
    contract = small(expectations={"area": {"direction": "increasing", "tolerance": 0.05}})
    rule = judged(contract, dented)
    lifts = int(flats(contract, seed=1).matrix[:, LIFT].sum())
    assert not rule.passed
    assert rule.value == pytest.approx(0.1, abs=0.05)
    assert f"share of the prediction; {lifts} of 300 rows violate it; worst: from" in rule.sentence
    assert "EUR at 1" in rule.sentence


def test_a_drop_within_the_tolerance_passes() -> None:
    rule = judged(small(expectations={"area": {"direction": "increasing", "tolerance": 0.15}}), dented)
    assert rule.passed
    assert "0 of 300 rows violate it" in rule.sentence


@pytest.mark.parametrize(("sign", "passed"), [(1, True), (-1, False)])
def test_an_ordered_category_is_raised_word_by_word(sign: int, passed: bool) -> None:
    contract = small(expectations={"state": {"direction": "increasing"}})
    rule = judged(contract, lambda matrix: 100 + sign * 10 * np.nan_to_num(matrix[:, STATE].astype(np.float64)))
    assert rule.passed == passed
    if not passed:
        assert "from 100 EUR at poor to 80 EUR at good" in rule.sentence


@pytest.mark.parametrize(("direction", "passed"), [("increasing", False), ("decreasing", True)])
def test_a_boolean_is_raised_from_no_to_yes(direction: str, passed: bool) -> None:
    rule = judged(
        small(expectations={"lift": {"direction": direction}}), lambda matrix: 100 - 10 * matrix[:, LIFT].astype(float)
    )
    assert rule.passed == passed
    if not passed:
        assert "from 100 EUR at no to 90 EUR at yes" in rule.sentence


def test_where_a_target_can_be_negative_a_drop_is_a_share_of_its_spread() -> None:
    contract = balance(expectations={"income": {"direction": "increasing"}, "cost": {"direction": "increasing"}})
    part = balances(contract)
    income, cost = check_expectations(contract, true_profit, part.matrix, part)
    assert income.passed
    assert not cost.passed
    assert "share of the training target's spread" in cost.sentence


def test_values_of_single_training_rows_do_not_decide() -> None:
    contract = small(expectations={"area": {"direction": "increasing"}})
    train = flats(contract, 600)
    train.matrix[0, AREA] = 999
    (rule,) = check_expectations(
        contract, lambda matrix: np.where(matrix[:, AREA] > 900, 1.0, true_rent(matrix)), train.matrix, train
    )
    assert rule.passed


def test_a_prediction_that_is_no_number_fails() -> None:
    rule = judged(
        small(expectations={"area": {"direction": "increasing"}}),
        lambda matrix: np.where(matrix[:, AREA] < 40, np.nan, true_rent(matrix)),
    )
    assert not rule.passed
    assert rule.value is None
    assert "predictions are no finite numbers" in rule.sentence


def test_a_feature_of_which_training_saw_one_value_fails() -> None:
    contract = only({"type": "number"}, expectations={"it": {"direction": "increasing"}})
    frame = balances(balance()).frame.assign(it=7.0)
    part = as_part(contract, frame)
    (rule,) = check_expectations(contract, lambda matrix: np.ones(len(matrix)), part.matrix, part)
    assert not rule.passed
    assert "training saw no two values of it" in rule.sentence
