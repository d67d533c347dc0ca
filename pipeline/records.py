"""Rows as records: the form in which the prediction service takes them."""

from collections.abc import Mapping
from typing import Any

from pipeline.coders import coder
from pipeline.contract import Contract, IntegerColumn


def to_record(contract: Contract, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's features as JSON values in their normal form; None where a value is missing."""
    normal = {name: coder(column).normalise(row[name]) for name, column in contract.features.items()}
    whole = {name for name, column in contract.features.items() if isinstance(column, IntegerColumn)}
    return {name: int(value) if name in whole and value is not None else value for name, value in normal.items()}
