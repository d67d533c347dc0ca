import numpy as np
import pytest

from training.errors import TrainingError
from training.metrics import conformal_interval, coverage, measure


def test_measures_are_what_their_names_say() -> None:
    measured = measure(np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 5.0]))
    assert measured["mae"] == pytest.approx(1)
    assert measured["rmse"] == pytest.approx(np.sqrt(5 / 3))
    assert measured["r2"] == pytest.approx(1 - 5 / 14)
    assert measured["mean_abs_log_error"] == pytest.approx((np.log(2) + np.log(6 / 5)) / 3)


UNDEFINED = {
    "no rows": ([], [], set()),
    "equal true values": ([2, 2], [1, 3], {"mae", "rmse", "mean_abs_log_error"}),
    "a true value that is not positive": ([0, 2], [1, 3], {"mae", "rmse", "r2"}),
    "a prediction that is not finite": ([1, 2], [1, np.inf], set()),
    "a prediction that is no number": ([1, 2], [1, np.nan], set()),
}


@pytest.mark.parametrize(("actual", "predicted", "defined"), UNDEFINED.values(), ids=UNDEFINED.keys())
def test_a_measure_that_is_not_defined_is_left_out(
    actual: list[float], predicted: list[float], defined: set[str]
) -> None:
    assert set(measure(np.array(actual, dtype=float), np.array(predicted, dtype=float))) == defined


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
