"""Validating: what is refused, in which words, and what a valid batch looks like."""

import math

import numpy as np
import pandas as pd
import pytest

from ingestion.collect import collect
from ingestion.errors import BatchRefused, IngestionError
from ingestion.files import load_table
from ingestion.validate import validate
from pipeline.contract import SPLIT, Contract, Window, parse_contract
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


def bearing(contract: Contract, share: float) -> Contract:
    """The contract, with another share of bad rows that a batch may have."""
    ingestion = contract.ingestion.model_copy(update={"quarantine_limit": share})
    return contract.model_copy(update={"ingestion": ingestion})


@pytest.fixture
def refusals_of(check, small_contract):
    """What is said of a batch of which no row may be bad."""

    def run(frame: pd.DataFrame, contract: Contract = small_contract, kind: str = "csv") -> list[str]:
        with pytest.raises(BatchRefused) as error:
            check(frame, bearing(contract, 0), kind)
        return [refusal.message for refusal in error.value.refusals]

    return run


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
    missing = {name: column["missing"] for name, column in report["profile"]["columns"].items() if column["missing"]}
    assert missing == {
        "größe des gartens": rows["größe des gartens"].isna().sum(),
        "state": rows["state"].isna().sum(),
    }
    assert report["unknown_words"] == {"district": {"east end": (rows["district"] == "East End").sum()}}
    assert (report["rows"], report["accepted"], report["quarantined"]) == (60, 60, 0)


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
        ("area", "-3", "area: -3 is out of range (row 7); allowed: a number of at least 5 and at most 1000"),
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
            ("area: inf is out of range (row 7); " + TOO_LARGE.format("of at least 5 and at most 1000")),
        ),
        ("area", " ", "area: is empty (row 7); allowed: a number of at least 5 and at most 1000"),
        (
            "class",
            "2.5",
            "class: 2.5 is of the wrong type (row 7); allowed: a whole number of at least 1 and at most 5",
        ),
        ("class", "6", "class: 6 is out of range (row 7); allowed: a whole number of at least 1 and at most 5"),
        (
            "größe des gartens",
            "1e39",
            ("größe des gartens: 1e+39 is out of range (row 7); " + TOO_LARGE.format("of at least 0")),
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
        (
            "flat id",
            "f2-0",
            (
                "flat id: 'f2-0' stands more than once, and its rows disagree (row 1 and 1 more); "
                "allowed: each flat id once in a window"
            ),
        ),
        (
            "rent",
            "0",
            "rent: 0 is out of range (row 7); allowed: a number of at least 1",
        ),
    ],
)
def test_a_refused_value_is_named_with_its_row_and_what_is_allowed(refusals_of, rows, column, value, message):
    text = rows.astype(str).mask(rows.isna(), "")
    text.loc[6, column] = value
    assert refusals_of(text) == [message]


def test_values_of_one_field_and_reason_are_one_line(refusals_of, rows):
    rows.loc[[3, 5, 9], "area"] = [-1, -2, 5000]
    assert refusals_of(rows) == [
        "area: -1 is out of range (row 4 and 2 more); allowed: a number of at least 5 and at most 1000"
    ]


def test_every_reason_is_told_at_once_and_the_report_is_written_all_the_same(check, rows, settings):
    rows.loc[2, "area"], rows.loc[4, "kind"] = 4, "Castle"
    rows = rows.drop(columns="lift").assign(agent="x")
    with pytest.raises(BatchRefused) as error:
        check(rows)
    expected = {
        "area": {"range": 1}, "kind": {"category": 1}, "lift": {"missing_column": 60},
    }  # fmt: skip
    report = read_json(storage(settings, "ingestion", "small", "run", "report.json"))
    assert report["refused"] == expected
    assert report["ignored_columns"] == ["agent"]
    assert report["rows"] == 60
    assert report["published"] is False
    assert all(message in str(error.value) for message in report["messages"])
    assert "lift: is not there; allowed: true or false" in report["messages"]


def test_a_batch_without_any_column_of_the_contract_names_them_all(refusals_of, rows, small_contract):
    only_time = rows[["sold"]]
    assert len(refusals_of(only_time)) == len(small_contract.batch_columns) - 1


