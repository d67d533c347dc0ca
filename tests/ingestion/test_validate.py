"""Validating: what is refused, in which words, and what a valid batch looks like."""

import math

import numpy as np
import pandas as pd
import pytest

from ingestion.collect import collect
from ingestion.errors import BatchRefused, IngestionError
from ingestion.files import load_table
from ingestion.validate import validate
from pipeline.contract import SPLIT, Window, parse_contract
from pipeline.data_content import to_frame
from pipeline.encode import Encoder
from pipeline.split import split_of
from pipeline.storage import read_json, storage

TOO_LARGE = "allowed: a number {}, no larger in size than 3.4e+38"


@pytest.fixture
def check(settings, small_contract, tmp_path):
    """Collect and validate a frame written as CSV (or Parquet), and return the valid frame and the report."""

    def run(frame: pd.DataFrame, contract=small_contract, kind: str = "csv"):
        path = tmp_path / f"batch.{kind}"
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)
        valid = validate(contract, settings, "run", collect(contract, settings, "run", Window(), str(path)))
        return to_frame(load_table(valid.uri)), read_json(valid.report_uri)

    return run


@pytest.fixture
def rows(small_rows):
    return small_rows(60, 2)


def refusals_of(check, frame: pd.DataFrame, **arguments) -> list[str]:
    with pytest.raises(BatchRefused) as error:
        check(frame, **arguments)
    return [refusal.message for refusal in error.value.refusals]


def test_a_valid_batch_is_normalised_typed_and_split(check, rows, small_contract):
    frame, report = check(rows)
    assert list(frame.columns) == [*small_contract.batch_columns, SPLIT]
    assert set(frame["kind"]) == {"Flat", "Terraced House", "Villa"}
    assert set(frame["district"]) <= {"North", "South", "east end"}
    assert frame["lift"].tolist() == [word == "yes" for word in rows["lift"]]
    assert [str(frame[name].dtype) for name in ("class", "area", "kind", "lift", "sold")] == [
        "float64", "float64", "str", "bool", "datetime64[us]",
    ]  # fmt: skip
    assert frame[SPLIT].tolist() == [split_of(small_contract, [key]) for key in rows["flat id"]]
    assert report["refused"] == {}
    assert report["missing"] == {
        "größe des gartens": rows["größe des gartens"].isna().sum(),
        "state": rows["state"].isna().sum(),
    }
    assert report["unknown_words"] == {"district": (rows["district"] == "East End").sum()}


def test_the_valid_batch_encodes_as_the_raw_rows_do(check, rows, small_contract):
    frame, _ = check(rows)
    encoder = Encoder(small_contract)
    np.testing.assert_array_equal(encoder.columns(frame), encoder.columns(rows))


def test_parquet_and_csv_of_the_same_rows_are_the_same_batch(check, rows):
    typed = rows.assign(
        lift=rows["lift"].str.lower() == "yes", sold=pd.to_datetime(rows["sold"]), kind=rows["kind"].astype("category")
    )
    pd.testing.assert_frame_equal(check(rows)[0], check(typed, kind="parquet")[0])


def test_a_number_that_is_a_key_or_a_category_keeps_one_spelling(check, rows, small_contract):
    content = small_contract.model_dump(mode="json")
    content["columns"]["kind"]["categories"] = ["20", "30"]
    contract = parse_contract(content)
    whole = rows.assign(**{"kind": [20.0, 30.0] * 30, "flat id": np.arange(60) + 2**60})
    frame, _ = check(whole, contract, "parquet")
    assert set(frame["kind"]) == {"20", "30"}
    assert frame["flat id"].iloc[7] == str(2**60 + 7)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("area", "-3", "area: '-3' is out of range (row 7); allowed: a number of at least 5 and at most 1000"),
        (
            "area",
            "1,000",
            "area: '1,000' is of the wrong type (row 7); allowed: a number of at least 5 and at most 1000",
        ),
        ("area", "big", "area: 'big' is of the wrong type (row 7); allowed: a number of at least 5 and at most 1000"),
        ("area", "nan", "area: 'nan' is of the wrong type (row 7); allowed: a number of at least 5 and at most 1000"),
        (
            "area",
            "inf",
            ("area: 'inf' is out of range (row 7); " + TOO_LARGE.format("of at least 5 and at most 1000")),
        ),
        ("area", " ", "area: is empty (row 7); allowed: a number of at least 5 and at most 1000"),
        (
            "class",
            "2.5",
            "class: '2.5' is of the wrong type (row 7); allowed: a whole number of at least 1 and at most 5",
        ),
        ("class", "6", "class: '6' is out of range (row 7); allowed: a whole number of at least 1 and at most 5"),
        (
            "größe des gartens",
            "1e39",
            ("größe des gartens: '1e39' is out of range (row 7); " + TOO_LARGE.format("of at least 0")),
        ),
        (
            "kind",
            "Castle",
            "kind: 'Castle' is not a known category (row 7); allowed: one of: Flat, Terraced House, Villa",
        ),
        ("kind", "", "kind: is empty (row 7); allowed: one of: Flat, Terraced House, Villa"),
        ("state", "awful", "state: 'awful' is not a known category (row 7); allowed: one of: poor, fair, good"),
        ("lift", "maybe", "lift: 'maybe' is of the wrong type (row 7); allowed: true or false"),
        ("lift", "", "lift: is empty (row 7); allowed: true or false"),
        ("flat id", "", "flat id: is empty (row 7); allowed: a text that is not empty"),
        ("flat id", "f2-0", "flat id: 'f2-0' stands more than once (row 7); allowed: each flat id once in a window"),
        (
            "rent",
            "0",
            "rent: '0' is out of range (row 7); allowed: a number of at least 1",
        ),
    ],
)
def test_a_refused_value_is_named_with_its_row_and_what_is_allowed(check, rows, column, value, message):
    text = rows.astype(str).mask(rows.isna(), "")
    text.loc[6, column] = value
    assert refusals_of(check, text) == [message]


