import numpy as np
import pytest

from pipeline.encode import Matrix
from tests.training.evaluation.made import (
    AREA,
    Numbers,
    Watched,
    balance,
    balances,
    flats,
    small,
    true_profit,
    true_rent,
)
from training.evaluation.importance import permutation_importance


def test_a_feature_that_the_model_ignores_has_no_importance() -> None:
    found = {one.feature: one for one in permutation_importance(small(), true_rent, flats(small()))}
    assert set(found) == set(small().features)
    for name in ("größe des gartens", "district", "state", "lift"):
        assert (found[name].increase, found[name].low, found[name].high) == (0, 0, 0)


def test_the_feature_that_says_the_most_stands_first() -> None:
    found = permutation_importance(small(), true_rent, flats(small()))
    assert [one.feature for one in found[:3]] == ["area", "kind", "class"]
    assert all(0 < one.low <= one.increase <= one.high for one in found[:3])


def test_importance_is_the_growth_of_the_error_when_values_are_shuffled() -> None:
    part = balances(balance(), 1_000)
    income = next(one for one in permutation_importance(balance(), true_profit, part) if one.feature == "income")
    # The mean difference of two independent draws of a normal distribution is 2 / sqrt(pi) deviations.
    assert income.increase == pytest.approx(2 / np.sqrt(np.pi) * np.std(part.matrix[:, 0]), rel=0.05)


@pytest.mark.parametrize("nothing", [np.nan, np.inf])
def test_a_model_whose_error_is_not_defined_has_no_importance(nothing: float) -> None:
    assert permutation_importance(small(), lambda matrix: np.full(len(matrix), nothing), flats(small())) == []


def test_a_feature_that_breaks_the_model_when_shuffled_is_left_out() -> None:
    part = flats(small())
    part.matrix[:, AREA] = np.arange(len(part))

    def fragile(matrix: Matrix) -> Numbers:
        return np.where(matrix[:, AREA] == np.resize(np.arange(len(part)), len(matrix)), part.target[0], np.nan)

    assert [one.feature for one in permutation_importance(small(), fragile, part)] == [
        name for name in small().features if name != "area"
    ]


def test_few_rows_are_tried_and_always_the_same() -> None:
    part, model = flats(small(), 3_000), Watched(true_rent)
    first = permutation_importance(small(), model, part)
    assert sum(map(len, model.asked)) == 1_000 * (7 * 5 + 1)
    assert first == permutation_importance(small(), true_rent, part)