def test_a_key_of_two_columns_is_unique_as_a_whole(check, refusals_of, rows, small_contract):
    content = small_contract.model_dump(mode="json")
    content["columns"]["house"] = {"type": "text"}
    contract = parse_contract(content)
    apart = rows.assign(**{"flat id": ["a", "b"] * 30, "house": np.arange(60) // 2})
    assert len(check(apart, contract)[0]) == 60
    apart.loc[8] = apart.loc[0]
    assert refusals_of(apart, contract=contract) == [
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


def test_a_boolean_in_a_numeric_column_is_of_the_wrong_type(refusals_of, rows):
    rows["area"] = [True, False] * 30
    message = "area: 'true' is of the wrong type (row 1 and 59 more); allowed: a number of at least 5 and at most 1000"
    assert refusals_of(rows, kind="parquet") == [message]


def test_an_optional_boolean_may_be_missing(check, rows, small_contract):
    content = small_contract.model_dump(mode="json")
    content["columns"]["lift"]["required"] = False
    rows.loc[0, "lift"] = None
    frame, report = check(rows, parse_contract(content))
    assert frame["lift"].isna().tolist() == [True] + [False] * 59
    assert report["profile"]["columns"]["lift"]["missing"] == 1


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
    assert len(str(error.value).splitlines()) == 24


def quarantined(uri: str) -> pd.DataFrame:
    return load_table(uri).to_pandas()


def test_bad_rows_go_to_the_quarantine_with_every_reason_and_the_others_on(settings, small_contract, rows, tmp_path):
    text = rows.astype(str).mask(rows.isna(), "")
    text.loc[4, ["area", "kind"]] = ["-1", "Castle"]
    text.loc[9, "rent"] = ""
    text.to_csv(tmp_path / "s.csv", index=False)
    collected = collect(small_contract, settings, "run", Window(), str(tmp_path / "s.csv"))
    valid = validate(small_contract, settings, "run", collected)
    assert (valid.rows, valid.quarantined) == (58, 2)
    assert set(load_table(valid.uri).column("flat id").to_pylist()) == set(rows["flat id"].drop([4, 9]))
    bad = quarantined(valid.quarantine_uri)
    assert bad["row"].tolist() == [5, 10]
    assert bad["flat id"].tolist() == rows["flat id"].iloc[[4, 9]].tolist()
    assert bad["kind"].iloc[0] == "Castle"
    assert bad["source_file"].iloc[0].endswith("s.csv")
    assert bad["reasons"].iloc[0] == (
        "kind: 'Castle' is not a known category; allowed: one of: Flat, Terraced House, Villa; "
        "area: -1 is out of range; allowed: a number of at least 5 and at most 1000"
    )
    assert bad["reasons"].iloc[1] == "rent: is empty; allowed: a number of at least 1"


def test_the_share_of_bad_rows_decides_whether_the_others_go_on(check, rows, small_contract):
    rows.loc[[3, 5, 9], "area"] = -1  # 3 of 60 are 5 %
    assert len(check(rows, bearing(small_contract, 0.05))[0]) == 57
    with pytest.raises(BatchRefused, match=r"3 of 60 rows \(5\.00%\) break the contract, more than the 4\.90%"):
        check(rows, bearing(small_contract, 0.049))


def test_a_repeated_row_is_left_out_and_rows_that_disagree_all_are(check, rows, small_contract, settings):
    twice = pd.concat([rows, rows.iloc[[0, 0]], rows.iloc[[1]].assign(rent=777)], ignore_index=True)
    frame, report = check(twice, bearing(small_contract, 0.1))
    assert sorted(frame["flat id"]) == sorted(rows["flat id"].drop(1))
    assert report["refused"] == {"flat id": {"conflict": 2, "duplicate": 2}}
    assert report["profile"]["rows"] == report["accepted"] == 59
    bad = quarantined(str(storage(settings, "ingestion", "small", "run", "quarantine.parquet")))
    assert sorted(bad["row"]) == [2, 61, 62, 63]


def test_a_line_that_has_not_as_many_cells_as_the_header_is_quarantined_as_it_stands(
    settings, small_contract, rows, tmp_path
):
    lines = rows.to_csv(index=False).splitlines()
    lines[8:8] = ["a,b,c"]
    (tmp_path / "s.csv").write_text("\n".join(lines), encoding="utf-8")
    collected = collect(small_contract, settings, "run", Window(), str(tmp_path / "s.csv"))
    valid = validate(small_contract, settings, "run", collected)
    bad = quarantined(valid.quarantine_uri)
    assert (valid.rows, bad["row"].tolist(), bad["line"].tolist()) == (60, [8], ["a,b,c"])
    assert bad["reasons"].tolist() == ["(whole line): 'a,b,c' cannot be read; allowed: as many cells as the header has"]


def test_a_run_without_bad_rows_leaves_no_quarantine_of_an_earlier_try(check, rows, settings, small_contract):
    check(rows.assign(area=[-1.0, *rows["area"][1:]]))
    target = storage(settings, "ingestion", "small", "run", "quarantine.parquet")
    assert target.exists()
    check(rows)
    assert not target.exists()


def test_what_a_renamed_column_may_be_is_suggested(refusals_of, rows):
    assert refusals_of(rows.rename(columns={"lift": "Lifts"})) == [
        "lift: is not there; allowed: true or false (the source has 'Lifts': did you mean that one?)"
    ]