def test_values_of_one_field_and_reason_are_one_line(check, rows):
    rows.loc[[3, 5, 9], "area"] = [-1, -2, 5000]
    assert refusals_of(check, rows) == [
        "area: '-1.0' is out of range (row 4 and 2 more); allowed: a number of at least 5 and at most 1000"
    ]


def test_every_reason_is_told_at_once_and_the_report_is_written_all_the_same(check, rows, settings):
    rows.loc[2, "area"], rows.loc[4, "kind"], rows.loc[[7, 8], "flat id"] = 4, "Castle", "f2-0"
    rows = rows.drop(columns="lift").assign(agent="x")
    with pytest.raises(BatchRefused) as error:
        check(rows)
    expected = {
        "flat id": {"duplicate": 2}, "area": {"range": 1}, "kind": {"category": 1}, "lift": {"missing_column": 60},
    }  # fmt: skip
    report = read_json(storage(settings, "ingestion", "small", "run", "report.json"))
    assert report["refused"] == expected
    assert report["ignored_columns"] == ["agent"]
    assert report["rows"] == 60
    assert "lift" not in report["missing"]
    assert "kind" not in report["missing"]
    assert all(message in str(error.value) for message in report["messages"])
    assert "lift: is not there; allowed: true or false" in report["messages"]


def test_a_batch_without_any_column_of_the_contract_names_them_all(check, rows, small_contract):
    only_time = rows[["sold"]]
    assert len(refusals_of(check, only_time)) == len(small_contract.batch_columns) - 1


def test_a_key_of_two_columns_is_unique_as_a_whole(check, rows, small_contract):
    content = small_contract.model_dump(mode="json")
    content["columns"]["house"] = {"type": "text"}
    contract = parse_contract(content)
    apart = rows.assign(**{"flat id": ["a", "b"] * 30, "house": np.arange(60) // 2})
    assert len(check(apart, contract)[0]) == 60
    apart.loc[8, ["flat id", "house"]] = ["a", 0]
    assert refusals_of(check, apart, contract=contract) == [
        "flat id: ('a', '0') stands more than once (row 9); allowed: each flat id, house once in a window"
    ]


def test_without_a_key_equal_rows_are_no_duplicates(check, rows, small_contract):
    content = small_contract.model_dump(mode="json")
    del content["columns"]["flat id"]
    contract = parse_contract(content)
    twice = pd.concat([rows, rows], ignore_index=True)
    frame, _ = check(twice, contract)
    assert len(frame) == 120
    assert frame[SPLIT].tolist()[:60] == frame[SPLIT].tolist()[60:]


def test_a_boolean_in_a_numeric_column_is_of_the_wrong_type(check, rows):
    rows["area"] = [True, False] * 30
    message = "area: True is of the wrong type (row 1 and 59 more); allowed: a number of at least 5 and at most 1000"
    assert refusals_of(check, rows, kind="parquet") == [message]


def test_an_optional_boolean_may_be_missing(check, rows, small_contract):
    content = small_contract.model_dump(mode="json")
    content["columns"]["lift"]["required"] = False
    rows.loc[0, "lift"] = None
    frame, report = check(rows, parse_contract(content))
    assert frame["lift"].isna().tolist() == [True] + [False] * 59
    assert report["missing"]["lift"] == 1


def test_an_optional_column_without_any_value_is_valid(check, rows):
    rows["größe des gartens"], rows["state"] = None, None
    frame, _ = check(rows)
    assert math.isnan(frame["größe des gartens"].iloc[0])
    assert frame["state"].isna().all()


def test_a_batch_that_is_gone_says_what_to_do(settings, small_contract, rows, tmp_path):
    rows.to_csv(tmp_path / "s.csv", index=False)
    collected = collect(small_contract, settings, "run", Window(), str(tmp_path / "s.csv"))
    gone = collected.model_copy(update={"uri": collected.uri + ".gone"})
    with pytest.raises(IngestionError, match="the batch cannot be read, collect it again"):
        validate(small_contract, settings, "run", gone)


def test_validating_again_gives_the_same(check, rows):
    first, second = check(rows), check(rows)
    pd.testing.assert_frame_equal(first[0], second[0])
    assert first[1] == second[1]


def test_the_message_of_many_refusals_stays_short(check, rows, small_contract):
    content = small_contract.model_dump(mode="json")
    content["columns"] |= {f"extra {n}": {"type": "number", "maximum": 1} for n in range(30)}
    frame = rows.assign(**{f"extra {n}": 2 for n in range(30)})
    with pytest.raises(BatchRefused) as error:
        check(frame, parse_contract(content))
    assert len(error.value.refusals) == 30
    assert "and 10 more" in str(error.value)
    assert len(str(error.value).splitlines()) == 23
