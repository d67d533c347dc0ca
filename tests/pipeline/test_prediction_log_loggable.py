from typing import Any

import pytest

from pipeline.contract import Contract, ContractError, parse_contract
from pipeline.prediction_log import Loggable
from tests.conftest import SMALL

COLUMNS: dict[str, Any] = SMALL["columns"]  # type: ignore[assignment]
RECORD = {"area": 70.5, "class": 3, "größe des gartens": None, "kind": "Flat", "district": "north", "lift": True}


def hiding(*names: str) -> Contract:
    columns = {name: {**column, "log": False} if name in names else column for name, column in COLUMNS.items()}
    return parse_contract({**SMALL, "columns": columns})


def test_a_contract_that_hides_nothing_costs_nothing(small_contract):
    loggable, warnings = Loggable(small_contract), ["area: 7 is outside"]
    assert loggable.features(RECORD) is RECORD
    assert loggable.warnings(warnings) is warnings
    assert loggable.digest(RECORD, "key") is None


def test_hidden_columns_are_in_no_record_and_no_warning():
    loggable = Loggable(hiding("district", "größe des gartens"))
    assert loggable.features(RECORD) == {"area": 70.5, "class": 3, "kind": "Flat", "lift": True}
    assert RECORD["district"] == "north"
    told = ["area: 7 is outside", "district: 'north' is not a category", "größe des gartens: 9 is outside"]
    assert loggable.warnings(told) == ["area: 7 is outside"]


def test_a_digest_tells_hidden_values_apart_and_needs_the_clients_key():
    loggable = Loggable(hiding("district"))
    first = loggable.digest(RECORD, "key")
    assert first == loggable.digest(dict(reversed(RECORD.items())), "key")
    assert first == loggable.digest({**RECORD, "area": 1}, "key")  # which the log itself holds
    assert first != loggable.digest({**RECORD, "district": "south"}, "key")
    assert first != loggable.digest(RECORD, "another key")
    assert first is not None
    assert "north" not in first


def test_what_is_logged_is_not_what_rows_mean(small_contract):
    assert hiding("district").data_hash == small_contract.data_hash
    assert hiding("district").model_hash == small_contract.model_hash


def test_only_features_can_be_hidden():
    for name, role in (("flat id", "key"), ("sold", "event_time")):
        with pytest.raises(
            ContractError, match=f"log: false is for features; a {role} column is not part of a request"
        ):
            hiding(name)
