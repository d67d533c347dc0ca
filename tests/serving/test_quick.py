"""The short way takes what the careful way takes, and makes the same of it."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.contract import Contract, parse_contract
from pipeline.encode import Encoder
from serving.service.quick import Quick
from serving.service.records import RecordRefused, Records
from tests.conftest import SMALL
from tests.serving.conftest import RECORD

CONTRACT = parse_contract(SMALL)
QUICK, RECORDS = Quick(CONTRACT), Records(CONTRACT)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # two busy cores
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 1200),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["Flat", " flat", "TERRACED  house", "villa", "North", "East End", "good", "GOOD ", "", "  ", "x" * 300]
    ),
    st.text(max_size=5),
    st.just([1]),
)


def carefully(body: bytes) -> dict[str, Any] | None:
    try:
        return RECORDS.read(body)
    except RecordRefused:
        return None


@PATIENT
@given(st.dictionaries(st.sampled_from([*CONTRACT.features, "extra"]), ANYTHING))
def test_both_ways_agree_on_every_body(changes: dict[str, Any]) -> None:
    body = json.dumps({**RECORD, **changes}).encode()
    quick = QUICK.read(body)
    if quick is not None:
        careful = carefully(body)
        assert quick == careful
        assert [type(value) for value in quick.values()] == [type(value) for value in (careful or {}).values()]
    assert QUICK.take(json.loads(body)) == quick  # a row of a batch


@PATIENT
@given(st.lists(st.fixed_dictionaries({}, optional={"state": ANYTHING, "größe des gartens": ANYTHING}), max_size=4))
def test_the_short_encoder_says_what_the_one_encoder_says(changes: list[dict[str, Any]]) -> None:
    read = [carefully(json.dumps({**RECORD, **one}).encode()) for one in changes]
    records = [record for record in read if record is not None] or [dict(RECORD)]
    expected = np.concatenate([Encoder(CONTRACT).record(record) for record in records])
    found = QUICK.encode(records)
    assert found.dtype == np.float32
    assert np.array_equal(found, expected, equal_nan=True)


def test_it_takes_what_is_usual(small_contract: Contract, record: dict[str, Any]) -> None:
    without = {name: value for name, value in record.items() if small_contract.features[name].required}
    for usual in (record, without, record | {"kind": "TERRACED  house", "district": "Elsewhere", "area": 70}):
        found = Quick(small_contract).read(json.dumps(usual).encode())
        assert found == Records(small_contract).read(json.dumps(usual).encode())
        assert found is not None
        assert list(found) == list(small_contract.features)


@pytest.mark.parametrize(
    "odd", [{"class": 3.0}, {"class": "3"}, {"lift": 1}, {"kind": "Castle"}, {"more": 1}, {"area": 4}]
)
def test_what_is_odd_is_left_to_the_careful_way(record: dict[str, Any], odd: dict[str, Any]) -> None:
    assert QUICK.read(json.dumps(record | odd).encode()) is None


def test_spellings_that_callers_make_up_do_not_fill_the_memory(record: dict[str, Any]) -> None:
    quick = Quick(CONTRACT)
    for place in range(10_000):
        assert quick.read(json.dumps(record | {"district": f"Elsewhere {place}"}).encode()) is not None
    remembered = [len(words) for words in _tables(quick)]
    assert max(remembered) <= 4_096


def _tables(quick: Quick) -> list[dict[str, Any]]:
    import gc

    from serving.service.quick import _Spellings

    return [found for found in gc.get_objects() if isinstance(found, _Spellings)]
