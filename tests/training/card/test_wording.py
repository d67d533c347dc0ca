import math

import pytest

from pipeline.bootstrap import Estimate
from training.card.wording import (
    METRICS,
    change,
    compared_with,
    count,
    exactly,
    limits,
    listed,
    metric,
    number,
    percent,
    share,
    signed,
    span,
    within,
)
from training.metrics import METRICS as MEASURES


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (13912.4, "13,912"),
        (1234567.8, "1,234,568"),
        (999.97, "1,000"),
        (812.37, "812"),
        (62.5, "62.5"),
        (0.9, "0.900"),
        (0.00012345, "0.000123"),
        (-0.0373, "-0.0373"),
        (-0.2, "-0.200"),
        (0.0, "0"),
        (1e-9, "1e-09"),
        (2.5e16, "2.5e+16"),
        (None, "not defined"),
        (math.nan, "not defined"),
        (math.inf, "not defined"),
    ],
)
def test_a_number_has_the_digits_that_people_read(value: float | None, written: str) -> None:
    assert number(value) == written


def test_both_ends_of_a_span_have_the_digits_of_the_larger() -> None:
    assert span(0.0000704, 0.0389) == "0.0001 to 0.0389"
    assert span(-0.00001, 0.5) == "0.000 to 0.500"
    assert span(None, 0.5) == "not defined"


def test_shares_are_percent() -> None:
    assert [percent(value) for value in (0.252, 0.0004, 1.0, 0.99999, -0.05)] == [
        *("25.2 %", "0.0 %", "100.0 %", "over 99.9 %", "-5.0 %")
    ]
    assert [change(value) for value in (0.1, -0.025, 2.5)] == ["+10.0 %", "-2.5 %", "+250.0 %"]
    assert [share(value) for value in (0.9, 0.005, 0.07, 1 / 8)] == ["90 %", "0.5 %", "7 %", "12.5 %"]
    assert percent(None) == "not defined"


def test_signs_limits_counts_and_lists() -> None:
    assert [signed(value) for value in (512.0, -61.5, 0.0)] == ["+512", "-61.5", "0"]
    sides = [(1.0, 1e7), (0.5, None), (None, 3.0), (None, None)]
    assert [limits(*side, exactly) for side in sides] == ["1 to 10,000,000", "at least 0.5", "at most 3", ""]
    assert (count(1, "row"), count(1200, "row")) == ("1 row", "1,200 rows")
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"


def test_every_metric_has_a_name_and_a_meaning() -> None:
    assert set(METRICS) == set(MEASURES)
    assert metric("pinball_loss") == "Pinball loss"
    assert (within("Mean error"), within("R²")) == ("mean error", "R²")


@pytest.mark.parametrize(
    ("value", "low", "high", "end"),
    [
        (0.85, 0.82, 0.88, "by more than chance explains"),
        (0.89, 0.86, 0.92, "by no more than chance may do"),
        (0.8997, 0.86, 0.93, "as promised"),
        (0.91, 0.88, 0.94, "as promised"),
        (0.96, 0.94, 0.98, "wider than they need be"),
        (1.0, None, None, "how sure that is, is not defined"),
    ],
)
def test_coverage_is_compared_with_what_is_promised(
    value: float, low: float | None, high: float | None, end: str
) -> None:
    assert compared_with(Estimate(value=value, low=low, high=high), 0.9).endswith(end)
