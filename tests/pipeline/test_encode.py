from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coders import LARGEST, UNKNOWN, Booleans, Numbers, Words, coder, is_missing
from pipeline.contract import CategoryColumn, Contract
from pipeline.contract.words import fold
from pipeline.encode import EncodeError, Encoder

MISSING = [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN"), "", " \t\u00a0"]
GARDEN = "größe des gartens"


def spelt(*words: str) -> st.SearchStrategy[str]:
    forms = [form for word in words for form in (word, word.upper(), word.lower(), f"  {word.replace(' ', '   ')}\t")]
    return st.sampled_from(forms)


def rows() -> st.SearchStrategy[dict[str, Any]]:
    missing = st.sampled_from(MISSING)
    number = st.floats(-1e30, 1e30) | st.integers(-(2**70), 2**70) | st.decimals(-1000, 1000)
    return st.fixed_dictionaries(
        {
            "area": number | missing,
            "class": st.integers(1, 5) | st.floats(1, 5) | missing,
            GARDEN: number | missing,
            "kind": spelt("Flat", "Terraced House", "Villa") | missing,
            "district": st.text(st.characters(exclude_categories=["Cs"])) | spelt("North", "South") | missing,
            "state": spelt("poor", "fair", "good") | missing,
            "lift": st.booleans() | spelt("yes", "no", "t", "F", "1", "0") | st.sampled_from([0, 1, 1.0]) | missing,
        }
    )


@given(records=st.lists(rows(), max_size=8))
def test_one_record_and_a_column_of_them_are_encoded_alike(small_contract: Contract, records: list[dict]) -> None:
    encoder = Encoder(small_contract)

    together = encoder.columns({name: [record[name] for record in records] for name in encoder.names})

    assert together.dtype == np.float32
    assert together.shape == (len(records), 7)
    for record, row in zip(records, together, strict=True):
        np.testing.assert_array_equal(encoder.record(record), row[np.newaxis])


@given(record=rows())
def test_the_normal_form_of_a_value_has_the_same_code_and_is_its_own_normal_form(
    small_contract: Contract, record: dict[str, Any]
) -> None:
    for name, column in small_contract.features.items():
        own = coder(column)
        normal = own.normalise(record[name])

        np.testing.assert_array_equal(own.code(normal), own.code(record[name]))
        assert own.normalise(normal) == normal


@given(word=st.text(max_size=6))
def test_folding_twice_is_folding_once(word: str) -> None:
    assert fold(fold(word)) == fold(word)
    assert (fold(word) == "") == (word.strip() == "")


def test_a_frame_is_encoded_as_its_records_are(
    small_contract: Contract, small_rows: Callable[..., pd.DataFrame]
) -> None:
    encoder, frame = Encoder(small_contract), small_rows(300, 1)

    expected = np.concatenate([encoder.record(record) for record in frame.to_dict("records")])

    np.testing.assert_array_equal(encoder.columns(frame), expected)
    np.testing.assert_array_equal(encoder.columns(frame.convert_dtypes()), expected)  # pandas' nullable types
    np.testing.assert_array_equal(encoder.columns(frame.astype({"kind": "category"})), expected)


def test_the_matrix_holds_numbers_truths_and_positions_in_the_order_of_the_contract(small_contract: Contract) -> None:
    record = {
        "lift": "No",
        "state": "GOOD",
        "district": "south",
        "kind": "terraced  house",
        GARDEN: 12,
        "class": 3.0,
        "area": 70.5,
        "another": "ignored",
    }

    np.testing.assert_array_equal(Encoder(small_contract).record(record), [[70.5, 3, 12, 1, 1, 2, 0]])


def test_what_is_absent_is_missing(small_contract: Contract) -> None:
    assert np.isnan(Encoder(small_contract).record({})).all()


def test_only_categories_without_an_order_are_to_be_one_hot(small_contract: Contract) -> None:
    assert Encoder(small_contract).one_hot == {3: 3, 4: 2}  # kind and district, by how many words they have


@pytest.mark.parametrize("value", MISSING)
def test_each_form_of_a_missing_value_is_nan(small_contract: Contract, value: Any) -> None:
    encoder = Encoder(small_contract)

    assert is_missing(value)
    assert np.isnan(encoder.record(dict.fromkeys(encoder.names, value))).all()
    assert [coder(column).normalise(value) for column in small_contract.features.values()] == [None] * 7


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "nan", "None", "-", float("inf"), np.int64(0), date(2020, 1, 1)])
def test_what_only_looks_like_nothing_is_not_missing(value: Any) -> None:
    assert not is_missing(value)


def category(**keys: Any) -> Words:
    return Words(CategoryColumn(type="category", categories=("Straße", "Allée", "Five Ways"), **keys))


