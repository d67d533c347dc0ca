import numpy as np
import pytest

from pipeline.bootstrap import estimate, lower_bound
from pipeline.contract import Contract
from training.conformal import conformal_interval, coverage, covered, width
from training.errors import TrainingError
from training.metrics import METRICS, error_name, errors, mae, measure, measure_surely, names_of


def on_target(contract: Contract, **changes: object) -> Contract:
    return contract.model_copy(update={"target": contract.target.model_copy(update=changes)})


def test_measures_are_what_their_names_say() -> None:
    measured = measure(np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 5.0]), METRICS)
    assert measured["mae"] == pytest.approx(1)
    assert measured["rmse"] == pytest.approx(np.sqrt(5 / 3))
    assert measured["r2"] == pytest.approx(1 - 5 / 14)
    assert measured["mean_abs_log_error"] == pytest.approx((np.log(2) + np.log(6 / 5)) / 3)
    assert measured["mape"] == pytest.approx((0 + 1 + 1 / 6) / 3)
    assert measured["rmsle"] == pytest.approx(np.sqrt((np.log(5 / 3) ** 2 + np.log(7 / 6) ** 2) / 3))


RELATIVE = {"mean_abs_log_error", "mape"}
UNDEFINED = {
    "no rows": ([], [], set()),
    "equal true values": ([2, 2], [1, 3], set(METRICS) - {"r2"}),
    "a true value that is zero": ([0, 2], [1, 3], set(METRICS) - RELATIVE),
    "a prediction that is not finite": ([1, 2], [1, np.inf], set()),
    "a prediction that is no number": ([1, 2], [1, np.nan], set()),
    "a prediction below zero": ([1, 2], [1, -3], set(METRICS) - {"mean_abs_log_error", "rmsle"}),
}


@pytest.mark.filterwarnings("ignore:invalid value")  # what is not defined is left out, which is what is tested
@pytest.mark.parametrize(("actual", "predicted", "defined"), UNDEFINED.values(), ids=UNDEFINED.keys())
def test_a_measure_that_is_not_defined_is_left_out(
    actual: list[float], predicted: list[float], defined: set[str]
) -> None:
    found = np.array(actual, dtype=float), np.array(predicted, dtype=float)
    assert set(measure(*found, METRICS)) == defined
    assert set(measure_surely(*found, METRICS)) == defined


def test_relative_metrics_are_for_targets_that_are_never_zero(small_contract: Contract) -> None:
    assert set(names_of(small_contract)) == set(METRICS)
    assert set(names_of(on_target(small_contract, minimum=0, transform="none"))) == set(METRICS) - RELATIVE
    assert set(names_of(on_target(small_contract, minimum=None, transform="none"))) == {"mae", "rmse", "r2"}


def test_models_are_compared_by_their_logarithms_where_the_target_allows_it(small_contract: Contract) -> None:
    actual, predicted = np.array([1.0, 2.0]), np.array([2.0, 2.0])
    assert error_name(small_contract) == "mean_abs_log_error"
    assert errors(small_contract, actual, predicted) == pytest.approx([np.log(2), 0])
    plain = on_target(small_contract, minimum=-5, transform="none")
    assert error_name(plain) == "mae"
    assert errors(plain, actual, predicted) == pytest.approx([1, 0])


def test_an_interval_holds_the_true_value_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for seed in range(200):
        error = rng.exponential(1, 80)
        found = estimate(mae, np.zeros(80), error, seed=seed)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 1 <= found.high
    assert 178 <= inside <= 198  # of 200 at 95 %: three standard deviations, and percentiles are a little narrow


def test_a_lower_bound_falls_with_the_confidence_and_is_the_same_for_the_same_rows() -> None:
    error = np.random.default_rng(2).exponential(1, 200)
    bounds = [lower_bound(mae, np.zeros(200), error, confidence=level) for level in (0.9, 0.975, 0.9995)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds == [lower_bound(mae, np.zeros(200), error, confidence=level) for level in (0.9, 0.975, 0.9995)]
    assert bounds[0] < error.mean()


def test_one_row_has_no_interval() -> None:
    one = np.ones(1)
    found = estimate(mae, one, 2 * one)
    assert found is not None
    assert (found.value, found.low, found.high) == (1, None, None)
    assert lower_bound(mae, one, one, confidence=0.9) is None


def test_how_wide_an_interval_is_and_whom_it_covers() -> None:
    log = conformal_interval(np.full(9, 20.0), np.full(9, 10.0), 0.9, "log")
    assert width(log, np.array([10.0])) == pytest.approx([10 * 2 - 10 / 2])
    assert covered(log, np.array([4.9, 5.1, 19.9, 20.1]), np.full(4, 10.0)).tolist() == [False, True, True, False]
    plain = conformal_interval(np.arange(1.0, 20.0), np.zeros(19), 0.9, "none")
    assert width(plain, np.array([10.0, -3.0])).tolist() == [36, 36]


def test_the_interval_is_the_finite_sample_quantile() -> None:
    predicted = np.zeros(19)
    actual = np.arange(1.0, 20.0)  # residuals 1..19: the ceil(20 * 0.9) = 18th is 18
    interval = conformal_interval(actual, predicted, 0.9, "none")
    assert (interval.scale, interval.half_width) == ("identity", 18)


def test_the_interval_of_a_log_target_is_of_logarithms() -> None:
    interval = conformal_interval(np.full(9, 20.0), np.full(9, 10.0), 0.9, "log")
    assert (interval.scale, interval.half_width) == ("log", pytest.approx(np.log(2)))


def test_too_few_rows_for_the_interval_are_refused_with_how_many_it_takes() -> None:
    conformal_interval(np.zeros(9), np.zeros(9), 0.9, "none")
    with pytest.raises(TrainingError, match="8 validation rows are too few for an interval of 90%, which needs 9"):
        conformal_interval(np.zeros(8), np.zeros(8), 0.9, "none")


@pytest.mark.parametrize("transform", ["none", "log"])
def test_the_interval_covers_new_rows_as_promised(transform: str) -> None:
    rng = np.random.default_rng(5)
    actual = rng.lognormal(5, 0.3, 20_000)
    predicted = np.full_like(actual, np.exp(5))
    interval = conformal_interval(actual[:10_000], predicted[:10_000], 0.8, transform)  # type: ignore[arg-type]
    assert coverage(interval, actual[10_000:], predicted[10_000:]) == pytest.approx(0.8, abs=0.015)
