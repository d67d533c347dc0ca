import numpy as np
import pytest

from pipeline.bundle.format import Interval
from pipeline.slices import slice_labels
from tests.training.evaluation.made import AREA, INTERVAL, balance, balances, flats, small, true_profit, true_rent
from training.conformal import coverage, width
from training.evaluation.by_slice import evaluate_slices, recent_slice, worst_slice
from training.metrics import measure, names_of

SLICES = {"kind": {}, "district": {}, "area": {"edges": [10, 100]}}
ERROR = "mean_abs_log_error"


def test_a_slice_is_measured_on_its_rows_alone() -> None:
    contract = small(slices=SLICES)
    part = flats(contract)
    predicted = true_rent(part.matrix)
    found = {(one.column, one.group): one for one in evaluate_slices(contract, part, predicted, INTERVAL)}
    rows = slice_labels(contract, part.frame)["kind"] == "Villa"
    villa = found["kind", "Villa"]
    assert villa.rows == rows.sum() > 0
    assert villa.metrics == measure(part.target[rows], predicted[rows], names_of(contract))
    assert villa.coverage == coverage(INTERVAL, part.target[rows], predicted[rows])
    assert villa.width == pytest.approx(np.mean(width(INTERVAL, predicted[rows])))


def test_every_group_is_reported_and_an_empty_one_with_no_rows() -> None:
    contract = small(slices=SLICES)
    found = evaluate_slices(contract, flats(contract), true_rent(flats(contract).matrix), INTERVAL)
    assert [one.group for one in found if one.column == "area"] == ["under 10", "10 to 100", "100 and more"]
    empty = next(one for one in found if one.group == "under 10")
    assert (empty.rows, empty.metrics, empty.coverage, empty.width) == (0, {}, None, None)


def test_what_is_not_defined_is_left_out_of_its_slice_only() -> None:
    contract = small(slices={"kind": {}})
    part = flats(contract)
    predicted = true_rent(part.matrix)
    predicted[slice_labels(contract, part.frame)["kind"] == "Villa"] = np.nan
    flat, _, villa = evaluate_slices(contract, part, predicted, INTERVAL)
    assert (villa.metrics, villa.coverage, villa.width) == ({}, 0.0, None)
    assert set(flat.metrics) == set(names_of(contract))


def test_slices_of_a_target_that_can_be_negative() -> None:
    contract = balance(slices={"shop": {}})
    part = balances(contract)
    found = evaluate_slices(
        contract, part, true_profit(part.matrix) + 1, Interval(level=0.9, scale="identity", half_width=2)
    )
    assert [(one.group, one.coverage, one.width) for one in found] == [("A", 1.0, 4.0), ("B", 1.0, 4.0)]
    assert found[0].metrics["mae"] == pytest.approx(1)


def test_without_slices_nothing_is_found() -> None:
    part = flats(small())
    assert evaluate_slices(small(), part, true_rent(part.matrix), INTERVAL) == []
    assert worst_slice(small(), [], ERROR) is None


def test_the_worst_slice_is_the_one_with_the_largest_error() -> None:
    contract = small(slices=SLICES)
    part = flats(contract)
    large = part.matrix[:, AREA] >= 100
    slices = evaluate_slices(contract, part, np.where(large, 1.5, 1.01) * true_rent(part.matrix), INTERVAL)
    worst = worst_slice(contract, slices, ERROR)
    assert worst
    assert (worst.column, worst.group) == ("area", "100 and more")


def test_a_slice_with_few_rows_is_not_the_worst() -> None:
    contract = small(slices={"district": {}}, slice_rows=30)
    part = flats(contract)
    rows = slice_labels(contract, part.frame)["district"] == "other"
    assert 0 < rows.sum() < 30
    predicted = np.where(rows, 9, 1) * true_rent(part.matrix)
    worst = worst_slice(contract, evaluate_slices(contract, part, predicted, INTERVAL), ERROR)
    assert worst
    assert worst.group in ("North", "South")
    every = small(slices={"district": {}}, slice_rows=2)
    worst = worst_slice(every, evaluate_slices(every, part, predicted, INTERVAL), ERROR)
    assert worst
    assert worst.group == "other"


def test_a_slice_whose_error_is_not_defined_is_the_worst() -> None:
    contract = small(slices={"kind": {}})
    part = flats(contract)
    rows = slice_labels(contract, part.frame)["kind"] == "Terraced House"
    predicted = np.where(rows, np.nan, 5 * true_rent(part.matrix))
    worst = worst_slice(contract, evaluate_slices(contract, part, predicted, INTERVAL), ERROR)
    assert worst
    assert worst.group == "Terraced House"


def test_the_recent_slice_has_the_rows_of_the_last_windows() -> None:
    contract = small(recent_rows=60)
    part = flats(contract, 300, windows=np.arange(300) // 50)
    predicted = np.where(part.windows >= 4, 2, 1) * part.target
    found = recent_slice(contract, part, predicted, INTERVAL)
    assert found
    assert (found.column, found.group, found.rows) == ("window", "the last 2 windows", 100)
    assert (found.metrics["mape"], found.coverage) == (1.0, 0.0)
    one = recent_slice(small(recent_rows=50), part, predicted, INTERVAL)
    assert one
    assert (one.group, one.rows) == ("the last window", 50)


def test_rows_of_one_window_have_no_recent_slice() -> None:
    part = flats(small())
    assert recent_slice(small(), part, part.target, INTERVAL) is None
