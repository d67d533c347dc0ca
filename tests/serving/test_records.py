import json
from typing import Any

import pytest

from pipeline.contract import Contract, parse_contract
from pipeline.encode import Encoder
from serving.service.records import BODY, OTHER, RecordRefused, Records

RECORD = {
    "area": 70.5,
    "class": 3,
    "größe des gartens": 12,
    "kind": "Flat",
    "district": "North",
    "state": "good",
    "lift": True,
}
AREA = "a number of at least 5 and at most 1000"
CLASS = "a whole number of at least 1 and at most 5"
GARDEN = "a number of at least 0"
KIND = "one of: Flat, Terraced House, Villa"
ABSENT = object()

# field, what is sent there (as JSON), reason, value as it comes back, what is allowed
REFUSED = [
    ("area", ABSENT, "missing_column", None, AREA),
    ("area", "null", "missing", None, AREA),
    ("area", '"70.5"', "type", "70.5", AREA),
    ("area", '""', "type", "", AREA),
    ("area", "true", "type", True, AREA),
    ("area", "[70]", "type", [70], AREA),
    ("area", '{"m2": 70}', "type", {"m2": 70}, AREA),
    ("area", "4.9", "range", 4.9, AREA),
    ("area", "1000.1", "range", 1000.1, AREA),
    ("area", "-1e308", "range", -1e308, AREA),
    ("area", "NaN", "range", "nan", f"{AREA} that a 32-bit float can hold"),
    ("area", "1e999", "range", "inf", f"{AREA} that a 32-bit float can hold"),
    ("class", "3.5", "type", 3.5, CLASS),
    ("class", '"3"', "type", "3", CLASS),
    ("class", "false", "type", False, CLASS),
    ("class", "6", "range", 6, CLASS),
    ("class", "0.5", "range", 0.5, CLASS),
    ("größe des gartens", "-1", "range", -1, GARDEN),
    ("größe des gartens", "1e39", "range", 1e39, f"{GARDEN} that a 32-bit float can hold"),
    ("größe des gartens", "-Infinity", "range", "-inf", f"{GARDEN} that a 32-bit float can hold"),
    ("kind", '"hut"', "category", "hut", KIND),
    ("kind", '"   "', "missing", None, KIND),
    ("kind", "3", "type", 3, KIND),
    ("kind", "null", "missing", None, KIND),
    ("district", "null", "missing", None, "any word"),
    ("district", "7", "type", 7, "any word"),
    ("district", json.dumps("x" * 201), "category", "x" * 201, "a word of at most 200 letters"),
    ("state", '"ruin"', "category", "ruin", "one of: poor, fair, good"),
    ("lift", '"yes"', "type", "yes", "true or false"),
    ("lift", "1", "type", 1, "true or false"),
    ("lift", "null", "missing", None, "true or false"),
    ("flat id", '"f1"', "unexpected", "f1", "the fields " + ", ".join(RECORD)),
    ("f0", "1", "unexpected", 1, "the fields " + ", ".join(RECORD)),
]


@pytest.fixture(scope="module")
def records(small_contract: Contract) -> Records:
    return Records(small_contract)


def body(changes: dict[str, str]) -> bytes:
    """Write the record as JSON with some values in a spelling of their own."""
    parts = {name: json.dumps(value) for name, value in RECORD.items()} | changes
    return ("{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in parts.items()) + "}").encode()


def refused(records: Records, content: bytes) -> RecordRefused:
    with pytest.raises(RecordRefused) as caught:
        records.read(content)
    return caught.value


