from typing import Any

import numpy as np
import pytest

from pipeline.refusal import Refusal, count_refusals


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (
            Refusal("area", "range", -3, "at least 0", first_row=7),
            "area: -3 is out of range (row 7); allowed: at least 0",
        ),
        (Refusal("area", "range", -3, rows=4, first_row=7), "area: -3 is out of range (row 7 and 3 more)"),
        (Refusal("area", "missing_column", allowed="a number"), "area: is not there; allowed: a number"),
        (Refusal("area", "missing", rows=2, first_row=1), "area: is empty (row 1 and 1 more)"),
        (
            Refusal("kind", "category", "Castle", "one of: flat"),
            "kind: 'Castle' is not a known category; allowed: one of: flat",
        ),
        (Refusal("kind", "type", "a\nb"), r"kind: 'a\nb' is of the wrong type"),
        (Refusal("colour", "unexpected", "red"), "colour: 'red' is not a field of the contract"),
        (Refusal("id", "duplicate", "f-1", rows=2, first_row=3), "id: 'f-1' stands more than once (row 3 and 1 more)"),
    ],
)
def test_a_refusal_names_the_field_the_value_and_what_is_allowed_in_one_line(refusal: Refusal, message: str) -> None:
    assert refusal.message == message


@pytest.mark.parametrize(
    ("value", "shown"), [(np.float64(2.5), "2.5"), (np.int64(7), "7"), (False, "False"), ("", "''")]
)
def test_values_are_shown_as_people_write_them(value: Any, shown: str) -> None:
    assert Refusal("area", "type", value).message == f"area: {shown} is of the wrong type"


def test_a_long_value_is_cut() -> None:
    message = Refusal("area", "type", "x" * 10_000).message

    assert len(message) < 100
    assert "xxx..." in message


def test_refused_rows_are_counted_by_field_and_reason() -> None:
    refusals = [
        Refusal("area", "range", -3, rows=4),
        Refusal("area", "range", 9999, rows=2),
        Refusal("area", "type", "x"),
        Refusal("kind", "missing_column"),
    ]

    assert count_refusals(refusals) == {"area": {"range": 6, "type": 1}, "kind": {"missing_column": 1}}
    assert count_refusals([]) == {}
