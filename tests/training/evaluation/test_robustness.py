from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.contract import Contract
from pipeline.encode import Matrix
from tests.training.evaluation.made import (
    AREA,
    CLASS,
    GARDEN,
    KIND,
    STATE,
    Numbers,
    Watched,
    as_part,
    balance,
    balances,
    flats,
    only,
    small,
    true_profit,
    true_rent,
)
from training.evaluation.robustness import check_robustness
from training.rules import Rule

PERTURBED = "Change under small perturbations"
MISSING = "Error without one optional feature, over that with it"
FAR = "Farthest prediction for out-of-range values"


def judged(contract: Contract, predict: Any) -> dict[str, Rule]:
    """The rules' judgement of a model of flats, by name."""
    found = check_robustness(contract, predict, flats(contract, seed=1), flats(contract, 600))
    return {rule.name: rule for rule in found}


def profits(contract: Contract, predict: Any) -> dict[str, Rule]:
    """The same for balances."""
    found = check_robustness(contract, predict, balances(contract, seed=1), balances(contract, 600))
    return {rule.name: rule for rule in found}


def test_a_sound_model_passes_every_rule() -> None:
    found = judged(small(), true_rent)
    assert list(found) == [PERTURBED, MISSING, FAR]
    assert all(rule.passed for rule in found.values())


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_a_model_that_says_nothing_fails_every_rule_with_its_reason(nothing: float) -> None:
    contract = small(expectations={"area": {"direction": "increasing"}})
    found = judged(contract, lambda matrix: np.full(len(matrix), nothing))
    assert len(found) == 4
    for rule in found.values():
        assert not rule.passed
        assert rule.value is None
        assert "is not defined, and must be at most" in rule.sentence
    assert "1,500 of 1,500 predictions are no finite numbers" in found[PERTURBED].sentence


def test_one_prediction_that_is_no_number_fails() -> None:
    def mostly(matrix: Matrix) -> Numbers:
        return np.where(matrix[:, AREA] == matrix[0, AREA], np.nan, true_rent(matrix))

    assert not judged(small(), mostly)[PERTURBED].passed


# Small perturbations


def rough(matrix: Matrix) -> Numbers:
    """A model whose answer hangs on the third digit of the area."""
    return true_rent(matrix) * (1 + 0.5 * np.sin(20 * matrix[:, AREA].astype(np.float64)))


def test_a_model_that_jumps_with_tiny_moves_fails() -> None:
    rule = judged(small(), rough)[PERTURBED]
    assert not rule.passed
    assert rule.value
    assert rule.value > 0.05
    assert "2 numeric features of 300 rows moved at random by up to 0.01 of their spread" in rule.sentence


def test_how_far_numbers_move_is_the_contracts_word() -> None:
    moderate = small(robustness={"perturbation": 0.00001})
    assert judged(moderate, rough)[PERTURBED].passed


def test_moved_numbers_stay_within_the_limits_and_missing_ones_missing() -> None:
    contract = small(robustness={"perturbation": 0.5})
    model = Watched(true_rent)
    check_robustness(contract, model, flats(contract), flats(contract))
    moved = model.asked[1]
    assert (moved[:, GARDEN] == 0).any()  # clipped, since a garden is at least 0
    assert np.nanmin(moved[:, GARDEN]) == 0
    assert np.isnan(moved[:, GARDEN]).sum() == 5 * np.isnan(model.asked[0][:, GARDEN]).sum()
    np.testing.assert_array_equal(moved[:, KIND:], np.tile(model.asked[0], (5, 1))[:, KIND:])


@pytest.mark.parametrize(("perturbation", "moves"), [(0.01, False), (0.9, True)])
def test_whole_numbers_move_only_in_whole_steps(perturbation: float, moves: bool) -> None:
    contract = small(robustness={"perturbation": perturbation})
    model = Watched(true_rent)
    check_robustness(contract, model, flats(contract), flats(contract))
    before, after = np.tile(model.asked[0], (5, 1))[:, CLASS], model.asked[1][:, CLASS]
    assert set(np.unique(after)) <= {1, 2, 3, 4, 5}
    assert (before != after).any() == moves


def test_where_a_target_can_be_zero_changes_are_shares_of_its_spread() -> None:
    assert profits(balance(), true_profit)[PERTURBED].passed
    rule = profits(balance(), lambda matrix: true_profit(matrix) + 30 * np.sin(50 * matrix[:, 0]))[PERTURBED]
    assert not rule.passed
    assert "share of the training target's spread" in rule.sentence


# Missing optional fields