@pytest.mark.parametrize("word", ["Straße", "STRASSE", " strasse ", "Stra\u017f\u017fe"])
def test_a_word_is_known_by_any_of_its_spellings(word: str) -> None:
    assert (category().normalise(word), category().code(word), category().knows(word)) == ("Straße", 0.0, True)


@pytest.mark.parametrize("word", ["All\u00e9e", "Alle\u0301e", "ALLE\u0301E"])
def test_composed_and_decomposed_letters_are_the_same(word: str) -> None:
    assert category().code(word) == 1.0


@pytest.mark.parametrize("word", ["ﬁve ways", "five\u3000ways", "\uff26ive Ways"])
def test_ligatures_and_wide_letters_are_plain_ones(word: str) -> None:
    assert category().code(word) == 2.0


def test_an_unknown_word_is_refused_by_a_closed_list() -> None:
    with pytest.raises(ValueError, match="'Gasse' is not in the list"):
        category().code("Gasse")
    with pytest.raises(ValueError, match="'Gasse' is not in the list"):
        category().normalise("Gasse")


def test_an_unknown_word_of_an_open_list_is_kept_folded_and_coded_as_unknown() -> None:
    assert category(open=True).normalise(" Lange  GASSE ") == "lange gasse"
    assert category(open=True).code("Gasse") == UNKNOWN
    assert not category(open=True).knows("Gasse")


def test_an_unknown_word_of_an_ordered_list_has_no_place_in_it() -> None:
    assert np.isnan(category(open=True, ordered=True).code("Gasse"))


@pytest.mark.parametrize(
    "value", ["7", "1_000", "\uff11\uff12", np.str_("7"), b"7", True, np.True_, [7], {}, date(2020, 1, 1), 1j]
)
def test_what_is_no_number_is_refused_by_record_and_by_columns(small_contract: Contract, value: Any) -> None:
    encoder = Encoder(small_contract)

    with pytest.raises(EncodeError, match="column 'area'"):
        encoder.record({"area": value})
    with pytest.raises(EncodeError, match="column 'area'"):
        encoder.columns(
            {name: [1 if name == "area" else None, value if name == "area" else None] for name in encoder.names}
        )


@pytest.mark.filterwarnings("error")  # NumPy would warn, and go on with infinity
@pytest.mark.parametrize(
    "value", [1e39, -1e39, float("inf"), -float("inf"), np.float64("inf"), 10**400, Decimal("1e50")]
)
def test_a_number_that_float32_cannot_hold_is_refused_and_not_made_infinite(
    small_contract: Contract, value: Any
) -> None:
    encoder = Encoder(small_contract)
    columns: dict[str, Any] = {name: [None, None] for name in encoder.names}

    with pytest.raises(EncodeError, match="too large"):
        encoder.record({"area": value})
    for values in ([1, value], np.array([1, value]), pd.Series([value], dtype="object")):
        with pytest.raises(EncodeError, match="too large"):
            encoder.columns({**columns, "area": values})


def test_the_largest_float32_is_still_a_number(small_contract: Contract) -> None:
    assert Encoder(small_contract).record({"area": LARGEST})[0, 0] == np.float32(LARGEST)


@pytest.mark.parametrize("value", ["maybe", "2", 2, -1, 0.5, [], "on"])
def test_what_is_neither_true_nor_false_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is not true or false"):
        Booleans().code(value)


def test_equal_numbers_of_other_types_are_other_words() -> None:
    encoder = Encoder(_with_words("1", "true"))

    np.testing.assert_array_equal(encoder.columns({"word": [1, True, 1]})[:, 0], [0, 1, 0])


def _with_words(*words: str) -> Contract:
    return Contract.model_validate(
        {
            "name": "words",
            "columns": {"word": {"type": "category", "categories": words}},
            "target": {"name": "y"},
            "ingestion": {"source": "words.csv"},
            "training": {"candidates": {"ridge": {"kind": "ridge"}}},
        }
    )


def test_columns_that_are_not_there_are_named(small_contract: Contract) -> None:
    with pytest.raises(EncodeError, match="not there: class, größe des gartens"):
        Encoder(small_contract).columns({name: [] for name in small_contract.features if name not in ("class", GARDEN)})


def test_no_rows_make_a_matrix_without_rows(small_contract: Contract) -> None:
    assert Encoder(small_contract).columns({name: [] for name in small_contract.features}).shape == (0, 7)


def test_whole_numbers_are_exact_up_to_the_precision_of_float32() -> None:
    assert Numbers().code(2**24) == np.float32(2**24)


def test_a_whole_number_is_a_word_without_its_decimal_point() -> None:
    """A table of numbers that are names, read as floats because one cell is empty."""
    column = CategoryColumn(type="category", categories=("20", "60"))
    assert [Words(column).code(value) for value in ("60", 60, 60.0, np.float64(60))] == [1.0] * 4
