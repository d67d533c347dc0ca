import numpy as np
import pytest

from pipeline.bundle.shapley import shapley_values
from pipeline.encode import Matrix
from tests.training.evaluation.made import (
    AREA,
    Numbers,
    Watched,
    as_part,
    balance,
    balances,
    flats,
    nowhere,
    only,
    small,
    true_rent,
)
from training.evaluation.shapley import explain

WEIGHTS = np.array([3.0, -2.0, 0.0])


def linear(matrix: Matrix) -> Numbers:
    return 5 + matrix.astype(np.float64) @ WEIGHTS


def test_the_effects_of_a_linear_model_are_its_weights_times_the_distance_from_the_mean() -> None:
    background = balances(balance(), 150).matrix
    row = np.array([20, 10, 1], dtype=np.float32)
    found = shapley_values(linear, row, background, seed=1)
    np.testing.assert_allclose(found.effects, WEIGHTS * (row - background.astype(np.float64).mean(axis=0)), atol=1e-9)
    assert found.base == pytest.approx(linear(background).mean())
    assert found.predicted == 45


def test_features_that_act_together_share_their_effect() -> None:
    background = np.zeros((100, 2), dtype=np.float32)
    found = shapley_values(
        lambda matrix: matrix.prod(axis=1).astype(float), np.array([3, 5], np.float32), background, 0
    )
    np.testing.assert_allclose(found.effects, [7.5, 7.5])  # exact, since each order has its reverse


def test_a_single_feature_has_the_whole_effect() -> None:
    background = np.array([[1], [3]], dtype=np.float32)
    found = shapley_values(lambda matrix: matrix[:, 0].astype(float), np.array([10], np.float32), background, 0)
    assert (found.base, found.effects.tolist()) == (2, [8])


def test_base_and_effects_add_up_to_the_prediction() -> None:
    contract, background = small(), flats(small(), 200, seed=2).matrix
    for one in explain(contract, true_rent, flats(contract), background, 0):
        assert one.base + sum(effect.effect for effect in one.contributions) == pytest.approx(one.predicted, rel=1e-12)
        assert one.base == pytest.approx(true_rent(background).mean())


def test_the_median_the_worst_and_the_highest_prediction_are_explained() -> None:
    contract, part = small(), flats(small(), 301)
    predicted = true_rent(part.matrix)
    worst = int(np.argmax(np.abs(np.log(predicted / part.target))))
    median, error, highest = explain(contract, true_rent, part, part.matrix[:50], 0)
    assert (median.title, median.predicted) == ("The median prediction", np.median(predicted))
    assert (error.title, error.actual, error.predicted) == ("The largest error", part.target[worst], predicted[worst])
    assert (highest.title, highest.predicted) == ("The highest prediction", predicted.max())


def test_values_are_written_for_people_and_the_largest_effect_stands_first() -> None:
    contract = small()
    frame = flats(contract, 3).frame.assign(
        area=[60.0, 70.5, 200.0], district=["NORTH", "east end", "South"], state=None, lift=["yes", "no", "yes"]
    )
    part = as_part(contract, frame)
    explained = explain(contract, lambda matrix: matrix[:, AREA].astype(float), part, flats(contract, 20).matrix, 0)[0]
    assert {one.feature: one.value for one in explained.contributions} == {
        "area": "70.5 m2",
        "class": f"{frame['class'].iloc[1]:.0f}",
        "größe des gartens": f"{frame['größe des gartens'].iloc[1]:g}",
        "kind": frame["kind"].iloc[1],
        "district": "east end",
        "state": "missing",
        "lift": "no",
    }
    assert explained.contributions[0].feature == "area"


def test_a_model_that_says_nothing_is_not_explained() -> None:
    assert explain(small(), nowhere, flats(small()), flats(small()).matrix, 0) == []


def test_a_row_whose_effects_are_not_defined_is_left_out() -> None:
    part = flats(small(), 100)

    def breaks(matrix: Matrix) -> Numbers:
        known = (matrix[:, None, AREA] == part.matrix[None, :, AREA]).any(axis=1)
        return np.where(known, true_rent(matrix), np.nan)

    strangers = flats(small(), 20, seed=9).matrix
    strangers[:, AREA] += np.float32(0.03)
    assert explain(small(), breaks, part, strangers, 0) == []
    assert len(explain(small(), breaks, part, part.matrix[:20], 0)) == 3


def test_few_calls_are_made() -> None:
    model = Watched(true_rent)
    explain(small(), model, flats(small()), flats(small(), 200).matrix, 0)
    assert len(model.asked) == 10  # all rows once; of each explained row itself, the background and what is between


def test_a_contract_of_one_category_is_explained() -> None:
    contract = only({"type": "category", "categories": ["A", "B"], "required": False})
    frame = balances(balance()).frame.rename(columns={"shop": "it"})
    frame.loc[frame.index[0], "it"] = None
    part = as_part(contract, frame)
    found = explain(contract, lambda matrix: np.nan_to_num(matrix[:, 0].astype(float), nan=7), part, part.matrix, 0)
    assert [one.contributions[0].value for one in found][2] == "missing"