@pytest.mark.parametrize(("field", "sent", "reason", "value", "allowed"), REFUSED)
def test_a_refusal_names_the_field_the_value_and_what_is_allowed(
    records: Records, field: str, sent: Any, reason: str, value: Any, allowed: str
) -> None:
    content = body({field: sent} if sent is not ABSENT else {})
    if sent is ABSENT:
        content = json.dumps({name: known for name, known in RECORD.items() if name != field}).encode()
    problem = refused(records, content)
    told = json.loads(problem.response().body)
    (error,) = told["errors"]
    assert problem.status == told["status"] == 422
    assert (error["field"], error["reason"], error["allowed"]) == (field, reason, allowed)
    if value is not None and not isinstance(value, list | dict) and len(str(value)) < 60:
        assert error["value"] == value
        assert str(value) in error["message"]
    assert error["message"] == told["detail"] == str(problem)
    assert field in error["message"]
    assert f"allowed: {allowed}" in error["message"]


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"", 400, "unreadable"),
        (b"{", 400, "unreadable"),
        (b'{"area": 1,}', 400, "unreadable"),
        (b'{"kind": "\xff"}', 400, "unreadable"),
        (b'{"area": ' + b"9" * 5000 + b"}", 400, "unreadable"),
        (b"[" * 2000, 400, "unreadable"),
        (b"area=70", 400, "unreadable"),
        (b"[]", 422, "type"),
        (b"null", 422, "type"),
        (b'"Flat"', 422, "type"),
    ],
)
def test_a_body_that_is_no_record_is_refused_as_a_whole(
    records: Records, content: bytes, status: int, reason: str
) -> None:
    problem = refused(records, content)
    assert (problem.status, problem.refusals[0].field, problem.refusals[0].reason) == (status, BODY, reason)
    assert "an object with the contract's fields" in str(problem)


def test_every_refused_field_is_told_at_once_and_long_values_are_cut(records: Records) -> None:
    problem = refused(records, body({"area": "1", "kind": json.dumps("y" * 9000), "class": "[" + "1," * 900 + "1]"}))
    told = json.loads(problem.response().body)
    assert [error["field"] for error in told["errors"]] == ["area", "class", "kind"]
    assert told["detail"].startswith("area: 1 is out of range; allowed")
    assert told["detail"].endswith("; and 2 more, see errors")
    assert len(problem.response().body) < 2000


def test_fields_that_the_contract_does_not_know_are_counted_under_one_name(records: Records) -> None:
    problem = refused(records, body({"made up": "1", "area": "1"}))
    assert problem.counted == [("area", "range"), (OTHER, "unexpected")]


@pytest.mark.parametrize(
    ("field", "sent", "normal"),
    [
        ("class", "3.0", 3),
        ("class", "3e0", 3),
        ("area", "70", 70.0),
        ("area", "5", 5.0),
        ("area", "1000", 1000.0),
        ("kind", '"  TERRACED   house "', "Terraced House"),
        ("district", '"sOUTH"', "South"),
        ("district", '" East  END"', "east end"),
        ("größe des gartens", "null", None),
        ("state", '""', None),
        ("state", '"GOOD"', "good"),
        ("lift", "false", False),
    ],
)
def test_what_is_allowed_comes_back_in_its_normal_form(records: Records, field: str, sent: str, normal: Any) -> None:
    read = records.read(body({field: sent}))
    assert read[field] == normal
    assert type(read[field]) is type(normal)
    assert list(read) == list(RECORD)


def test_optional_fields_may_be_absent(records: Records) -> None:
    required = {name: RECORD[name] for name in ("area", "class", "kind", "district", "lift")}
    assert records.read(json.dumps(required).encode()) == {**required, "größe des gartens": None, "state": None}


def test_the_normal_form_is_encoded_as_the_raw_form_is(records: Records, small_contract: Contract) -> None:
    raw = {**RECORD, "kind": " villa", "district": "moon", "state": "FAIR", "lift": False, "größe des gartens": None}
    encoder = Encoder(small_contract)
    read = records.read(json.dumps(raw).encode())
    assert encoder.record(read).tobytes() == encoder.record(raw).tobytes()


def test_names_may_be_anything_that_a_contract_allows() -> None:
    names = ["class", "model_config", "f1", "a b", "__private", "größe", "数", "copy", "self", "json", "x.y", 'q"uote']
    content = {
        "name": "odd",
        "columns": {name: {"type": "number"} for name in names},
        "target": {"name": "y"},
        "ingestion": {"source": "nowhere.csv"},
        "training": {"candidates": {"dummy": {"kind": "dummy"}}},
    }
    odd = Records(parse_contract(content))
    given = {name: float(place) for place, name in enumerate(names)}
    assert odd.read(json.dumps(given).encode()) == given


def test_the_example_of_the_contract_is_accepted(house_prices: Contract) -> None:
    assert Records(house_prices).read(json.dumps(house_prices.example()).encode()) == house_prices.example()
