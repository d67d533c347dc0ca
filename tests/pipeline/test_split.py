"""Splits: a row's place depends on its key alone."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from pipeline.contract import parse_contract
from pipeline.split import assign_splits, canonical_text, identity_columns, row_hash, split_of


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([7, 7.0, np.int64(7), np.float32(7), "7"], "7"),
        ([-0.0, 0, 0.0], "0"),
        ([0.1, np.float64(0.1)], "0.10000000000000001"),
        ([None, np.nan, pd.NA, "", "  "], ""),
        ([dt.date(2020, 1, 2), pd.Timestamp("2020-01-02"), "2020-01-02"], "2020-01-02"),
        ([True, np.True_, "True"], "True"),
        ([2**60 + 1, np.int64(2**60 + 1)], "1152921504606846977"),
    ],
)
def test_equal_values_have_one_text(values, text):
    assert {canonical_text(value) for value in values} == {text}


def test_values_of_neighbouring_columns_do_not_run_together():
    assert row_hash(["ab", "c"]) != row_hash(["a", "bc"])


def test_a_row_stays_where_it_is_when_data_grow_or_come_in_another_order(small_contract):
    keys = [f"flat {n}" for n in range(300)]
    before = dict(zip(keys, assign_splits(small_contract, [keys]), strict=True))
    more = [f"new {n}" for n in range(100)] + keys[::-1]
    after = dict(zip(more, assign_splits(small_contract, [more]), strict=True))
    assert {key: after[key] for key in keys} == before


def test_the_shares_are_those_of_the_contract(small_contract):
    splits = pd.Series(assign_splits(small_contract, [range(20_000)])).value_counts(normalize=True)
    assert splits["train"] == pytest.approx(0.7, abs=0.01)
    assert splits["validation"] == pytest.approx(0.15, abs=0.01)
    assert splits["test"] == pytest.approx(0.15, abs=0.01)


def test_the_place_of_a_row_is_frozen(small_contract):
    """Another hash would move rows that a released model was fitted on into its test split."""
    assert [split_of(small_contract, [key]) for key in ("a", "b", "c", "d", "e", "f", "g", "h")] == [
        "validation", "train", "test", "train", "test", "validation", "train", "train",
    ]  # fmt: skip


def test_another_salt_is_another_split(small_contract):
    content = small_contract.model_dump(mode="json")
    content["split"]["salt"] = "pepper"
    assert assign_splits(small_contract, [range(50)]) != assign_splits(parse_contract(content), [range(50)])


def test_the_features_stand_for_a_row_without_a_key(small_contract):
    content = small_contract.model_dump(mode="json")
    del content["columns"]["flat id"]
    assert identity_columns(small_contract) == ("flat id",)
    assert identity_columns(parse_contract(content)) == tuple(small_contract.features)