def test_a_feature_whose_absence_costs_much_fails_by_name() -> None:
    def lost(matrix: Matrix) -> Numbers:
        return true_rent(matrix) * np.where(np.isnan(matrix[:, GARDEN]), 2, 1)

    rule = judged(small(), lost)[MISSING]
    assert not rule.passed
    assert "worst without größe des gartens: mean_abs_log_error of 300 rows is" in rule.sentence
    assert judged(small(robustness={"missing_error": 100}), lost)[MISSING].passed


def test_absence_that_makes_no_difference_has_the_ratio_one() -> None:
    assert judged(small(), true_rent)[MISSING].value == 1


def test_a_model_that_makes_no_error_passes_and_one_that_then_makes_some_does_not() -> None:
    contract = only({"type": "number", "required": False})
    part = as_part(contract, balances(balance()).frame.assign(it=lambda frame: frame["profit"]))
    exact = replace(part, target=part.matrix[:, 0].astype(np.float64))
    rules = check_robustness(contract, lambda matrix: matrix[:, 0].astype(np.float64), exact, exact)
    assert not next(rule for rule in rules if rule.name == MISSING).passed
    zero = replace(part, target=np.zeros(len(part)))
    rules = check_robustness(contract, lambda matrix: np.zeros(len(matrix)), zero, part)
    assert all(rule.passed for rule in rules)


def test_a_model_that_breaks_without_an_optional_feature_fails() -> None:
    rule = judged(small(), lambda matrix: true_rent(matrix) + 0 * matrix[:, STATE])[MISSING]
    assert not rule.passed
    assert rule.value is None


def test_without_optional_features_there_is_no_rule_on_them() -> None:
    assert list(profits(balance(), true_profit)) == [PERTURBED, FAR]


# Out-of-range values


def test_a_prediction_far_beyond_what_training_had_fails_with_its_case() -> None:
    def steep(matrix: Matrix) -> Numbers:
        return np.exp(matrix[:, AREA].astype(np.float64) / 50)

    rule = judged(small(), steep)[FAR]
    assert not rule.passed
    assert "worst: area = 1000 m2 gives 485,165,000 EUR, and training had" in rule.sentence
    assert "as a factor beyond the ends of the training target" in rule.sentence
    assert judged(small(robustness={"out_of_range": 1e9}), steep)[FAR].passed


def test_predictions_within_the_range_have_the_factor_one() -> None:
    assert judged(small(), lambda matrix: np.full(len(matrix), 1000.0))[FAR].value == 1


@pytest.mark.parametrize("far", [np.nan, np.inf, -1.0, 0.0])
def test_a_prediction_at_a_limit_that_no_logarithm_has_fails(far: float) -> None:
    rule = judged(small(), lambda matrix: np.where(matrix[:, AREA] == 1000, far, true_rent(matrix)))[FAR]
    assert not rule.passed
    assert rule.value is None
    assert "worst: area = 1000 m2 gives" in rule.sentence


def test_a_target_that_can_be_negative_is_judged_by_the_width_of_its_range() -> None:
    assert profits(balance(), true_profit)[FAR].passed
    rule = profits(balance(), lambda matrix: 100 * true_profit(matrix))[FAR]
    assert not rule.passed
    assert "in widths of the training target's range beyond its ends" in rule.sentence
    assert "$, and training had -" in rule.sentence


def test_values_stay_within_the_contracts_limits() -> None:
    model = Watched(true_rent)
    judged(small(), model)
    asked = np.concatenate(model.asked)
    assert (np.nanmin(asked[:, AREA]), np.nanmax(asked[:, AREA])) == (5, 1000)
    assert (np.nanmin(asked[:, CLASS]), np.nanmax(asked[:, CLASS])) == (1, 5)
    assert np.nanmax(asked[:, GARDEN]) > 100  # there the contract names no maximum, and training saw up to 90


# Of all


def test_without_numbers_and_optional_features_there_is_nothing_to_check() -> None:
    contract = only({"type": "category", "categories": ["A", "B"]})
    frame = balances(balance()).frame.rename(columns={"shop": "it"})
    part = as_part(contract, frame)
    assert check_robustness(contract, lambda matrix: np.ones(len(matrix)), part, part) == []


def test_few_rows_are_tried_in_calls_of_bearable_size() -> None:
    contract = small(expectations={"area": {"direction": "increasing"}})
    model = Watched(true_rent)
    check_robustness(contract, model, flats(contract, 3_000), flats(contract, 600))
    assert len(model.asked[0]) == 500
    assert len(model.asked) < 10
    assert max(map(len, model.asked)) <= 50_000


def test_the_same_rows_get_the_same_judgement() -> None:
    assert judged(small(), rough) == judged(small(), rough)
