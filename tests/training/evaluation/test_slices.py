import numpy as np
import pandas as pd
import pytest

from pipeline.contract import ContractError
from pipeline.slices import check_slices, slice_groups, slice_labels
from tests.training.evaluation.made import flats, only, small

ALL = {
    "area": {"edges": [50, 100.5]},
    "kind": {},
    "district": {},
    "state": {},
    "lift": {},
    "größe des gartens": {"edges": [30]},
}
GROUPS = {
    "area": ("under 50", "50 to 100.5", "100.5 and more"),
    "kind": ("Flat", "Terraced House", "Villa"),
    "district": ("North", "South", "other"),
    "state": ("poor", "fair", "good", "missing"),
    "lift": ("yes", "no"),
    "größe des gartens": ("under 30", "30 and more", "missing"),
}


def test_a_column_has_groups_for_all_that_its_rows_can_hold() -> None:
    assert slice_groups(small(slices=ALL)) == GROUPS


def test_rows_are_in_the_groups_of_their_values() -> None:
    frame = pd.DataFrame(
        {
            "area": [49.9, 50.0, 100.5],
            "kind": ["Terraced House", "Flat", "Villa"],
            "district": ["North", "east end", "South"],
            "state": [None, "fair", np.nan],
            "lift": [True, False, np.True_],
            "größe des gartens": [np.nan, 0.0, 30.0],
        }
    )
    found = {name: labels.tolist() for name, labels in slice_labels(small(slices=ALL), frame).items()}
    assert found == {
        "area": ["under 50", "50 to 100.5", "100.5 and more"],
        "kind": ["Terraced House", "Flat", "Villa"],
        "district": ["North", "other", "South"],
        "state": ["missing", "fair", "missing"],
        "lift": ["yes", "no", "yes"],
        "größe des gartens": ["missing", "under 30", "30 and more"],
    }


def test_each_row_is_in_one_of_the_groups() -> None:
    contract = small(slices=ALL)
    for name, labels in slice_labels(contract, flats(contract).frame).items():
        assert set(labels) == set(GROUPS[name])


def test_an_optional_boolean_may_be_missing() -> None:
    contract = only({"type": "boolean", "required": False}, slices={"it": {}})
    assert slice_groups(contract) == {"it": ("yes", "no", "missing")}
    assert slice_labels(contract, pd.DataFrame({"it": [True, None]}))["it"].tolist() == ["yes", "missing"]


def test_a_word_that_is_called_as_a_group_shares_it() -> None:
    contract = only({"type": "category", "categories": ["a", "other"], "open": True}, slices={"it": {}})
    assert slice_groups(contract) == {"it": ("a", "other")}
    assert slice_labels(contract, pd.DataFrame({"it": ["Other", "b", "A"]}))["it"].tolist() == ["other", "other", "a"]


def test_without_slices_there_are_no_groups() -> None:
    assert slice_groups(small()) == {}
    assert slice_labels(small(), flats(small(), 5).frame) == {}


def test_required_groups_must_exist() -> None:
    check_slices(small(slices={"lift": {"required": ["yes"]}, "district": {"required": ["other"]}}))
    wrong = small(
        slices={"lift": {"required": ["maybe"]}, "area": {"edges": [50], "required": ["50 and more", "missing"]}}
    )
    with pytest.raises(ContractError) as caught:
        check_slices(wrong)
    assert str(caught.value).splitlines() == [
        "small: gate.slices.lift.required: there is no group 'maybe'; there are: yes, no",
        "small: gate.slices.area.required: there is no group 'missing'; there are: under 50, 50 and more",
    ]
